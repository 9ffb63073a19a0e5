"""Taking changes out of a plan and renaming them, with their scripts; only what is deployed nowhere.

Every configured target is asked first. What is going to be is prepared, as a value, and everything refused that must
be; only then are files written, the plan after the scripts that it names, and what nothing names any more is deleted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

from sqitchpy.asking import Answer, ask, concerns
from sqitchpy.engines.protocol import Engine
from sqitchpy.errors import Refusal, SqitchpyError
from sqitchpy.files import SCRIPT_KINDS, ScriptFiles, script_path
from sqitchpy.model import Change, Plan
from sqitchpy.plan import rework_suffixes
from sqitchpy.plan.revising import displaced, remove_change, rename_change, without
from sqitchpy.target import Target
from sqitchpy.writing import delete_files, write_files

Action = Literal["remove", "rename", "reset"]


class Move(NamedTuple):
    """A script, and where it is going to be; None when it goes."""

    file: str
    to: str | None


@dataclass(frozen=True, slots=True)
class Revision:
    """What becomes of a plan and its scripts. ``changes`` are those that go, or are renamed, as the old plan has them.

    ``asked`` has the answers of the targets, also of those that could not be asked.
    """

    action: Action
    before: Plan
    plan: Plan
    changes: tuple[Change, ...]
    moves: tuple[Move, ...]
    asked: tuple[Answer, ...]
    renamed_to: str | None = None

    @property
    def moved_tags(self) -> tuple[tuple[str, str], ...]:
        """Tags of a change that goes, and the name of the change that they belong to then."""
        tags = [tag for change in self.changes for tag in change.tags if tag.name in self.plan.by_tag]
        return tuple((str(tag), self.plan.by_tag[tag.name].name) for tag in tags) if self.action == "remove" else ()

    def write(self, root: Path) -> None:
        """Write everything below ``root``. Raises SqitchpyError when the plan is not as it was read."""
        if _read(root, self.before.file) != self.before.text.encode():
            raise SqitchpyError(f"{self.before.file} has changed meanwhile", hint="Nothing was changed. Do it again.")
        files = {move.to: self._script(_read(root, move.file)) for move in self.moves if move.to is not None}
        write_files(root, {**files, self.plan.file: self.plan.text.encode()})
        delete_files(root, [move.file for move in self.moves if move.file not in files])

    def _script(self, data: bytes) -> bytes:
        """A script with the new name in its first line, where that is the one of Sqitch's templates."""
        if self.renamed_to is None:
            return data
        project, old, new = (text.encode() for text in (self.plan.project, self.changes[0].name, self.renamed_to))
        head = re.compile(
            rb"\A(-- (?:Deploy|Revert|Verify) " + re.escape(project) + rb":)" + re.escape(old) + rb"(?=\s)"
        )
        return head.sub(lambda found: found[1] + new, data, count=1)


