"""Events drawn. Lines that Sqitch has are written as Sqitch 1.3.1 printed them in the same situation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import StringIO
from typing import get_args

import pytest

from sqitchpy import events
from sqitchpy.cli.console import Console
from sqitchpy.cli.render import Layout, draw
from sqitchpy.cli.watcher import Watcher
from sqitchpy.errors import LockHolder, SqitchpyError

DB = "db:pg:flipr"
LABELS = ("a", "bb @v1", "ccccc")


def played(
    happened: Iterable[events.Event], *, verbosity: int = 1, as_json: bool = False
) -> tuple[str, str, Sequence[str]]:
    """What is on stdout and stderr after all that, and what ``--json`` would call the scripts' output."""
    out, err = StringIO(), StringIO()
    watcher = Watcher(Console(out, err, verbosity=verbosity, as_json=as_json, environ={}))
    for event in happened:
        watcher(event)
    watcher.close()
    return out.getvalue(), err.getvalue(), watcher.output


def started(action: events.Action, label: str) -> events.StepStarted:
    return events.StepStarted(action, label, "0" * 40, 1, 1)


def finished(action: events.Action, label: str) -> events.StepFinished:
    return events.StepFinished(action, label, "0" * 40, 0.1)


def failed(action: events.Action, label: str, error: SqitchpyError | None = None) -> events.StepFailed:
    return events.StepFailed(action, label, "0" * 40, 0.1, error)


def done(action: events.Action, *labels: str) -> list[events.Event]:
    return [event for label in labels for event in (started(action, label), finished(action, label))]


def test_a_first_deployment_looks_as_with_sqitch() -> None:
    out, err, _ = played(
        [events.RegistryCreated(DB), events.RunStarted("deploy", DB, LABELS), *done("deploy", *LABELS)]
    )
    assert out == (
        "Adding registry tables to db:pg:flipr\n"
        "Deploying changes to db:pg:flipr\n"
        "  + a ....... ok\n"
        "  + bb @v1 .. ok\n"
        "  + ccccc ... ok\n"
    )
    assert err == ""


def test_a_deployment_to_a_change_names_it_with_its_tags() -> None:
    out, _, _ = played([events.RunStarted("deploy", DB, ("a", "bb @v1"), through="bb @v1")])
    assert out == "Deploying changes through bb @v1 to db:pg:flipr\n"


def test_an_upgrade_of_the_registry_tells_each_step() -> None:
    out, _, _ = played([events.RegistryUpgraded(("0", "1.0", "1.1"))])
    assert out == "Upgrading the Sqitch registry from 0 to 1.1\n  * From 0 to 1.0\n  * From 1.0 to 1.1\n"


def test_a_failure_goes_to_stderr_and_its_outcome_to_stdout() -> None:
    error = SqitchpyError("psql:deploy/ccccc.sql:2: ERROR:  division by zero")
    out, err, _ = played(
        [
            events.RunStarted("deploy", DB, LABELS),
            *done("deploy", "a", "bb @v1"),
            started("deploy", "ccccc"),
            events.ScriptMessage("deploy", "psql:deploy/ccccc.sql:1: NOTICE:  hey"),
            events.FailureReported(error.message),
            failed("deploy", "ccccc", error),
            events.RevertingAfterFailure(None),
            *done("revert", "bb @v1", "a"),
        ]
    )
    assert out == (
        "Deploying changes to db:pg:flipr\n"
        "  + a ....... ok\n"
        "  + bb @v1 .. ok\n"
        "  + ccccc ... not ok\n"
        "  - bb @v1 .. ok\n"
        "  - a ....... ok\n"
    )
    assert err == (
        "psql:deploy/ccccc.sql:1: NOTICE:  hey\n"
        "psql:deploy/ccccc.sql:2: ERROR:  division by zero\n"
        "Reverting all changes\n"
    )


def test_after_a_failure_the_change_that_is_kept_is_named() -> None:
    assert played([events.RevertingAfterFailure("bb@v1")])[1] == "Reverting to bb@v1\n"


def test_after_a_failure_of_only_all_that_goes_is_named() -> None:
    assert played([events.RevertingAfterFailure(None, ("bb @v1", "a"))])[1] == "Reverting bb @v1, a\n"


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (events.RunStarted("revert", DB, LABELS), "Reverting all changes from db:pg:flipr\n"),
        (events.RunStarted("revert", DB, ("b @v1", "a"), only=True), "Reverting only b @v1, a from db:pg:flipr\n"),
        (events.RunStarted("deploy", DB, ("a", "b @v1"), only=True), "Deploying only a, b @v1 to db:pg:flipr\n"),
        (events.RunStarted("revert", DB, LABELS, "bb @v1"), "Reverting changes to bb @v1 from db:pg:flipr\n"),
        (events.RunStarted("revert", DB, LABELS, "bb @v1", asked=True), ""),
        (events.RunStarted("verify", DB, LABELS), "Verifying db:pg:flipr\n"),
    ],
)
def test_a_run_has_a_headline_unless_a_question_stood_there(event: events.Event, line: str) -> None:
    assert played([event]) == (line, "", [])


def test_a_verification_tells_problems_in_the_line_of_the_change() -> None:
    out, err, _ = played(
        [
            events.RunStarted("verify", DB, LABELS),
            *done("verify", "a"),
            started("verify", "bb @v1"),
            events.VerifyProblem("Out of order"),
            events.FailureReported("psql:verify/bb.sql:1: ERROR:  division by zero"),
            events.VerifyProblem('Verify script "verify/bb.sql" failed.'),
            failed("verify", "bb @v1"),
            events.UndeployedChange("ccccc"),
            events.UndeployedChanges(("d", "e @v2")),
        ]
    )
    assert out == (
        "Verifying db:pg:flipr\n"
        "  * a ....... ok\n"
        "  * bb @v1 .. # Out of order\n"
        '# Verify script "verify/bb.sql" failed.\n'
        "not ok\n"
        "  * ccccc ... not ok # Not deployed\n"
        "Undeployed changes:\n"
        "  * d\n"
        "  * e @v2\n"
    )
    assert err == "psql:verify/bb.sql:1: ERROR:  division by zero\n"


