"""Arguments without an option: each is a change, a target, an engine or a plan file, and is told apart as in Sqitch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sqitchpy.errors import SqitchpyError, UnknownChangeError
from sqitchpy.target import Target, TargetOverrides, configured_targets, target_reference

if TYPE_CHECKING:
    from sqitchpy.model import Plan
    from sqitchpy.project import Project


class Arguments(NamedTuple):
    """What the arguments say. ``targets`` holds at least one; ``explicit`` is false when it is just the default.

    ``names`` are those that are nothing we know, where a command takes such: the branch of a checkout, say.
    """

    targets: tuple[Target, ...]
    changes: tuple[str, ...] = ()
    explicit: bool = False
    names: tuple[str, ...] = ()


def classify(
    project: Project,
    words: Sequence[str],
    *,
    target: str | None = None,
    overrides: TargetOverrides,
    takes_changes: bool = True,
    takes_names: int = 0,
) -> Arguments:
    """Tell the arguments apart, beginning with the target that ``--target`` names, or the default one.

    A target among the arguments is the one whose plan the arguments after it are looked up in. ``takes_names`` is how
    many words may be nothing that we know.

    Raises:
        SqitchpyError: an argument is nothing that we know; a target cannot be used; a plan cannot be read.
    """
    return _Classifier(project, target, overrides, takes_changes).classify(words, takes_names)


class _Classifier:
    def __init__(self, project: Project, name: str | None, overrides: TargetOverrides, takes_changes: bool) -> None:
        self.project = project
        self.overrides = overrides
        self.takes_changes = takes_changes
        self.targets: dict[str, Target] = {}
        self.plans: dict[str, Plan] = {}
        self.changes: list[str] = []
        self.unknown: list[str] = []
        self.current: Target | None = None
        self.why_no_default: SqitchpyError | None = None
        self._begin(name)

    def classify(self, words: Sequence[str], takes_names: int) -> Arguments:
        for word in words:
            self._place(word)
        names, unknown = tuple(self.unknown[:takes_names]), self.unknown[takes_names:]
        if unknown:
            raise SqitchpyError(_unknown(unknown))
        if self.targets:
            return Arguments(tuple(self.targets.values()), tuple(self.changes), explicit=True, names=names)
        if self.current is None:
            assert self.why_no_default is not None
            raise self.why_no_default
        return Arguments((self.current,), tuple(self.changes), names=names)

    def _begin(self, name: str | None) -> None:
        """The default target may be unusable when the arguments name another; then its error is forgotten."""
        try:
            self.current = self.project.resolve(name, self.overrides)
        except SqitchpyError as error:
            if name is not None:
                raise
            self.why_no_default = error
        else:
            if name is not None:
                self.targets[self.current.name] = self.current

    def _place(self, word: str) -> None:
        if self.takes_changes and self._is_planned(word):
            self.changes.append(word)
        elif (found := self._target(word)) is not None:
            self.current = found
            self.targets.setdefault(found.name, found)
        else:
            self.unknown.append(word)

    def _is_planned(self, word: str) -> bool:
        from sqitchpy.plan import find_in_plan

        target = self.current
        if ":" in word.partition("@")[0]:  # no name holds one, a URI does
            return False
        if target is None or not self.project.has_plan(target):
            return False
        if target.plan_file not in self.plans:
            self.plans[target.plan_file] = self.project.plan(target)
        try:
            return find_in_plan(self.plans[target.plan_file], word) is not None
        except UnknownChangeError:
            if "@" in word:
                raise
            return True  # a name that was reworked: it is for the command to say so

    def _target(self, word: str) -> Target | None:
        reference = target_reference(self.project.config, word)
        if reference is not None:
            return self.project.resolve(reference, self.overrides)
        return self._targets_by_plan().get(word) if Path(word).exists() else None

    def _targets_by_plan(self) -> Mapping[str, Target]:
        found: dict[str, Target] = {}
        for reference in configured_targets(self.project.config):
            target = self.project.resolve(reference, self.overrides)
            found.setdefault(target.plan_file, target)
        return found


def _unknown(words: Sequence[str]) -> str:
    if len(words) == 1:
        return f'Unknown argument "{words[0]}"'
    return f"Unknown arguments: {', '.join(words)}"


def too_many_targets(arguments: Arguments, verb: str = "connecting to") -> Iterator[str]:
    """The warning when there is more than one target; the first is used."""
    if len(arguments.targets) > 1:
        yield f"Too many targets specified; {verb} {arguments.targets[0].name}"


def pick_change(named: str | None, changes: list[str]) -> str | None:
    """The change that an option names, else the next one among the arguments, which is taken away."""
    return named if named is not None else (changes.pop(0) if changes else None)