@dataclass(frozen=True, slots=True)
class Reviser:
    """Prepares what becomes of the plan of ``target``.

    ``targets`` are all that are configured, that one included; ``unresolved`` are those of which nothing can be said.
    With ``unasked_ok`` a target that cannot be asked does not matter.
    """

    root: Path
    target: Target
    targets: Sequence[Target]
    unresolved: tuple[Answer, ...]
    read_plan: Callable[[Target], Plan]
    connect: Callable[[Target], Engine]
    unasked_ok: bool = False

    def remove(self, spec: str) -> Revision:
        """Take out one change, named as elsewhere (``users``, ``users@HEAD``). Raises SqitchpyError."""
        before = self.read_plan(self.target)
        after, change = remove_change(before, spec)
        moves = self._moves(before, after, lambda other: other is not change)
        asked = self._refuse_deployed("remove", change.name, before, after)
        return Revision("remove", before, after, (change,), moves, asked)

    def rename(self, old: str, new: str) -> Revision:
        """Give all instances of a change another name. Raises SqitchpyError."""
        before = self.read_plan(self.target)
        after = rename_change(before, old, new)
        moves = self._moves(before, after, lambda other: True)
        asked = self._refuse_deployed("rename", old, before, after)
        return Revision("rename", before, after, before.by_name[old], moves, asked, new)

    def reset(self) -> Revision:
        """Take out the changes after the last one that is deployed anywhere. Raises Refusal when there are none."""
        before = self.read_plan(self.target)
        asked = self._ask(before)
        for answer in asked:
            if stranger := answer.stranger(before):
                raise SqitchpyError(
                    f'Cannot reset the plan: {answer.label} has "{stranger.name}", which {before.file} does not',
                    hint="Nothing was changed. Was it deployed from another branch? Revert it from there first.",
                )
        self._refuse_unasked("reset the plan", asked)
        standing = [found.position for answer in asked for found, _ in answer.standing(before, before.changes)]
        gone = before.changes[max(standing, default=-1) + 1 :]
        if not gone:
            raise Refusal(f"Nothing to reset: everything in {before.file} is deployed, or the plan is empty")
        after = without(before, gone, tags=True)
        moves = self._moves(before, after, lambda other: other.position < gone[0].position)
        return Revision("reset", before, after, gone, moves, asked)

    # -- the targets ------------------------------------------------------------------------------------------------

    def _ask(self, plan: Plan) -> tuple[Answer, ...]:
        wanted = (target for target in self.targets if concerns(target, plan, self.read_plan))
        registries = {(target.uri, target.registry): target for target in reversed(list(wanted))}
        answers = (ask(each, plan.project, self.root, self.connect) for each in reversed(registries.values()))
        return (*answers, *self.unresolved)

    def _refuse_deployed(self, action: Action, name: str, before: Plan, after: Plan) -> tuple[Answer, ...]:
        """Refuse to move the id of a change that is deployed somewhere."""
        asked = self._ask(before)
        moved = displaced(before, after)
        standing = [(answer, *found) for answer in asked for found in islice(answer.standing(before, moved), 1)]
        if standing:
            told = [
                f'{before.file}:{change.line}: change "{change.name}" {how} on {where.label}'
                for where, change, how in standing
            ]
            first, change, _ = standing[0]
            raise SqitchpyError(
                "\n".join((f'Cannot {action} "{name}"', *told)),
                hint="Nothing was changed. The id of a change depends on its line and all lines before it, so these "
                f"stay as they are while it is deployed. First “{_revert(before, first, change)}”, or plan another "
                "change that undoes it.",
            )
        self._refuse_unasked(f'{action} "{name}"', asked)
        return asked

    def _refuse_unasked(self, doing: str, asked: Sequence[Answer]) -> None:
        mute = [f"  * {answer.label} {answer.silence}" for answer in asked if answer.silence]
        if mute and not self.unasked_ok:
            raise SqitchpyError(
                "\n".join((f"Cannot {doing}: not every target says what it has", *mute)),
                hint="Nothing was changed. Make these targets reachable; or, if you know that nothing of this is "
                "deployed there, say --unasked-ok.",
            )

    # -- the scripts ------------------------------------------------------------------------------------------------

    def _moves(self, before: Plan, after: Plan, stays: Callable[[Change], bool]) -> tuple[Move, ...]:
        """What becomes of the scripts of all targets that share the plan file. Raises SqitchpyError."""
        moves: dict[str, str | None] = {}
        kept = iter(after.changes)
        pairs = [(change, next(kept) if stays(change) else None) for change in before.changes]
        for target in (each for each in self.targets if each.plan_file == before.file):
            old = ScriptFiles(self.root, target, before)
            for change, now in pairs:
                moves |= dict(_scripts(old, change, now, after))
            self._refuse_orphans(old, pairs, after, moves)
        changed = {file: to for file, to in moves.items() if file != to}
        self._refuse_overwriting(changed)
        return tuple(Move(file, to) for file, to in changed.items())

    def _refuse_orphans(
        self,
        old: ScriptFiles,
        pairs: Sequence[tuple[Change, Change | None]],
        after: Plan,
        moves: Mapping[str, str | None],
    ) -> None:
        """Refuse to delete the only deploy script that there is for a change that stays."""
        for change, now in pairs:
            source = old.source("deploy", change)
            if now is None or source.exists():
                continue
            place = script_path(old.target, "deploy", now.name, _suffix(old, change, now, after))
            if moves.get(place, place) is None:
                raise SqitchpyError(
                    f"Cannot remove {place}: {source.name} does not exist, and {change.name} would have no script",
                    hint="Nothing was changed. Bring that file back first, for instance from version control.",
                )

    def _refuse_overwriting(self, moves: Mapping[str, str | None]) -> None:
        taken = next((to for to in moves.values() if to and to not in moves and (self.root / to).exists()), None)
        if taken is not None:
            raise SqitchpyError(f"{taken} exists already", hint="Nothing was changed. Move that file away first.")


def _revert(plan: Plan, answer: Answer, change: Change) -> str:
    """The command that reverts to before a change, which is to the last one before it that is deployed."""
    ids = {row.id for row in answer.deployed}
    before = next((other for other in reversed(plan.changes[: change.position]) if other.id in ids), None)
    if before is None:
        return f"sqitchpy revert {answer.target}"
    return f"sqitchpy revert {answer.target} --to {before.name if len(plan.by_name[before.name]) == 1 else before.id}"


def _scripts(old: ScriptFiles, change: Change, now: Change | None, after: Plan) -> Iterator[tuple[str, str | None]]:
    """The scripts that a change has, and where they belong in the new plan."""
    suffix = None if now is None else _suffix(old, change, now, after)
    for kind in SCRIPT_KINDS:
        source = old.source(kind, change)
        if source.exists():
            yield source.name, None if now is None else script_path(old.target, kind, now.name, suffix)


def _suffix(old: ScriptFiles, change: Change, now: Change, after: Plan) -> str | None:
    """The tag that its files carry in the new plan: the one they have, if it still says which instance they are."""
    allowed = rework_suffixes(after, now)
    had = old.suffix(change)
    return had if had in allowed else allowed[0] if allowed else None


def _read(root: Path, file: str) -> bytes:
    try:
        return (root / file).read_bytes()
    except OSError as error:
        raise SqitchpyError(f"Cannot read {file}: {error.strerror}", hint="Nothing was changed.") from error
