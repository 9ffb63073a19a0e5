"""Which engines there are: ours, those that Sqitch has and we have not, and those that packages bring."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqitchpy import Project
from sqitchpy.engines.catalog import find_driver, installed, is_known
from sqitchpy.errors import TargetError

UNBUILT = ["oracle", "firebird", "vertica", "exasol", "snowflake", "clickhouse"]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed package, as pip leaves it, whose module the test writes."""
    info = tmp_path / "packages" / "acme_engine-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-engine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[sqitchpy.engines]\nacme = acme_engine:DRIVER\n")
    monkeypatch.syspath_prepend(info.parent)
    find_driver.cache_clear()
    yield info.parent / "acme_engine.py"
    find_driver.cache_clear()
    sys.modules.pop("acme_engine", None)


def opened(directory: Path, uri: str) -> None:
    (directory / "sqitch.plan").write_text("%project=app\n\n")
    with Project.open(directory).target(uri) as target:
        target.status()


@pytest.mark.parametrize("key", ["pg", "cockroach", "sqlite", "mysql"])
def test_our_engines_are_there(key: str) -> None:
    driver = find_driver(key)
    assert driver is not None
    assert key in installed()


@pytest.mark.parametrize("key", UNBUILT)
def test_an_engine_of_sqitchs_that_is_not_built_says_so_and_names_the_way_out(key: str, tmp_path: Path) -> None:
    assert is_known(key)
    with pytest.raises(TargetError, match=f"This version of sqitchpy has no {key} engine") as caught:
        opened(tmp_path, f"db:{key}:app")
    assert "was not touched" in str(caught.value.hint)
    assert "sqitchpy.engines (docs/engines.md)" in str(caught.value.hint)


def test_every_engine_that_is_not_built_has_its_row_in_the_documentation() -> None:
    text = (Path(__file__).parents[3] / "docs" / "compatibility.md").read_text("utf-8")
    assert [key for key in UNBUILT if f"| {key} |" not in text] == []


def test_an_engine_nobody_knows_is_refused_in_sqitchs_words(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="Unknown engine: acme"):
        opened(tmp_path, "db:acme:app")


def test_a_package_brings_an_engine(package: Path, tmp_path: Path) -> None:
    package.write_text(
        "from sqitchpy.engines.protocol import Driver\n"
        "from sqitchpy.errors import EngineError\n"
        "def _open(opening):\n"
        "    raise EngineError(f'opened {opening.destination} with {opening.registry_destination}')\n"
        "DRIVER = Driver('acme', _open, 'acmesql', lambda uri, name: uri.override(dbname=name), own_registry=True)\n"
    )
    assert "acme" in installed()
    with pytest.raises(Exception, match="opened db:acme:app with db:acme:sqitch"):
        opened(tmp_path, "db:acme:app")
    assert Project.open(tmp_path).resolve("db:acme:app").client == "acmesql"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("import no_such_module\n", "Engine acme cannot be loaded: ModuleNotFoundError"),
        ("DRIVER = 1\n", "acme_engine:DRIVER is no sqitchpy.engines.protocol.Driver"),
    ],
)
def test_a_package_that_is_broken_is_named(text: str, why: str, package: Path, tmp_path: Path) -> None:
    package.write_text(text)
    with pytest.raises(TargetError, match=why) as caught:
        opened(tmp_path, "db:acme:app")
    assert "acme-engine" in str(caught.value.hint)
