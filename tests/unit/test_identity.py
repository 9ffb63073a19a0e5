"""Who plans and commits. Observed with Sqitch 1.3.1."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sqitchpy.config import Config, load_config
from sqitchpy.errors import ConfigError
from sqitchpy.identity import SystemUser, read_system_user, resolve_user
from sqitchpy.model import Person

ANN = SystemUser("ann", "Ann Ex", "vm")


def config_of(directory: Path, text: str) -> Config:
    (directory / "sqitch.conf").write_text(text, encoding="utf-8")
    return load_config(directory=directory, environ={}, home=None, system_dir=directory / "none")


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Person("Ann Ex", "ann@vm")),
        ({"SQITCH_FULLNAME": "F", "SQITCH_EMAIL": "f@x"}, Person("F", "f@x")),
        ({"SQITCH_ORIG_FULLNAME": "O", "SQITCH_ORIG_EMAIL": "o@x"}, Person("O", "o@x")),
        ({"SQITCH_FULLNAME": "", "SQITCH_EMAIL": ""}, Person("Ann Ex", "ann@vm")),
        ({"SQITCH_ORIG_SYSUSER": "nosuch"}, Person("nosuch", "nosuch@vm")),
        ({"LOGNAME": "lg", "USER": "lg"}, Person("Ann Ex", "ann@vm")),
    ],
)
def test_without_configuration(environ: dict[str, str], expected: Person) -> None:
    assert resolve_user(Config(), environ, system=ANN) == expected


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, Person("Conf N", "c@x")),
        ({"SQITCH_ORIG_FULLNAME": "O", "SQITCH_ORIG_EMAIL": "o@x"}, Person("Conf N", "c@x")),
        ({"SQITCH_FULLNAME": "F", "SQITCH_EMAIL": "f@x"}, Person("F", "f@x")),
    ],
)
def test_with_configuration(tmp_path: Path, environ: dict[str, str], expected: Person) -> None:
    config = config_of(tmp_path, "[user]\nname = Conf N\nemail = c@x\n")
    assert resolve_user(config, environ, system=ANN) == expected


def test_without_a_full_name_the_login_is_the_name() -> None:
    assert resolve_user(Config(), {}, system=SystemUser("u", "", "h")) == Person("u", "u@h")


def test_an_empty_configuration_is_unset(tmp_path: Path) -> None:
    config = config_of(tmp_path, "[user]\nname =\nemail\n")
    assert resolve_user(config, {}, system=ANN) == Person("Ann Ex", "ann@vm")


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"SQITCH_FULLNAME": "a<b"}, 'User name may not contain "<" or start with "["'),
        ({"SQITCH_FULLNAME": "[x"}, 'User name may not contain "<" or start with "["'),
        ({"SQITCH_EMAIL": "a>b"}, 'User email may not contain ">"'),
    ],
)
def test_what_a_plan_cannot_hold_is_refused(environ: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve_user(Config(), environ, system=ANN)
    assert str(caught.value) == message
    assert caught.value.code == 2


def test_a_user_nobody_knows() -> None:
    nobody = SystemUser("", "", "h")
    with pytest.raises(ConfigError) as caught:
        resolve_user(Config(), {}, system=nobody)
    assert str(caught.value) == 'Cannot find your name; run sqitch config --user user.name "YOUR NAME"'
    with pytest.raises(ConfigError) as caught:
        resolve_user(Config(), {"SQITCH_FULLNAME": "A"}, system=nobody)
    message = "Cannot infer your email address; run sqitch config --user user.email you@host.com"
    assert str(caught.value) == message


def test_the_system_names_a_user_and_a_host() -> None:
    user = read_system_user()
    assert user.login
    assert user.host


def test_the_original_system_user_has_the_say() -> None:
    user = read_system_user({"SQITCH_ORIG_SYSUSER": "no such user"})
    assert (user.login, user.full_name) == ("no such user", "")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no passwd")
def test_the_full_name_is_the_gecos_field(monkeypatch: pytest.MonkeyPatch) -> None:
    import pwd

    entry = pwd.struct_passwd(("ann", "x", 1, 1, "Ann Ex,Room 1,,", "/home/ann", "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwnam", lambda name: {"ann": entry}[name])
    assert read_system_user({"SQITCH_ORIG_SYSUSER": "ann"}).full_name == "Ann Ex,Room 1,,"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no passwd")
@pytest.mark.parametrize(
    ("environ", "login"),
    [
        ({"LOGNAME": "l", "USER": "u", "USERNAME": "n"}, "l"),
        ({"USER": "u", "USERNAME": "n"}, "u"),
        ({"USERNAME": "n"}, "n"),
        ({}, ""),
    ],
)
def test_a_user_without_a_passwd_entry(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], login: str) -> None:
    import os
    import pwd

    def no_session() -> str:
        raise OSError(6, "No such device or address")

    monkeypatch.setattr(os, "getlogin", no_session)
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: {}[uid])
    monkeypatch.setattr(pwd, "getpwnam", lambda name: {}[name])
    user = read_system_user(environ)
    assert (user.login, user.full_name) == (login, "")
