"""What the package offers is said in ``__all__``, completely and in order, and everything there explains itself."""

from __future__ import annotations

import ast
import inspect
import pkgutil
from importlib import import_module
from pathlib import Path

import pytest

import sqitchpy

OFFERING = ["sqitchpy", "sqitchpy.config", "sqitchpy.embedded", "sqitchpy.plan", "sqitchpy.testing"]
"""Packages whose ``__init__`` gathers what is meant for others."""


def imported_names(module: str) -> set[str]:
    """The public names that a package's ``__init__`` takes from its modules, those for type checkers included."""
    source = Path(str(import_module(module).__file__)).read_text(encoding="utf-8")
    return {
        alias.asname or alias.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("sqitchpy")
        for alias in node.names
    }


def exported() -> list[tuple[str, str]]:
    found = [info.name for info in pkgutil.walk_packages(sqitchpy.__path__, "sqitchpy.") if "__main__" not in info.name]
    return [(module, name) for module in ["sqitchpy", *found] for name in getattr(import_module(module), "__all__", [])]


@pytest.mark.parametrize("module", OFFERING)
def test_all_is_sorted_and_has_no_name_twice(module: str) -> None:
    names = import_module(module).__all__
    assert names == sorted(set(names))


@pytest.mark.parametrize("module", OFFERING)
def test_all_holds_every_name_that_the_package_gathers(module: str) -> None:
    assert set(import_module(module).__all__) == imported_names(module)


@pytest.mark.parametrize(("module", "name"), exported())
def test_every_name_in_all_is_there_and_explains_itself(module: str, name: str) -> None:
    value = getattr(import_module(module), name)
    if inspect.isclass(value) or inspect.isroutine(value):
        assert inspect.getdoc(value)
    assert value is not None


@pytest.mark.parametrize("name", sqitchpy.__all__)
def test_the_methods_of_what_the_front_door_offers_explain_themselves(name: str) -> None:
    value = getattr(sqitchpy, name)
    methods = vars(value).items() if inspect.isclass(value) else ()
    silent = [
        method
        for method, what in methods
        if not method.startswith("_") and inspect.isfunction(what) and not what.__doc__
    ]
    assert silent == []


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'sqitchpy' has no attribute 'deploy_everything'"):
        _ = sqitchpy.deploy_everything


def test_star_import_brings_what_all_names() -> None:
    namespace: dict[str, object] = {}
    exec("from sqitchpy import *", namespace)
    assert {name for name in namespace if not name.startswith("__")} == {
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
    }
