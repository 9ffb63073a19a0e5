"""Events as lines of text, in Sqitch's words and layout. Pure: an event in, pieces of output out.

::

    Deploying changes to db:pg:app
      + users .............. ok
      + user_profiles @v1 .. ok

The dots reach to the longest label of the run. What a script writes appears between the dots and ``ok``, for both are
written as they happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from sqitchpy import events
from sqitchpy.cli.console import Piece, commented

_SIGNS: Mapping[events.Action, str] = {"deploy": "+", "revert": "-", "verify": "*"}

_DEBUG = 2


class Layout(NamedTuple):
    """What drawing an event depends on: the longest label of the run, and how much is to be said."""

    width: int = 0
    verbosity: int = 1

    def after(self, event: events.Event) -> Layout:
        """The layout from this event on: a run that starts sets the width."""
        if not isinstance(event, events.RunStarted):
            return self
        return Layout(max(map(len, event.labels), default=0), self.verbosity)


def draw(event: events.Event, layout: Layout) -> tuple[Piece, ...]:
    """The output for an event."""
    return tuple(_DRAWERS[type(event)](event, layout))


def step_prefix(action: events.Action, label: str, width: int) -> str:
    """``  + users .. ``: everything before the outcome of a step."""
    return f"  {_SIGNS[action]} {label} {'.' * (max(0, width - len(label)) + 2)} "


def planned_line(action: events.Action, label: str) -> str:
    """A step of a dry run: like the line of a real one, without dots and outcome."""
    return f"  {_SIGNS[action]} {label}"


def listed(labels: tuple[str, ...]) -> str:
    """``Undeployed change:`` and the changes below it."""
    head = "Undeployed change:" if len(labels) == 1 else "Undeployed changes:"
    return "\n".join((head, *(f"  * {label}" for label in labels)))


def headline(event: events.RunStarted) -> str:
    """The line a run begins with."""
    if event.action == "verify":
        return f"Verifying {event.destination}"
    if event.only:
        verb, preposition = ("Deploying", "to") if event.action == "deploy" else ("Reverting", "from")
        return f"{verb} only {', '.join(event.labels)} {preposition} {event.destination}"
    if event.action == "deploy":
        return f"Deploying changes{_through(event)} to {event.destination}"
    if event.through is None:
        return f"Reverting all changes from {event.destination}"
    return f"Reverting changes to {event.through} from {event.destination}"


def _through(event: events.RunStarted) -> str:
    return "" if event.through is None else f" through {event.through}"


def _registry_created(event: events.RegistryCreated, layout: Layout) -> Iterator[Piece]:
    if event.said:
        yield _info(f"Adding registry tables to {event.destination}")


def _registry_upgraded(event: events.RegistryUpgraded, layout: Layout) -> Iterator[Piece]:
    yield _info(f"Upgrading the Sqitch registry from {event.versions[0]} to {event.versions[-1]}")
    for older, newer in pairwise(event.versions):
        yield _info(f"  * From {older} to {newer}")


def _lock_waiting(event: events.LockWaiting, layout: Layout) -> Iterator[Piece]:
    who = f"another instance of Sqitch working on {event.destination}"
    yield _info(f"Blocked by {who}; waiting {event.timeout:g} seconds...")
    if event.holder:
        yield _error(f"The lock is held by {event.holder}")


def _blocked(event: events.Blocked, layout: Layout) -> Iterator[Piece]:
    for holder in event.holders:
        yield from _warned(events.Warned(f"waiting for a lock of {holder}: {holder.query}"), layout)


def _run_started(event: events.RunStarted, layout: Layout) -> Iterator[Piece]:
    if not event.asked:  # else the question stands for the headline
        yield _info(headline(event))


def _check_started(event: events.CheckStarted, layout: Layout) -> Iterator[Piece]:
    yield _info(f"Checking {event.destination}")


def _noted(event: events.Noted, layout: Layout) -> Iterator[Piece]:
    yield _info(event.text)


def _step_started(event: events.StepStarted, layout: Layout) -> Iterator[Piece]:
    text = step_prefix(event.action, event.label, layout.width)
    yield Piece("emit" if event.action == "verify" else "info", text)


def _step_finished(event: events.StepFinished, layout: Layout) -> Iterator[Piece]:
    yield Piece("emit" if event.action == "verify" else "info", "ok\n", "good")


def _step_failed(event: events.StepFailed, layout: Layout) -> Iterator[Piece]:
    # What went wrong has been told before, by FailureReported: Sqitch's order.
    yield Piece("emit" if event.action == "verify" else "info", "not ok\n", "bad")


def _script_output(event: events.ScriptOutput, layout: Layout) -> Iterator[Piece]:
    if event.action != "verify" or layout.verbosity >= _DEBUG:
        yield Piece("emit", event.text)


def _script_message(event: events.ScriptMessage, layout: Layout) -> Iterator[Piece]:
    yield Piece("error", event.text if event.text.endswith("\n") else f"{event.text}\n")


def _failure_reported(event: events.FailureReported, layout: Layout) -> Iterator[Piece]:
    yield _error(event.text)


def _reverting_after_failure(event: events.RevertingAfterFailure, layout: Layout) -> Iterator[Piece]:
    goal = "all changes" if event.to is None else f"to {event.to}"
    yield _error(f"Reverting {', '.join(event.only) or goal}")


def _verify_problem(event: events.VerifyProblem, layout: Layout) -> Iterator[Piece]:
    yield Piece("emit", f"{commented(event.text)}\n")


def _undeployed_change(event: events.UndeployedChange, layout: Layout) -> Iterator[Piece]:
    yield Piece("emit", step_prefix("verify", event.label, layout.width))
    yield Piece("emit", "not ok", "bad")
    yield Piece("emit", " # Not deployed\n")


def _undeployed_changes(event: events.UndeployedChanges, layout: Layout) -> Iterator[Piece]:
    yield Piece("emit", f"{listed(event.labels)}\n")


def _warned(event: events.Warned, layout: Layout) -> Iterator[Piece]:
    yield _error("\n".join(f"warning: {line}" for line in event.text.split("\n")))


def _info(text: str) -> Piece:
    return Piece("info", f"{text}\n")


def _error(text: str) -> Piece:
    return Piece("error", f"{text}\n")


_DRAWERS: Mapping[type, Callable[[Any, Layout], Iterator[Piece]]] = {
    events.RegistryCreated: _registry_created,
    events.RegistryUpgraded: _registry_upgraded,
    events.LockWaiting: _lock_waiting,
    events.Blocked: _blocked,
    events.RunStarted: _run_started,
    events.CheckStarted: _check_started,
    events.Noted: _noted,
    events.StepStarted: _step_started,
    events.StepFinished: _step_finished,
    events.StepFailed: _step_failed,
    events.ScriptOutput: _script_output,
    events.ScriptMessage: _script_message,
    events.FailureReported: _failure_reported,
    events.RevertingAfterFailure: _reverting_after_failure,
    events.VerifyProblem: _verify_problem,
    events.UndeployedChange: _undeployed_change,
    events.UndeployedChanges: _undeployed_changes,
    events.Warned: _warned,
}
