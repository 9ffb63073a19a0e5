"""``[tool.sqitchpy]`` of pyproject.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqitchpy.config import Config, load_config
from sqitchpy.errors import ConfigError


def load(directory: Path, text: str, environ: dict[str, str] | None = None) -> Config:
    (directory / "pyproject.toml").write_text(text, encoding="utf-8")
    return load_config(directory=directory, environ=environ or {}, home=None, system_dir=directory / "none")


def test_tables_are_sections(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        """
        [tool.sqitchpy.core]
        engine = "pg"
        [tool.sqitchpy.target.Prod]
        uri = "db:pg:x"
        [tool.sqitchpy.target."a.b"]
        uri = "db:pg:y"
        [tool.sqitchpy.target.Prod.variables]
        Foo = "bar"
        [tool.sqitchpy.deploy]
        verify = true
        variables = { CamelCase = 1 }
        """,
    )
    assert config.get("core.engine") == "pg"
    assert config.get("target.Prod.uri") == "db:pg:x"
    assert config.get("target.a.b.uri") == "db:pg:y"
    assert config.section("target.Prod.variables") == {"Foo": "bar"}
    assert config.section("deploy.variables") == {"CamelCase": "1"}
    assert config.get_bool("deploy.verify") is True
    assert config.names("target") == ("Prod", "a.b")
    assert config.initialized


def test_a_bare_key_is_one_of_core(tmp_path: Path) -> None:
    config = load(tmp_path, '[tool.sqitchpy]\nengine = "pg"\nplan_file = "db/sqitch.plan"\n')
    assert config.section("core") == {"engine": "pg", "plan_file": "db/sqitch.plan"}


def test_values_of_toml_become_text(tmp_path: Path) -> None:
    config = load(tmp_path, '[tool.sqitchpy.core]\na = true\nb = false\nc = 12\nd = 1.5\ne = ["x", 2]\n')
    assert [config.get(f"core.{key}") for key in "abcd"] == ["true", "false", "12", "1.5"]
    assert config.get_all("core.e") == ("x", "2")


def test_variables_of_the_environment_are_put_in(tmp_path: Path) -> None:
    text = '[tool.sqitchpy]\nclient = "${BIN}/psql"\nregistry = "$${BIN}"\n'
    config = load(tmp_path, text, {"BIN": "/opt"})
    assert config.get("core.client") == "/opt/psql"
    assert config.get("core.registry") == "${BIN}"


def test_an_unset_variable_hurts_only_when_its_value_is_read(tmp_path: Path) -> None:
    text = '[tool.sqitchpy]\nengine = "pg"\n[tool.sqitchpy.target.prod]\nuri = "${DATABASE_URL}"\n'
    config = load(tmp_path, text)
    assert config.get("core.engine") == "pg"
    assert config.names("target") == ("prod",)
    with pytest.raises(ConfigError) as caught:
        config.get("target.prod.uri")
    path = tmp_path.resolve() / "pyproject.toml"
    message = f"target.prod.uri in {path} uses ${{DATABASE_URL}}, but DATABASE_URL is not set in the environment"
    assert str(caught.value) == message


def test_the_nearest_file_that_has_the_table_is_read(tmp_path: Path) -> None:
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    load(tmp_path, '[tool.sqitchpy]\nengine = "pg"\n')
    load(tmp_path / "a", '[project]\ndependencies = ["sqitchpy"]\n')
    config = load(below, '[tool.ruff]\nx = "y"\n')
    assert config.get("core.engine") == "pg"
    assert config.sources == (tmp_path.resolve() / "pyproject.toml",)


def test_without_the_table_there_is_no_project(tmp_path: Path) -> None:
    config = load(tmp_path, '[project]\nname = "x"\n')
    assert not config.initialized
    assert config.sources == ()


def test_a_broken_file_that_is_not_about_us_is_passed_over(tmp_path: Path) -> None:
    assert load(tmp_path, "[tool.other\n").sources == ()


def test_a_broken_file_that_is_about_us_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, '[tool.sqitchpy]\nengine = "pg"\n[tool.sqitchpy.engine.pg]\n')
    assert str(caught.value).startswith(f"Error parsing {tmp_path.resolve() / 'pyproject.toml'}: ")
    assert caught.value.code == 255
    assert caught.value.hint is not None
    assert "[tool.sqitchpy.core] with engine" in caught.value.hint


def test_a_value_that_is_no_setting_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, "[tool.sqitchpy.core]\nwhen = 2024-01-01\n")
    path = tmp_path.resolve() / "pyproject.toml"
    message = f"core.when in {path} is not a string, a number, true, false or an array of those"
    assert str(caught.value) == message