def test_one_undeployed_change_is_singular() -> None:
    assert played([events.UndeployedChanges(("ccccc",))])[0] == "Undeployed change:\n  * ccccc\n"


def test_what_a_script_prints_appears_behind_the_dots() -> None:
    out, _, _ = played(
        [
            events.RunStarted("deploy", DB, ("ccccc",)),
            started("deploy", "ccccc"),
            events.ScriptOutput("deploy", "42\n"),
            finished("deploy", "ccccc"),
        ]
    )
    assert out == "Deploying changes to db:pg:flipr\n  + ccccc .. 42\nok\n"


def test_what_a_verify_script_prints_is_shown_from_verbosity_two_on() -> None:
    output = [events.ScriptOutput("verify", "43\n")]
    assert played(output)[0] == ""
    assert played(output, verbosity=2)[0] == "43\n"


def test_quiet_silences_progress_but_neither_scripts_nor_results() -> None:
    out, err, _ = played(
        [
            events.RunStarted("deploy", DB, ("a",)),
            started("deploy", "a"),
            events.ScriptOutput("deploy", "42\n"),
            finished("deploy", "a"),
            *done("verify", "a"),
            events.Warned("careful"),
        ],
        verbosity=0,
    )
    assert out == "42\n  * a .. ok\n"
    assert err == "warning: careful\n"


def test_each_line_of_a_warning_is_marked() -> None:
    assert played([events.Warned("one\ntwo")])[1] == "warning: one\nwarning: two\n"


HOLDER = LockHolder(4711, "deployer", "sqitchpy", "2024-01-02 03:04:05+00", "SELECT 1")


def test_a_statement_that_waits_says_for_whom() -> None:
    assert played([events.Blocked((HOLDER,))])[1] == (
        "warning: waiting for a lock of backend 4711, user deployer, application sqitchpy, "
        "since 2024-01-02 03:04:05+00: SELECT 1\n"
    )


def test_waiting_for_the_lock_says_who_holds_it() -> None:
    out, err, _ = played([events.LockWaiting(DB, 60.0, HOLDER)])
    assert out == "Blocked by another instance of Sqitch working on db:pg:flipr; waiting 60 seconds...\n"
    assert err == (
        "The lock is held by backend 4711, user deployer, application sqitchpy, since 2024-01-02 03:04:05+00\n"
    )


def test_with_json_stdout_stays_empty_and_script_output_is_kept() -> None:
    out, err, output = played(
        [
            events.RunStarted("deploy", DB, ("a",)),
            started("deploy", "a"),
            events.ScriptOutput("deploy", "42\n"),
            events.ScriptOutput("verify", "43\n"),
            events.ScriptMessage("deploy", "NOTICE:  hey\n"),
            finished("deploy", "a"),
        ],
        as_json=True,
    )
    assert (out, err, output) == ("", "NOTICE:  hey\n", ["42\n"])


def test_a_label_longer_than_announced_still_has_two_dots() -> None:
    assert played([events.RunStarted("deploy", DB, ("a",)), started("deploy", "much_longer")])[0].endswith(
        "  + much_longer .. "
    )


class Gone(StringIO):
    """A stdout whose reader has left."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_run_goes_on_when_nobody_reads_its_output() -> None:
    err = StringIO()
    watcher = Watcher(Console(Gone(), err, environ={}))
    for event in (events.RunStarted("deploy", DB, ("a",)), *done("deploy", "a"), events.Warned("still here")):
        watcher(event)
    assert err.getvalue() == "warning: still here\n"


class Terminal(StringIO):
    """A stdout that somebody looks at."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({}, "  + a .. \x1b[32mok\x1b[0m\n  + b .. \x1b[31mnot ok\x1b[0m\n"),
        ({"NO_COLOR": "1"}, "  + a .. ok\n  + b .. not ok\n"),
        ({"TERM": "dumb"}, "  + a .. ok\n  + b .. not ok\n"),
    ],
)
def test_outcomes_are_coloured_on_a_terminal_only_if_it_wants_colour(environ: dict[str, str], text: str) -> None:
    out = Terminal()
    watcher = Watcher(Console(out, StringIO(), environ=environ))
    for event in (*done("deploy", "a"), started("deploy", "b"), failed("deploy", "b")):
        watcher(event)
    watcher.close()
    assert out.getvalue() == text


EXAMPLES: tuple[events.Event, ...] = (
    events.RegistryCreated(DB),
    events.RegistryUpgraded(("1.0", "1.1")),
    events.LockWaiting(DB, 60.0, None),
    events.Blocked((HOLDER,)),
    events.RunStarted("deploy", DB, LABELS),
    events.CheckStarted(DB),
    events.Noted("No changes deployed"),
    started("deploy", "a"),
    finished("deploy", "a"),
    failed("deploy", "a"),
    events.ScriptOutput("deploy", "42\n"),
    events.ScriptMessage("deploy", "hey"),
    events.FailureReported("no"),
    events.RevertingAfterFailure(None),
    events.VerifyProblem("Out of order"),
    events.UndeployedChange("a"),
    events.UndeployedChanges(("a",)),
    events.Warned("careful"),
)


def test_every_kind_of_event_is_drawn() -> None:
    assert {type(event) for event in EXAMPLES} == set(get_args(events.Event))
    assert all(draw(event, Layout()) for event in EXAMPLES)
