"""Asking the merged configuration."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sqitchpy.config import Config, load_config
from sqitchpy.errors import ConfigError

ConfigOf = Callable[[str], Config]


@pytest.fixture
def config_of(tmp_path: Path) -> ConfigOf:
    def read(text: str) -> Config:
        (tmp_path / "sqitch.conf").write_text(text, encoding="utf-8")
        return load_config(directory=tmp_path, environ={}, home=None, system_dir=tmp_path / "none")

    return read


def test_a_key_that_is_not_there_is_none(config_of: ConfigOf) -> None:
    config = config_of("[core]\nengine = pg\n")
    assert config.get("core.engine") == "pg"
    assert config.get("core.target") is None
    assert config.get_all("core.target") == ()
    assert config.origin("core.target") is None


def test_section_and_key_ignore_case_and_the_subsection_does_not(config_of: ConfigOf) -> None:
    config = config_of('[Target "X.y"]\nURI = db:pg:x\n')
    assert config.get("target.X.y.uri") == "db:pg:x"
    assert config.get("TARGET.X.y.Uri") == "db:pg:x"
    assert config.get("target.x.y.uri") is None


def test_a_single_read_of_several_values_has_the_words_of_sqitch(config_of: ConfigOf, tmp_path: Path) -> None:
    config = config_of("[core]\nengine = pg\nengine = sqlite\n")
    assert config.get_all("core.engine") == ("pg", "sqlite")
    with pytest.raises(ConfigError) as caught:
        config.get("core.engine")
    assert str(caught.value) == 'More then one value for the key "core.engine"'
    file = (tmp_path / "sqitch.conf").resolve()
    assert caught.value.hint == f"Leave one of them: {file}:2, {file}:3"
    assert caught.value.code == 2


@pytest.mark.parametrize("written", ["= true", "= TRUE", "= yes", "= on", "= 1", "= -1", "= 01", ""])
def test_true(config_of: ConfigOf, written: str) -> None:
    assert config_of(f"[add]\nall {written}\n").get_bool("add.all", False) is True


@pytest.mark.parametrize("written", ["= false", "= No", "= off", "= 0", "= 00", "="])
def test_false(config_of: ConfigOf, written: str) -> None:
    assert config_of(f"[add]\nall {written}\n").get_bool("add.all", True) is False


def test_the_default_of_a_truth_value(config_of: ConfigOf) -> None:
    assert config_of("").get_bool("add.all", True) is True
    assert config_of("").get_bool("add.all") is False


@pytest.mark.parametrize("value", ["2", "maybe", "true "])
def test_a_value_that_is_neither_true_nor_false(config_of: ConfigOf, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config_of(f'[add]\nall = "{value}"\n').get_bool("add.all")
    assert str(caught.value) == f"Invalid bool '{value}'"
    assert caught.value.code == 2
    assert caught.value.hint is not None
    assert "sqitch.conf:2" in caught.value.hint


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", 1), ("-3", -3), ("1k", 1024), ("2m", 2097152), ("1g", 1073741824), ("1.5k", 1536), (".5k", 512), ("3.", 3)],
)
def test_numbers_with_and_without_units(config_of: ConfigOf, value: str, expected: int) -> None:
    assert config_of(f"[core]\nverbosity = {value}\n").get_int("core.verbosity") == expected


@pytest.mark.parametrize("value", ["x", "1K", "", "-", "1 k"])
def test_what_is_no_number(config_of: ConfigOf, value: str) -> None:
    with pytest.raises(ConfigError, match="Invalid unit while casting to int"):
        config_of(f"[core]\nverbosity = {value}\n").get_int("core.verbosity")


def test_no_number_at_all(config_of: ConfigOf) -> None:
    assert config_of("").get_int("core.verbosity") is None


def test_a_section_has_its_own_keys_in_their_own_case(config_of: ConfigOf) -> None:
    config = config_of('[deploy]\nmode = tag\n[deploy "variables"]\nFooBar = 1\nbaz\n[deploy.variables]\nQux = 2\n')
    assert config.section("deploy.variables") == {"FooBar": "1", "baz": "", "Qux": "2"}
    assert config.section("deploy") == {"mode": "tag"}
    assert config.section("revert") == {}


def test_a_variable_given_twice_is_refused_whatever_its_case(config_of: ConfigOf) -> None:
    with pytest.raises(ConfigError, match=r'More then one value for the key "deploy\.variables\.foo"'):
        config_of('[deploy "variables"]\nFoo = 1\nfoo = 2\n').section("deploy.variables")


def test_names_are_in_the_order_of_the_file(config_of: ConfigOf) -> None:
    config = config_of(
        '[target "z"]\nuri = 1\n[engine "pg"]\nclient = x\n[target "A.b"]\nuri = 2\n[target "z.variables"]\nv = 1\n'
        '[target "m"]\nregistry = r\n'
    )
    assert config.names("target") == ("z", "A.b", "m")
    assert config.names("engine") == ("pg",)
    assert config.names("deploy") == ()


def test_the_origin_is_a_file_and_a_line(config_of: ConfigOf, tmp_path: Path) -> None:
    source = config_of("\n[core]\n\n\tengine = pg\n").origin("core.engine")
    assert source == (tmp_path.resolve() / "sqitch.conf", 4)
    assert str(source) == f"{tmp_path.resolve() / 'sqitch.conf'}:4"


def test_no_value_shows_in_the_representation(config_of: ConfigOf) -> None:
    config = config_of('[target "x"]\nuri = db:pg://u:hunter2@h/x\n')
    assert "hunter2" not in repr(config) + str(config) + repr(config.setting("target.x.uri"))
