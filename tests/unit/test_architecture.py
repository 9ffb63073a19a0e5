"""The house of docs/architecture.md stands as drawn: who may import whom, and what a command may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Literal, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "sqitchpy"
When = Literal["at import", "in a function", "for types"]

ALLOWED: dict[str, set[str]] = {
    "errors": {"diagnostics"},  # in a function: diagnostics draws the errors
    "diagnostics": {"errors"},
    "model": {"errors"},
    "options": {"errors", "model"},
    "events": {"errors", "model"},
    "report": {"errors", "events", "model"},
    "patterns": set(),
    "plan": {"errors", "model", "patterns"},
    "schedule": {"errors", "model", "options", "plan"},
    "only": {"errors", "model", "plan", "schedule"},
    "script": {"errors", "patterns"},
    "uri": {"errors"},
    "config": {"errors", "patterns", "uri"},
    "target": {"config", "engines.catalog", "errors", "uri"},
    "identity": {"config", "errors", "model"},
    "engines.protocol": {"errors", "events", "model", "options", "script", "uri"},
    "engines.catalog": {"engines.protocol", "errors", "uri"},
    "engines.queries": set(),
    "engines.afterwards": {"engines.protocol", "errors"},
    "engines.client": {"engines.protocol", "errors", "options"},
    "engines.pg": {
        "diagnostics",
        "embedded",
        "engines.afterwards",
        "engines.client",
        "engines.parallel",
        "engines.protocol",
        "engines.queries",
        "engines.relinking",
        "engines.rows",
        "errors",
        "events",
        "model",
        "options",
        "readable",
        "script",
        "uri",
    },
    "engines.dbapi": {
        "engines.afterwards",
        "engines.client",
        "engines.parallel",
        "engines.protocol",
        "engines.queries",
        "engines.relinking",
        "engines.rows",
        "errors",
        "events",
        "model",
        "options",
        "script",
    },
    "engines.parallel": {"engines.protocol", "events"},
    "engines.rows": {"model"},
    "engines.relinking": {"engines.protocol", "errors", "model"},
    "engines.mysql": {"engines.client", "engines.dbapi", "engines.protocol", "errors", "events", "script", "uri"},
    "engines.sqlite": {"engines.client", "engines.dbapi", "engines.protocol", "errors", "script", "uri"},
    "embedded": {"errors"},
    "registering": {"errors", "model"},
    "files": {"errors", "model", "plan", "script", "target"},
    "writing": {"errors"},
    "templates": {"errors"},
    "authoring": {"errors", "files", "model", "plan", "target", "templates", "writing"},
    "bundling": {"errors", "files", "model", "plan", "target", "writing"},
    "asking": {"embedded", "engines.protocol", "errors", "model", "target"},
    "revising": {"asking", "engines.protocol", "errors", "files", "model", "plan", "target", "writing"},
    "connecting": {"engines.catalog", "engines.protocol", "errors", "events", "target"},
    "aftermath": {"engines.protocol", "events"},
    "executor": {"aftermath", "engines.protocol", "errors", "events", "model", "options", "report", "schedule"},
    "workplace": {
        "engines.protocol",
        "errors",
        "events",
        "executor",
        "files",
        "model",
        "only",
        "options",
        "plan",
        "readable",
        "registering",
        "report",
        "target",
    },
    "checking": {"files", "model", "report", "script", "verification"},
    "relinking": {"engines.protocol", "errors", "files", "model", "plan", "report"},
    "repairing": {
        "engines.protocol",
        "errors",
        "events",
        "files",
        "model",
        "plan",
        "registering",
        "relinking",
        "report",
        "workplace",
    },
    "readable": set(),
    "deploying": {
        "engines.protocol",
        "errors",
        "events",
        "executor",
        "files",
        "model",
        "only",
        "options",
        "plan",
        "registering",
        "report",
        "schedule",
        "together",
        "workplace",
    },
    "reverting": {
        "engines.protocol",
        "errors",
        "events",
        "executor",
        "files",
        "model",
        "only",
        "options",
        "report",
        "schedule",
        "workplace",
    },
    "together": {"engines.protocol", "errors", "events", "executor", "model", "options", "report", "schedule"},
    "verification": {"engines.protocol", "errors", "events", "model", "plan", "report", "schedule"},
    "project": {
        "asking",
        "authoring",
        "config",
        "connecting",
        "errors",
        "events",
        "identity",
        "model",
        "plan",
        "revising",
        "session",
        "target",
        "templates",
        "uri",
    },
    "testing": {"embedded", "engines.pg", "errors", "events", "options", "project", "session"},
    "__main__": {"cli"},
}
"""Which part of the package may import which others, also inside functions; imports for type checkers are free."""

FREE = {"cli", "session", ""}
"""The command line, the session and the front door stand on top of everything."""

FOREIGN: dict[str, tuple[str, ...]] = {
    "networkx": ("plan/graph.py",),
    "sqlparse": ("readable.py",),
    "psycopg": ("engines/pg/", "embedded/", "testing/"),
    "pymysql": ("engines/mysql/",),
    "click": ("cli/",),
    "rich": ("cli/",),
}
"""Who may import a package that is slow to import, or that the rest shall not depend on."""


class Import(NamedTuple):
    importer: Path
    module: str
    when: When

    @property
    def file(self) -> str:
        return self.importer.relative_to(PACKAGE).as_posix()


def dotted(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


@cache
def modules() -> dict[str, Path]:
    return {dotted(path): path for path in sorted(PACKAGE.rglob("*.py"))}


@cache
def imports() -> tuple[Import, ...]:
    return tuple(
        Import(path, module, when)
        for path in modules().values()
        for module, when in imports_in(ast.parse(path.read_text(encoding="utf-8")), "at import")
    )


def imports_in(node: ast.AST, when: When) -> Iterator[tuple[str, When]]:
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        when = "for types"
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        when = "in a function"
    elif isinstance(node, ast.Import):
        yield from ((alias.name, when) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute"
        for alias in node.names:
            inner = f"{node.module}.{alias.name}"
            yield (inner if inner in modules() else str(node.module)), when
    for child in ast.iter_child_nodes(node):
        yield from imports_in(child, when)


def part(module: str) -> str:
    """The part of the house a module belongs to: ``plan`` for ``sqitchpy.plan.ids``."""
    first, *rest = [*module.split(".")[1:], ""]
    return f"{first}.{rest[0]}".rstrip(".") if first == "engines" else first


def ours() -> list[Import]:
    return [found for found in imports() if found.module.partition(".")[0] == "sqitchpy"]


def test_every_part_of_the_package_has_its_place_in_the_picture() -> None:
    assert {part(module) for module in modules()} - {"engines"} == {*ALLOWED, *FREE}


def test_imports_go_one_way() -> None:
    wrong = [
        f"{found.file} imports {found.module}"
        for found in ours()
        if found.when != "for types"
        and (importer := part(dotted(found.importer))) in ALLOWED
        and part(found.module) not in {*ALLOWED[importer], importer}
    ]
    assert wrong == []


def test_nothing_below_the_command_line_imports_it() -> None:
    importers = {part(dotted(found.importer)) for found in ours() if part(found.module) == "cli"}
    assert importers == {"cli", "__main__"}


def test_no_module_imports_itself_round_a_corner() -> None:
    graph: dict[str, set[str]] = {module: set() for module in modules()}
    for found in ours():
        if found.when != "for types":
            graph[dotted(found.importer)].add(found.module)
    graph["sqitchpy.errors"].remove("sqitchpy.diagnostics")  # the one loop, closed inside a function
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the cycle


@pytest.mark.parametrize("package", FOREIGN)
def test_a_heavy_package_is_imported_in_its_one_place(package: str) -> None:
    importers = {
        found.file for found in imports() if found.module.partition(".")[0] == package and found.when != "for types"
    }
    assert importers != set()
    assert {file for file in importers if not file.startswith(FOREIGN[package])} == set()


def test_only_the_command_line_prints() -> None:
    printing = [
        f"{name}:{node.lineno}"
        for name, path in modules().items()
        if part(name) != "cli"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print")
        or (isinstance(node, ast.Attribute) and ast.unparse(node) in ("sys.stdout", "sys.stderr"))
    ]
    assert printing == []


def loaded(code: str) -> set[str]:
    """Which of the heavy packages are loaded after running some code in a fresh interpreter."""
    report = f"{code}\nimport sys; sys.stderr.write(' '.join(sorted(set(sys.modules) & {set(FOREIGN)!r})))"
    done = subprocess.run(
        [sys.executable, "-c", report], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stderr.split())


def test_importing_the_library_loads_nothing_heavy() -> None:
    assert loaded("import sqitchpy") == set()


def test_reading_a_plan_from_python_loads_nothing_heavy() -> None:
    assert loaded("import sqitchpy; sqitchpy.Project.open('.').plan('embedded:')") == set()


@pytest.mark.parametrize(
    "words", [["--version"], ["--help"], ["help", "deploy"], ["plan"], ["plan", "--json"]], ids=" ".join
)
def test_a_command_that_needs_no_database_loads_click_alone(words: list[str]) -> None:
    assert loaded(f"from sqitchpy.cli import main; assert main({words!r}) == 0") == {"click"}
