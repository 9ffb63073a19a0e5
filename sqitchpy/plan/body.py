"""The body of a plan: change lines and tag lines, gathered into sections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqitchpy.errors import PlanFault
from sqitchpy.model import Dependency, Person
from sqitchpy.plan.dialect import dialect_planner, match_dialect, without_trunk
from sqitchpy.plan.drafts import ChangeDraft, Section, TagDraft
from sqitchpy.plan.faults import INVALID_NAME, NO_PLANNER, SyntaxFault
from sqitchpy.plan.grammar import (
    BLANKS,
    is_name,
    is_reserved,
    is_sha1_like,
    is_timestamp,
    parse_dependency,
    patterns_for,
    read_note,
    split_blanks,
)
from sqitchpy.plan.header import Header

Lists = tuple[tuple[Dependency, ...], tuple[Dependency, ...]]


class Body(NamedTuple):
    """The sections of a plan, as the file has them, and the lines that could not be read."""

    sections: list[Section]
    faults: list[PlanFault]
    hint: str | None


def read_body(lines: Sequence[str], header: Header) -> Body:
    """Read everything after the header. A faulty line is noted and skipped."""
    reader = _Reader(header.project, header.pragmas)
    for number in range(header.length, len(lines)):
        line = lines[number]
        if not line:
            continue
        try:
            reader.read(number + 1, line)
        except SyntaxFault as fault:
            reader.skip(number + 1, line, str(fault))
    if reader.planner is None and reader.in_dialect:
        message = f'The %planner pragma is no "Name <email>": "{header.pragmas["planner"]}"'
        reader.faults.insert(0, PlanFault(header.planner_line, message))
    sections = without_trunk(reader.sections) if reader.in_dialect else reader.sections
    return Body(sections, reader.faults, reader.hint)


class _Reader:
    """What has been read so far."""

    def __init__(self, project: str, pragmas: Mapping[str, str]) -> None:
        self.sections: list[Section] = [Section([], [])]
        self.faults: list[PlanFault] = []
        self.in_dialect = False
        self.hint: str | None = None
        self.planner = dialect_planner(pragmas)
        self._project = project
        self._ascii_line = patterns_for("").line
        self._change_lines: dict[str, int] = {}  # of the section
        self._tag_lines: dict[str, int] = {}
        self._seen_change = False
        self._persons: dict[tuple[str, str], Person] = {}
        self._dependencies: dict[str, Dependency] = {}

    def read(self, number: int, line: str) -> None:
        """Read one line of any kind."""
        found = (self._ascii_line if line.isascii() else patterns_for(line).line).match(line)
        if not found:
            if not patterns_for(line).comment.match(line):
                self._read_dialect(number, line)
            return
        _, tag, operator, _, name, _, dependencies, usual_time, planned_at, planner, email, _, note = found.groups()
        if not (name.isascii() and name.isidentifier()) and (name == "0" or not is_name(name)):
            raise _fault(line)
        if planner == "0 ":
            raise SyntaxFault(NO_PLANNER)  # Sqitch asks Perl whether it is true
        if not usual_time or len(name) >= 40 or is_reserved(name):
            _check_name(name, f"@{name}" if tag else name, planned_at)
        person = self._persons.get((planner, email))
        if person is None:
            person = self._persons[planner, email] = Person(planner[:-1], email)
        note = read_note(note) if note else ""
        if tag:
            self._tag(TagDraft(number, name, person, planned_at, note), dependencies)
        else:
            self._change(number, name, operator or "", dependencies, person, planned_at, note, False)

    def _read_dialect(self, number: int, line: str) -> None:
        found = match_dialect(line)
        if not found or not is_name(found.name) or found.name == "0":
            raise _fault(line)
        self.in_dialect = True
        person = self.planner or Person("", "")  # an unreadable %planner is a fault of its own
        _, operator, name, planned_at, note, dependencies = found
        _check_name(name, f"@{name}" if found.tag else name, planned_at)
        if found.tag:
            self._tag(TagDraft(number, name, person, planned_at, note), dependencies)
        else:
            self._change(number, name, operator, dependencies, person, planned_at, note, True)

    def _change(
        self,
        number: int,
        name: str,
        operator: str,
        dependencies: str | None,
        planner: Person,
        planned_at: str,
        note: str,
        dialect: bool,
    ) -> None:
        if name in self._change_lines:
            earlier = self._change_lines[name]
            raise SyntaxFault(f'Change "{name}" duplicates earlier declaration on line {earlier}')
        requires, conflicts = self._lists(dependencies) if dependencies else ((), ())
        changes, tags = self.sections[-1]
        if tags:
            changes = []
            self.sections.append(Section(changes, []))
        changes.append(ChangeDraft(number, name, operator, requires, conflicts, planner, planned_at, note, dialect))
        self._change_lines[name] = number
        self._seen_change = True

    def _tag(self, tag: TagDraft, dependencies: str | None) -> None:
        if "/" in tag.name:
            raise SyntaxFault(f'Tag "{tag.name}" contains illegal character /')
        if not self._seen_change:
            raise SyntaxFault(f'Tag "{tag.name}" declared without a preceding change')
        if tag.name in self._tag_lines:
            earlier = self._tag_lines[tag.name]
            raise SyntaxFault(f'Tag "{tag.name}" duplicates earlier declaration on line {earlier}')
        if dependencies and dependencies != "0":
            raise SyntaxFault("Tags may not specify dependencies")
        self.sections[-1].tags.append(tag)
        self._tag_lines[tag.name] = tag.line
        self._change_lines = {}

    def _lists(self, text: str) -> Lists:
        """Requirements and conflicts, each in the order of the line. Sqitch does not see a list of ``[0]``."""
        entries = split_blanks(text) if text != "0" else []
        known = self._dependencies
        found = tuple([known.get(entry) or self._dependency(entry) for entry in entries])
        if len(entries) > 1 and len(set(entries)) < len(entries):
            raise SyntaxFault(f'Duplicate dependency "{_first_repeated(entries)}"')
        if "!" not in text:
            return found, ()
        requires = tuple([dependency for dependency in found if not dependency.conflict])
        return requires, tuple([dependency for dependency in found if dependency.conflict])

    def _dependency(self, entry: str) -> Dependency:
        dependency = parse_dependency(entry, self._project)
        if dependency is None:
            raise SyntaxFault(f'"{entry}" is not a valid dependency specification')
        self._dependencies[entry] = dependency
        return dependency

    def skip(self, number: int, line: str, message: str) -> None:
        """Note a faulty line, and expect of later ones only what is wrong whatever the faulty one meant."""
        self.faults.append(PlanFault(number, message))
        if line.lstrip(BLANKS).startswith("@"):
            self._change_lines = {}
        else:
            self._seen_change = True
        if ' "' in line and not self.hint and message == INVALID_NAME:
            self.hint = 'a line with a quoted note reads: name timestamp "note" [dependencies]'


def _check_name(name: str, shown: str, planned_at: str) -> None:
    if is_reserved(name):
        raise SyntaxFault(f'"{shown}" is a reserved name')
    if is_sha1_like(name):
        raise SyntaxFault(f'"{name}" is invalid because it could be confused with a SHA1 ID')
    if not is_timestamp(planned_at):
        raise SyntaxFault(f'Invalid timestamp "{planned_at}"')


def _first_repeated(entries: Sequence[str]) -> str:
    first = {entry: position for position, entry in reversed(list(enumerate(entries)))}
    return next(entry for position, entry in enumerate(entries) if first[entry] != position)


def _fault(line: str) -> SyntaxFault:
    """What is wrong with a line."""
    from sqitchpy.plan.diagnose import diagnose  # most plans are spared its patterns

    return SyntaxFault(diagnose(line))
