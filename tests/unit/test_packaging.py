"""What is installed is the package and nothing else of this repository, whose root is full of folders of data."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

import sqitchpy

ROOT = Path(__file__).parents[2]


def build(kind: str, into: Path) -> Path:
    """Call the build backend as pip does, in a process of its own and without the network."""
    code = f"import hatchling.build, sys; print(hatchling.build.build_{kind}(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(into)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    return into / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        return Parser().parsestr(archive.read("sqitchpy-0.1.0.dist-info/METADATA").decode())


def test_the_wheel_is_for_every_platform(wheel: Path) -> None:
    assert wheel.name == "sqitchpy-0.1.0-py3-none-any.whl"


def test_the_wheel_holds_the_package_and_its_metadata_only(names: set[str]) -> None:
    assert {name.partition("/")[0] for name in names} == {"sqitchpy", "sqitchpy-0.1.0.dist-info"}


def test_the_package_in_the_wheel_holds_code_sql_and_the_type_marker_only(names: set[str]) -> None:
    others = {name for name in names if name.startswith("sqitchpy/") and not name.endswith((".py", ".sql"))}
    assert others == {"sqitchpy/py.typed"}


def test_the_wheel_holds_every_module(names: set[str]) -> None:
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "sqitchpy").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == modules
    assert {"sqitchpy/__init__.py", "sqitchpy/plan/parser.py", "sqitchpy/cli/commands/deploy.py"} <= modules


def test_the_wheel_holds_the_registrys_sql(names: set[str]) -> None:
    assert {name for name in names if name.endswith(".sql")} == {
        "sqitchpy/engines/dbapi/queries.sql",
        "sqitchpy/engines/mysql/registry.sql",
        "sqitchpy/engines/mysql/upgrade-1.0.sql",
        "sqitchpy/engines/mysql/upgrade-1.1.sql",
        "sqitchpy/engines/pg/queries.sql",
        "sqitchpy/engines/pg/registry.sql",
        "sqitchpy/engines/pg/upgrade-1.0.sql",
        "sqitchpy/engines/pg/upgrade-1.1.sql",
        "sqitchpy/engines/sqlite/registry.sql",
        "sqitchpy/engines/sqlite/upgrade-1.0.sql",
        "sqitchpy/engines/sqlite/upgrade-1.1.sql",
    }


def test_the_metadata_say_what_is_needed(metadata: Message) -> None:
    assert metadata["Name"] == "sqitchpy"
    assert metadata["Version"] == sqitchpy.__version__ == "0.1.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_all("License-File") == ["LICENSE"]
    assert metadata.get_all("Provides-Extra") == ["binary", "dev", "docs", "embedded", "mysql", "rich"]


def test_a_plain_installation_needs_four_packages(metadata: Message) -> None:
    required = metadata.get_all("Requires-Dist") or []
    plain = [line.partition(">")[0] for line in required if "extra ==" not in line]
    assert plain == ["click", "networkx", "psycopg", "sqlparse"]


def test_every_requirement_has_a_lower_bound_and_no_upper_one(metadata: Message) -> None:
    required = metadata.get_all("Requires-Dist") or []
    others = [line for line in required if ">=" not in line or "<" in line or "==" in line.partition(";")[0]]
    assert others == []


def test_the_wheel_installs_one_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        entry_points = archive.read("sqitchpy-0.1.0.dist-info/entry_points.txt").decode()
    assert entry_points == "[console_scripts]\nsqitchpy = sqitchpy.cli:program\n"


def test_the_source_archive_holds_the_example_and_the_tests(tmp_path: Path) -> None:
    with tarfile.open(build("sdist", tmp_path)) as archive:
        names = {name.removeprefix("sqitchpy-0.1.0/") for name in archive.getnames()}
    assert {
        "Makefile",
        "LICENSE",
        "plan/sqitch.plan",
        "deploy/users.sql",
        "examples/fdw/sqitch.plan",
        "tests/unit/test_packaging.py",
        "docs/tutorial.md",
    } <= names
    assert not {name for name in names if name.startswith((".venv", ".sqitchpy", "site/", "dist/"))}
