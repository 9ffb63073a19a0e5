"""Which files are read, and what wins. The merged values were observed with Sqitch 1.3.1."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sqitchpy.config import Config, load_config
from sqitchpy.errors import ConfigError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A system directory, a home, a project and a directory in it."""
    for name in ("etc", "home/.sqitch", "project/sub"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path.resolve()


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def load(root: Path, where: str = "project", environ: dict[str, str] | None = None) -> Config:
    return load_config(directory=root / where, environ=environ or {}, home=root / "home", system_dir=root / "etc")


def test_project_beats_pyproject_beats_user_beats_system(root: Path) -> None:
    write(root / "etc/sqitch.conf", "[core]\na = system\nb = system\nc = system\nd = system\n")
    write(root / "home/.sqitch/sqitch.conf", "[core]\nb = user\nc = user\nd = user\n")
    write(root / "project/pyproject.toml", '[tool.sqitchpy.core]\nc = "toml"\nd = "toml"\n')
    write(root / "project/sqitch.conf", "[core]\nd = project\n")
    config = load(root)
    assert config.section("core") == {"a": "system", "b": "user", "c": "toml", "d": "project"}
    assert config.sources == (
        root / "etc/sqitch.conf",
        root / "home/.sqitch/sqitch.conf",
        root / "project/pyproject.toml",
        root / "project/sqitch.conf",
    )
    assert config.initialized


def test_no_file_is_no_error(root: Path) -> None:
    config = load(root)
    assert dict(config.settings) == {}
    assert config.sources == ()
    assert not config.initialized


def test_the_configuration_of_user_and_system_does_not_make_a_project(root: Path) -> None:
    write(root / "home/.sqitch/sqitch.conf", "[core]\nengine = pg\n")
    assert not load(root).initialized


def test_without_a_home_there_is_no_user_file(root: Path) -> None:
    config = load_config(directory=root / "project", environ={}, home=None, system_dir=root / "etc")
    assert config.sources == ()


def test_a_later_file_replaces_all_values_of_a_key(root: Path) -> None:
    write(root / "etc/sqitch.conf", '[core]\na = 1\na = 2\n[deploy "variables"]\nFoo = 1\n')
    write(root / "project/sqitch.conf", '[core]\na = 3\n[deploy "variables"]\nfoo = 2\n')
    assert load(root).get_all("core.a") == ("3",)
    assert load(root).section("deploy.variables") == {"foo": "2"}


def test_the_project_is_found_from_a_directory_below(root: Path) -> None:
    write(root / "project/sqitch.conf", "[core]\nengine = pg\n")
    write(root / "sqitch.conf", "[core]\nengine = sqlite\nclient = x\n")
    config = load(root, "project/sub")
    assert config.get("core.engine") == "pg"
    assert config.get("core.client") is None  # the first one only


def test_a_directory_named_like_the_file_is_passed_over(root: Path) -> None:
    (root / "project/sqitch.conf").mkdir()
    write(root / "sqitch.conf", "[core]\nengine = pg\n")
    assert load(root).get("core.engine") == "pg"


def test_the_environment_names_other_files(root: Path) -> None:
    for name in ("sys", "usr", "loc"):
        write(root / f"{name}.conf", f"[core]\n{name} = 1\n")
    write(root / "project/sqitch.conf", "[core]\nunread = 1\n")
    environ = {
        "SQITCH_SYSTEM_CONFIG": str(root / "sys.conf"),
        "SQITCH_USER_CONFIG": str(root / "usr.conf"),
        "SQITCH_CONFIG": str(root / "loc.conf"),
    }
    assert load(root, environ=environ).section("core") == {"sys": "1", "usr": "1", "loc": "1"}


def test_a_relative_name_is_searched_upwards_like_the_default(root: Path) -> None:
    write(root / "project/other.conf", "[core]\na = 1\n")
    assert load(root, "project/sub", {"SQITCH_CONFIG": "other.conf"}).get("core.a") == "1"


def test_a_tilde_is_the_home(root: Path) -> None:
    write(root / "home/x.conf", "[core]\na = 1\n")
    assert load(root, environ={"SQITCH_USER_CONFIG": "~/x.conf"}).get("core.a") == "1"


def test_one_file_in_two_roles_is_read_once(root: Path) -> None:
    path = write(root / "project/sqitch.conf", "[core]\na = 1\n")
    assert load(root, environ={"SQITCH_USER_CONFIG": str(path)}).get_all("core.a") == ("1",)


def test_an_empty_variable_of_the_environment_is_none(root: Path) -> None:
    write(root / "project/sqitch.conf", "[core]\na = 1\n")
    assert load(root, environ={"SQITCH_CONFIG": "", "SQITCH_USER_CONFIG": ""}).get("core.a") == "1"


def test_an_included_file_stands_in_place_of_the_include(root: Path) -> None:
    text = "[core]\nx = before\ny = before\nz = before\n[include]\npath = inc/more.conf\n[core]\nx = after\n"
    write(root / "project/sqitch.conf", text)
    (root / "project/inc").mkdir()
    write(root / "project/inc/more.conf", "[core]\nx = inc\ny = inc\ny = inc2\n[include]\npath = beside.conf\n")
    write(root / "project/inc/beside.conf", "[core]\nw = beside\n")
    config = load(root, "project/sub")
    assert config.get_all("core.x") == ("after",)
    assert config.get_all("core.y") == ("inc", "inc2")
    assert config.get_all("core.z") == ("before",)
    assert config.get("core.w") == "beside"
    assert config.origin("core.y") == (root / "project/inc/more.conf", 4)


def test_an_included_file_that_is_not_there_is_passed_over(root: Path) -> None:
    write(root / "project/sqitch.conf", "[include]\npath = nope.conf\npath\npath =\n[core]\na = 1\n")
    assert load(root).get("core.a") == "1"


@pytest.mark.parametrize("last", [10, 11])
def test_eleven_files_may_be_included_one_from_the_other(root: Path, last: int) -> None:
    for number in range(last):
        write(root / f"project/f{number}.conf", f"[include]\npath = f{number + 1}.conf\n")
    write(root / f"project/f{last}.conf", f"[core]\nlast = {last}\n")
    assert load(root, environ={"SQITCH_CONFIG": "f0.conf"}).get("core.last") == str(last)


def test_a_file_that_includes_itself_is_refused(root: Path) -> None:
    path = write(root / "project/sqitch.conf", "[include]\npath = sqitch.conf\n")
    with pytest.raises(ConfigError) as caught:
        load(root)
    assert str(caught.value) == f"Exceeded maximum include depth (10) while including sqitch.conf from {path}"
    assert caught.value.code == 255


def test_a_bad_file_is_named_by_its_full_path(root: Path) -> None:
    path = write(root / "project/sqitch.conf", "foo = bar\n")
    with pytest.raises(ConfigError) as caught:
        load(root, "project/sub")
    assert str(caught.value) == f"Error parsing {path} at line 2, position 0.\nBad line was: 'foo = bar'"


def test_a_project_file_that_may_not_be_read_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(root / "project/sqitch.conf", "[core]\na = 1\n")
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may read everything
    with pytest.raises(ConfigError) as caught:
        load(root)
    assert str(caught.value) == f"Cannot read {path}: permission denied"


def test_variables_in_sqitch_conf_stay_as_they_are_written(root: Path) -> None:
    write(root / "project/sqitch.conf", "[core]\nclient = ${HOME}/psql\n")
    assert load(root, environ={"HOME": "/h"}).get("core.client") == "${HOME}/psql"
