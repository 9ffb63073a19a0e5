"""Configuration: ``sqitch.conf`` in git's dialect, and ``[tool.sqitchpy]`` of pyproject.toml.

``parse_config`` reads one text, ``load_config`` finds and merges the files, ``Config`` answers by key.
"""

from __future__ import annotations

from sqitchpy.config.config import Config, Setting, Source
from sqitchpy.config.load import load_config
from sqitchpy.config.syntax import Entry, parse_config
from sqitchpy.config.variables import expand

__all__ = ["Config", "Entry", "Setting", "Source", "expand", "load_config", "parse_config"]
