r"""Every meta-command of psql has a rule."""

from __future__ import annotations

import re
import subprocess

from sqitchpy import embedded
from sqitchpy.errors import EmbeddedError
from sqitchpy.script.interpreter import Interpreter
from sqitchpy.script.meta import RULES, rule_for
from tests.conftest import need


def test_every_command_that_psql_lists_has_a_rule() -> None:
    try:
        psql = embedded.psql_path()
    except EmbeddedError:
        need("embedded", False)
    listed = subprocess.run([psql, "--help=commands"], capture_output=True, text=True, check=True).stdout
    names = set(re.findall(r"\\([A-Za-z_!?]+)", listed))
    assert {"gset", "copy", "restrict", "watch", "bind_named"} <= names
    assert sorted(name for name in names if rule_for(name) is None) == []


def test_every_command_that_is_done_has_a_handler() -> None:
    conditions = {"if", "elif", "else", "endif"}
    done = {name for name, rule in RULES.items() if rule.treatment == "done"}
    assert done - conditions == set(Interpreter._HANDLERS)


def test_describing_commands_are_accepted_in_all_their_forms() -> None:
    for name in ("d", "d+", "dt", "dtS+", "df", "dnS", "sf", "l+"):
        rule = rule_for(name)
        assert rule is not None, name
        assert rule.treatment == "accepted"
    assert rule_for("delete") is None
