"""Scenarios as data: a project, and commands that both tools are to answer alike. TOML in, values out.

::

    title = "What this shows"
    engines = ["pg", "sqlite"]      # run once with each; pg alone when not said
    project = "tagged"              # projects/tagged.toml; or "root", the repository's own example
    alternate = true                # also with the two tools taking turns on one database

    [files]                         # written over the project's
    "deploy/a.sql" = "SELECT 1;"

    [[step]]
    run = "deploy --to a"           # a command line; or only some of write, remove, sql, git, freeze
    exit = 2                        # what Sqitch's exit code is; 0 when not said
    says = "a .. not ok"            # what Sqitch says, among other things

    [[step.differs]]                # a known difference in this step
    row = "…"                       # the row of docs/compatibility.md that gives the reason
    field = "stderr"
    sqitch = "lines that only Sqitch writes"
    sqitchpy = "lines that only sqitchpy writes"

    [step.sqlite]                   # what is different with one engine: of a step, of a scenario, of a project
    says = "…"

``{engine}``, ``{uri}``, ``{db}``, ``{host}``, ``{port}``, ``{user}``, ``{client}``, ``{registry}`` and ``{conf}`` (a
``sqitch.conf`` that leads there) in commands, files and variables stand for the database of the lane, ``{directory}``
for its place. What is said of it is compared as TARGET, REGISTRY, DB and PROJECT.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

HERE = Path(__file__).parents[1]
REPOSITORY = HERE.parents[1]
EXAMPLE = ("plan", "deploy", "revert", "verify", "sqitch.conf")
"""What the repository's own example consists of."""

Engine = Literal["pg", "sqlite", "mysql"]
ENGINES: tuple[Engine, ...] = get_args(Engine)
Field = Literal["stdout", "stderr", "exit", "files", "rows", "schema"]

TABLE_SCRIPTS = {
    "deploy": "BEGIN;\nCREATE TABLE {schema}{table} (id int PRIMARY KEY);\nCOMMIT;\n",
    "revert": "BEGIN;\nDROP TABLE {schema}{table};\nCOMMIT;\n",
    "verify": "BEGIN;\nSELECT id FROM {schema}{table} WHERE false;\nROLLBACK;\n",
}


@dataclass(frozen=True)
class Differs:
    """A known difference in one step."""

    row: str
    field: Field
    sqitch: str = ""
    sqitchpy: str = ""

    def __post_init__(self) -> None:
        if self.field not in get_args(Field):
            raise ValueError(f"{self.field} is nothing that is compared")


@dataclass(frozen=True)
class Step:
    """One step: what is prepared, the command, and what Sqitch is known to answer."""

    run: str | None = None
    stdin: str = ""
    cwd: str = "."
    environ: Mapping[str, str] = field(default_factory=dict)
    write: Mapping[str, str] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    sql: str | None = None
    git: str = ""
    freeze: bool = False
    exit: int = 0
    says: str | None = None
    differs: tuple[Differs, ...] = ()

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Step:
        differs = tuple(Differs(**item) for item in data.get("differs", ()))
        return cls(**{**data, "remove": tuple(data.get("remove", ())), "differs": differs})


@dataclass(frozen=True)
class Scenario:
    """A scenario, complete: ``files`` are the project's, by path."""

    name: str
    title: str
    files: Mapping[str, str]
    steps: tuple[Step, ...]
    engine: Engine = "pg"
    alternate: bool = False
    environ: Mapping[str, str] = field(default_factory=dict)
    registries: tuple[str, ...] = ("sqitch",)

    def __post_init__(self) -> None:
        if not any(step.run for step in self.steps):
            raise ValueError(f"scenario {self.name} runs no command")

    @property
    def commands(self) -> int:
        return sum(step.run is not None for step in self.steps)


KEYS = {"title", "project", "alternate", "environ", "registries", "files", "tables", "step"}


def read_scenarios(path: Path) -> tuple[Scenario, ...]:
    """Read a scenario file: a scenario for each of its engines.

    Raises ValueError on keys that mean nothing, so that a slip of the pen is not a test that passes.
    """
    data = tomllib.loads(path.read_text())
    if strangers := set(data) - KEYS - {"engines", *ENGINES}:
        raise ValueError(f"{path.name}: unknown keys {sorted(strangers)}")
    return tuple(_scenario(path.stem, data, engine) for engine in data.get("engines", ["pg"]))


def all_scenarios() -> list[Scenario]:
    """Every scenario, with each of its engines."""
    return [scenario for path in sorted((HERE / "scenarios").glob("*.toml")) for scenario in read_scenarios(path)]


def _scenario(name: str, everything: Mapping[str, Any], engine: Engine) -> Scenario:
    data = _for_engine(everything, engine)
    return Scenario(
        name=name,
        title=data["title"],
        files={**_project_files(data.get("project"), engine), **_files(data)},
        steps=tuple(Step.read(step) for step in _steps(data["step"], engine)),
        engine=engine,
        alternate=data.get("alternate", False),
        environ=data.get("environ", {}),
        registries=tuple(data.get("registries", ("sqitch",))),
    )


def _steps(steps: list[dict[str, Any]], engine: Engine) -> Iterator[dict[str, Any]]:
    for step in steps:
        if engine in step.get("engines", ENGINES):
            yield _for_engine(step, engine)


def _for_engine(data: Mapping[str, Any], engine: Engine) -> dict[str, Any]:
    """The data with what its table of that name says: tables and lists are added to, everything else is replaced."""
    merged = {name: value for name, value in data.items() if name not in (*ENGINES, "engines")}
    for name, value in data.get(engine, {}).items():
        if isinstance(value, dict):
            merged[name] = {**merged.get(name, {}), **value}
        elif isinstance(value, list):
            merged[name] = [*merged.get(name, []), *value]
        else:
            merged[name] = value
    return merged


def _project_files(name: str | None, engine: Engine) -> dict[str, str]:
    if name is None:
        return {}
    if name == "root":
        return _example()
    return _files(_for_engine(tomllib.loads((HERE / "projects" / f"{name}.toml").read_text()), engine))


def _example() -> dict[str, str]:
    files: dict[str, str] = {}
    for entry in EXAMPLE:
        path = REPOSITORY / entry
        found = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
        files |= {str(each.relative_to(REPOSITORY)): each.read_text() for each in found}
    return files


def _files(data: Mapping[str, Any]) -> dict[str, str]:
    """The files of a ``[files]`` table, and scripts for the changes that ``[tables]`` lists by directory."""
    files: dict[str, str] = {}
    for directory, names in data.get("tables", {}).items():
        for name in names:
            files |= _table_scripts(directory, name)
    files.update(data.get("files", {}))
    return files


def _table_scripts(directory: str, name: str) -> dict[str, str]:
    """Scripts of a change that creates the table of its name (``b`` of ``a/b`` and of ``b@v1``)."""
    table = name.rpartition("/")[2].partition("@")[0]
    prefix = "" if directory == "." else f"{directory}/"
    schema = "" if directory == "." else f"{directory}_"
    return {
        f"{prefix}{kind}/{name}.sql": text.format(schema=schema, table=table) for kind, text in TABLE_SCRIPTS.items()
    }
