"""Do the registry, the table of progress and the schema tell the same story? One pure function says it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Part:
    """What one statement of a change does, as sights: ``table t``, ``index t_a``, ``mark base`` …

    ``statement`` is the number that its progress is noted under; None when the whole script is one transaction.
    ``half`` are the sights of a statement that was interrupted.
    """

    statement: int | None
    sights: tuple[str, ...]
    half: tuple[str, ...] = ()


@dataclass(frozen=True)
class Known:
    """What the author of a change knows: what its deploy script adds, what its revert script removes."""

    name: str
    deploy: tuple[Part, ...]
    revert: tuple[Part, ...]

    def everything(self) -> Counter[str]:
        """What is there when the change is deployed."""
        return Counter(sight for part in self.deploy for sight in part.sights)


@dataclass(frozen=True)
class Seen:
    """What a database shows: recorded changes, noted progress (by change and action), the log, the sights."""

    recorded: frozenset[str] = frozenset()
    progress: Mapping[tuple[str, str], Mapping[int, str]] = field(default_factory=dict)
    history: Sequence[str] = ()
    sights: Counter[str] = field(default_factory=Counter)


def disagreements(plan: Sequence[Known], seen: Seen) -> list[str]:
    """Everything in which registry, progress and schema contradict each other; empty when they agree.

    A change that is one transaction is recorded and there, or neither. Of one that is not recorded, there is what its
    progress says, and of the statement that was started any part. Likewise, the other way round, of one that is
    recorded and whose revert was begun.
    """
    found = [*_out_of_order(plan, seen), *_wrong_history(plan, seen)]
    strange = Counter(seen.sights)
    for change in plan:
        least, most = _bounds(change, seen)
        for sight in sorted(_all_sights(change)):
            count = strange.pop(sight, 0)
            if not least[sight] <= count <= most[sight]:
                stands = "recorded" if change.name in seen.recorded else "not recorded"
                found.append(
                    f"{change.name} is {stands}, progress {_progress(change, seen)}: {sight} is there {count} times, "
                    f"expected {least[sight]} to {most[sight]}"
                )
    return found + [f"nothing explains {sight}" for sight in sorted(strange)]


def _out_of_order(plan: Sequence[Known], seen: Seen) -> Iterator[str]:
    names = [change.name for change in plan]
    if seen.recorded != set(names[: len(seen.recorded)]):
        yield f"recorded are {sorted(seen.recorded)}, which the plan does not begin with"
    for (name, action), rows in seen.progress.items():
        if rows and (action == "revert") is not (name in seen.recorded):
            yield f"the progress of the {action} of {name} is noted: {dict(rows)}"


def _wrong_history(plan: Sequence[Known], seen: Seen) -> Iterator[str]:
    """Each change is deployed, reverted, deployed …, never twice the same; the last of it is what is recorded."""
    for change in plan:
        told = [event for event, _, name in (line.partition(" ") for line in seen.history) if name == change.name]
        told = [event for event in told if event != "fail"]
        if told != (["deploy", "revert"] * len(told))[: len(told)]:
            yield f"{change.name} was logged {told}"
        if (len(told) % 2 == 1) is not (change.name in seen.recorded):
            yield f"{change.name} was last logged {told[-1:]}, and recorded it is {change.name in seen.recorded}"


def _bounds(change: Known, seen: Seen) -> tuple[Counter[str], Counter[str]]:
    """The least and the most that may be there of a change."""
    recorded = change.name in seen.recorded
    least, most = (change.everything(), change.everything()) if recorded else (Counter[str](), Counter[str]())
    rows = _progress(change, seen)
    done = max((number for number, state in rows.items() if state == "done"), default=0)
    for part in (change.revert if recorded else change.deploy) if rows else ():
        number = part.statement or 0  # of a script that is one transaction no progress may be noted
        for counted in (least, most) if number <= done else ():
            _apply(counted, part, add=not recorded)
        if number > done and rows.get(number) == "started":
            _apply(least if recorded else most, part, add=not recorded)
            most.update(part.half)
    return least, most


def _apply(counted: Counter[str], part: Part, *, add: bool) -> None:
    if add:
        counted.update(part.sights)
    else:
        counted.subtract(part.sights)


def _progress(change: Known, seen: Seen) -> Mapping[int, str]:
    return seen.progress.get((change.name, "revert" if change.name in seen.recorded else "deploy"), {})


def _all_sights(change: Known) -> set[str]:
    return {sight for part in (*change.deploy, *change.revert) for sight in (*part.sights, *part.half)}
