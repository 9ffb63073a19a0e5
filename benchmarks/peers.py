"""The tools that are compared: how to install them, how their migrations look, and which commands do what.

They are installed into ``.peers/``, those of Python into a virtual environment there and those of npm beside it; Sqitch
and psql are the system's. Who is not there is left out, and it is said so.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import migrations
from workload import write_project

ROOT = Path(__file__).parents[1]
PEERS = ROOT / ".peers"
NODE = PEERS / "node_modules"
VENV = PEERS / "python/bin"
PSQL = sorted(Path("/usr/lib/postgresql").glob("*/bin/psql"))
"""The psql binary itself: on Debian /usr/bin/psql is a script in front of it."""
OURS = Path(sys.executable).with_name("sqitchpy")

What = Literal["deploy", "verify", "noop", "status", "one", "revert"]
Transactions = Literal["change", "run", "none"]


@dataclass(frozen=True)
class Place:
    """Where a tool works: a folder with its migrations, and a database."""

    folder: Path
    port: int
    dbname: str

    @property
    def url(self) -> str:
        return f"postgres://postgres@127.0.0.1:{self.port}/{self.dbname}"

    @property
    def sqitch(self) -> str:
        return f"db:pg://postgres@127.0.0.1:{self.port}/{self.dbname}"


Command = Callable[[Place], list[str]]


@dataclass(frozen=True)
class Tool:
    """One tool, in one of its modes."""

    name: str
    transactions: Transactions
    """A transaction per change, one for the run, or not in the comparison of transactions."""
    write: Callable[[Path, int], None]
    """Write W(N) as the tool has it."""
    commands: Mapping[What, Command]
    environment: Callable[[Place], Mapping[str, str]] = lambda place: {}
    installed: Callable[[], bool] = lambda: True
    longest: int = 1_000_000
    """For how many changes it is waited at most."""
    family: str = ""
    """Tools that write the same files share them."""


def install() -> None:
    """Install the peers that pip and npm have. What cannot be installed is missing later, and said so."""
    if not (VENV / "alembic").exists():
        subprocess.run([sys.executable, "-m", "venv", PEERS / "python"], check=False)
        packages = ["alembic", "yoyo-migrations", "django", "psycopg[binary]", "psycopg2-binary", "setuptools"]
        pip = [VENV / "python", "-m", "pip", "--disable-pip-version-check", "--quiet", "install", *packages]
        subprocess.run(pip, check=False)
    if not (NODE / ".bin/node-pg-migrate").exists() and shutil.which("npm"):
        packages = ["dbmate", "graphile-migrate", "node-pg-migrate", "pg"]
        npm = [
            "npm",
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--prefix",
            PEERS,
            *packages,
        ]
        subprocess.run(npm, check=False)


# -- sqitchpy and Sqitch ----------------------------------------------------------------------------------------------


def _sqitch(program: str, *, deploy: tuple[str, ...] = (), verify: tuple[str, ...] = ()) -> dict[What, Command]:
    return {
        "deploy": lambda place: [program, "deploy", *deploy, place.sqitch],
        "verify": lambda place: [program, "verify", *verify, place.sqitch],
        "noop": lambda place: [program, "deploy", *deploy, place.sqitch],
        "status": lambda place: [program, "status", place.sqitch],
        "one": lambda place: [program, "deploy", *deploy, place.sqitch],
        "revert": lambda place: [program, "revert", "-y", place.sqitch],
    }


def _only(commands: Mapping[What, Command], *wanted: What) -> dict[What, Command]:
    return {what: command for what, command in commands.items() if what in wanted}


def _ours(name: str, transactions: Transactions, *options: str, only: tuple[What, ...] = ()) -> Tool:
    commands = _sqitch(str(OURS), deploy=options)
    return Tool(name, transactions, write_project, _only(commands, *only) if only else commands, family="sqitch")


def _real_sqitch(name: str, **environment: str) -> Tool:
    return Tool(
        name,
        "change",
        write_project,
        _sqitch("sqitch"),
        environment=lambda place: environment,
        installed=lambda: shutil.which("sqitch") is not None and (not environment or bool(PSQL)),
        longest=1000,
        family="sqitch",
    )


def _binary_first() -> str:
    return f"{PSQL[-1].parent}:/usr/local/bin:/usr/bin:/bin" if PSQL else ""


# -- the limits -------------------------------------------------------------------------------------------------------


def _limit(limit: str, what: str) -> Command:
    code = "import limits; limits.main()"
    return lambda place: [sys.executable, "-c", code, limit, what, place.url, str(place.folder)]


def _limit_tool(limit: str, transactions: Transactions) -> Tool:
    commands: dict[What, Command] = {
        "deploy": _limit(limit, "deploy"),
        "verify": _limit(limit, "verify"),
        "noop": _limit("b", "select"),
        "status": _limit("b", "select"),
        "one": _limit(limit, "one"),
        "revert": _limit(limit, "revert"),
    }
    return Tool(f"limit {limit}", transactions, write_project, commands, _beside, family="sqitch")


def _beside(place: Place) -> dict[str, str]:
    return {"PYTHONPATH": str(Path(__file__).parent)}


def _psql(script: str) -> Command:
    words = ["--no-psqlrc", "--quiet", "-1", "--set=ON_ERROR_STOP=1", "--output=/dev/null"]
    return lambda place: [str(PSQL[-1]), *words, f"--file={script}", place.url]


# -- the others -------------------------------------------------------------------------------------------------------


def _alembic(name: str, transactions: Transactions, **environment: str) -> Tool:
    def run(*words: str) -> Command:
        return lambda place: [str(VENV / "alembic"), *words]

    commands: dict[What, Command] = {
        "deploy": run("upgrade", "head"),
        "noop": run("upgrade", "head"),
        "one": run("upgrade", "head"),
        "status": run("current"),
        "revert": run("downgrade", "base"),
    }
    return Tool(
        name,
        transactions,
        migrations.write_alembic,
        commands,
        lambda place: {"BENCH_URL": place.url.replace("postgres://", "postgresql+psycopg://"), **environment},
        lambda: (VENV / "alembic").exists(),
        family="alembic",
    )


def _yoyo() -> Tool:
    def run(*words: str) -> Command:
        def command(place: Place) -> list[str]:
            url = place.url.replace("postgres://", "postgresql+psycopg://")
            return [str(VENV / "yoyo"), *words, "--batch", "--no-config-file", "--database", url, "./migrations"]

        return command

    commands: dict[What, Command] = {
        "deploy": run("apply"),
        "noop": run("apply"),
        "one": run("apply"),
        "status": run("list"),
        "revert": run("rollback", "--revision", "c000001"),
    }
    installed = (VENV / "yoyo").exists
    return Tool("yoyo", "change", migrations.write_yoyo, commands, installed=installed, longest=1000, family="yoyo")


def _django() -> Tool:
    def run(*words: str) -> Command:
        return lambda place: [str(VENV / "python"), "manage.py", *words]

    commands: dict[What, Command] = {
        "deploy": run("migrate"),
        "noop": run("migrate"),
        "one": run("migrate"),
        "status": run("showmigrations"),
        "revert": run("migrate", "bench", "zero"),
    }
    return Tool(
        "django",
        "change",
        migrations.write_django,
        commands,
        lambda place: {"BENCH_PORT": str(place.port), "BENCH_DATABASE": place.dbname},
        lambda: (VENV / "django-admin").exists(),
        family="django",
    )


def _dbmate() -> Tool:
    program = next(iter(sorted(NODE.glob("@dbmate/*/bin/dbmate*"))), Path("dbmate"))

    def run(word: str) -> Command:
        return lambda place: [str(program), "--url", f"{place.url}?sslmode=disable", "--no-dump-schema", word]

    commands: dict[What, Command] = {
        "deploy": run("migrate"),
        "noop": run("migrate"),
        "one": run("migrate"),
        "status": run("status"),
    }
    return Tool("dbmate", "change", migrations.write_dbmate, commands, installed=program.exists, family="dbmate")


def _graphile() -> Tool:
    command: Command = lambda place: [str(NODE / ".bin/graphile-migrate"), "migrate"]  # noqa: E731
    return Tool(
        "graphile-migrate",
        "change",
        migrations.write_graphile,
        {"deploy": command, "noop": command, "one": command},
        lambda place: {
            "DATABASE_URL": place.url,
            "ROOT_DATABASE_URL": place.url.replace(place.dbname, "postgres"),
            "SHADOW_DATABASE_URL": place.url.replace(place.dbname, "shadow"),
        },
        (NODE / ".bin/graphile-migrate").exists,
        family="graphile",
    )


def _node_pg_migrate(name: str, transactions: Transactions, *options: str) -> Tool:
    def run(*words: str) -> Command:
        return lambda place: [str(NODE / ".bin/node-pg-migrate"), *words, *options, "--verbose=false"]

    commands: dict[What, Command] = {
        "deploy": run("up"),
        "noop": run("up"),
        "one": run("up"),
        "revert": run("down", "1000000"),
    }
    return Tool(
        name,
        transactions,
        migrations.write_node_pg_migrate,
        commands,
        lambda place: {"DATABASE_URL": place.url},
        (NODE / ".bin/node-pg-migrate").exists,
        family="node-pg-migrate",
    )


def tools() -> list[Tool]:
    """Everything there is to compare, ourselves and the limits first."""
    with_verify = {"deploy": _limit("c", "deploy-verify")}
    all_at_once: dict[What, Command] = {
        "deploy": _psql("deploy.all"),
        "verify": _psql("verify.all"),
        "one": _psql("one.all"),
        "revert": _psql("revert.all"),
    }
    return [
        _ours("sqitchpy", "change"),
        _ours("sqitchpy --verify", "change", "--verify", only=("deploy",)),
        _ours("sqitchpy --transaction run", "run", "--transaction", "run", only=("deploy",)),
        Tool("limit a", "run", migrations.write_all, all_at_once, installed=lambda: bool(PSQL), family="all"),
        _limit_tool("b", "change"),
        _limit_tool("c", "change"),
        Tool("limit c with verify", "change", write_project, with_verify, _beside, family="sqitch"),  # type: ignore[arg-type]
        _limit_tool("cc", "run"),
        _real_sqitch("sqitch"),
        _real_sqitch("sqitch (binary psql)", PATH=_binary_first()),
        _dbmate(),
        _alembic("alembic", "run"),
        _alembic("alembic (per migration)", "change", BENCH_PER_MIGRATION="1"),
        _django(),
        _yoyo(),
        _graphile(),
        _node_pg_migrate("node-pg-migrate", "run"),
        _node_pg_migrate("node-pg-migrate (per migration)", "change", "--single-transaction=false"),
    ]
