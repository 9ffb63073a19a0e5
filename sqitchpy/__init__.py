"""Dependency-aware database migrations: a transactional, in-process drop-in for Sqitch.

>>> import sqitchpy
>>> project = sqitchpy.Project.open("path/to/project")          # doctest: +SKIP
>>> with project.target("db:pg:app") as target:                 # doctest: +SKIP
...     report = target.deploy(to="@v1.0")

Everything is loaded when it is first used: ``import sqitchpy`` costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqitchpy.errors import SqitchpyError
    from sqitchpy.model import Change, DeployedChange, Plan
    from sqitchpy.options import LogFilter, RevertQuestion
    from sqitchpy.plan import parse_plan
    from sqitchpy.project import Project
    from sqitchpy.report import CheckReport, Preview, Report, Status, VerifyReport
    from sqitchpy.session import TargetSession

__version__ = "0.1.0"

__all__ = [
    "Change",
    "CheckReport",
    "DeployedChange",
    "LogFilter",
    "Plan",
    "Preview",
    "Project",
    "Report",
    "RevertQuestion",
    "SqitchpyError",
    "Status",
    "TargetSession",
    "VerifyReport",
    "parse_plan",
]

_HOMES = {
    "Change": "model",
    "CheckReport": "report",
    "DeployedChange": "model",
    "LogFilter": "options",
    "Plan": "model",
    "Preview": "report",
    "Project": "project",
    "Report": "report",
    "RevertQuestion": "options",
    "SqitchpyError": "errors",
    "Status": "report",
    "TargetSession": "session",
    "VerifyReport": "report",
    "parse_plan": "plan",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'sqitchpy' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"sqitchpy.{_HOMES[name]}"), name)
