"""Configuration: ``sqitch.conf`` in git's dialect, and ``[tool.sqitchpy]`` of pyproject.toml.

``parse_config`` reads one text, ``load_config`` finds and merges the files, ``Config`` answers by key.
``editing`` changes such a text, ``edit_file`` such a file.
"""

from __future__ import annotations

from sqitchpy.config.config import Config, Setting, Source
from sqitchpy.config.load import Places, config_places, load_config, load_file
from sqitchpy.config.syntax import Entry, parse_config
from sqitchpy.config.variables import expand

__all__ = [
    "Config",
    "Entry",
    "Places",
    "Setting",
    "Source",
    "config_places",
    "expand",
    "load_config",
    "load_file",
    "parse_config",
]
