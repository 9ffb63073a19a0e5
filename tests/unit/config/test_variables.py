"""``${VAR}`` in configured values."""

from __future__ import annotations

import pytest

from sqitchpy.config import expand
from sqitchpy.errors import ConfigError

ENVIRON = {
    "DATABASE_URL": "db:pg:x",
    "PW": "p@s/s:w?d",
    "EMPTY": "",
    "HOST": "h:5433",
    "NESTED": "${PW}",
    "DONE": "p%40s",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("plain $PW {PW}", "plain $PW {PW}"),
        ("${DATABASE_URL}", "db:pg:x"),
        ("${DATABASE_URL}_test", "db:pg:x_test"),
        ("a${EMPTY}b", "ab"),
        ("$${PW}", "${PW}"),
        ("$${${EMPTY}", "${"),
        ("$${DATABASE_URL} ${DATABASE_URL}", "${DATABASE_URL} db:pg:x"),
        ("${NESTED}", "${PW}"),
        ("${1} ${} ${A-B} ${A", "${1} ${} ${A-B} ${A"),
        ("db:pg://u@${HOST}/x", "db:pg://u@h:5433/x"),
        ("${PW}", "p@s/s:w?d"),
    ],
)
def test_expansion(text: str, expected: str) -> None:
    assert expand(text, ENVIRON, "here") == expected


def test_a_password_is_encoded_where_a_uri_has_its_password() -> None:
    assert expand("db:pg://u:${PW}@h/x", ENVIRON, "here") == "db:pg://u:p%40s%2Fs:w%3Fd@h/x"


def test_a_password_that_is_encoded_already_stays() -> None:
    assert expand("db:pg://u:${DONE}@h/x", ENVIRON, "here") == "db:pg://u:p%40s@h/x"


def test_an_unset_variable_is_named_with_its_place_and_no_value() -> None:
    with pytest.raises(ConfigError) as caught:
        expand("db:pg://${PW}:${NOPE}@h", ENVIRON, "target.prod.uri in sqitch.conf:7")
    assert str(caught.value) == "target.prod.uri in sqitch.conf:7 uses ${NOPE}, but NOPE is not set in the environment"
    assert caught.value.hint == "Set the environment variable NOPE; for a literal ${ write $${"
