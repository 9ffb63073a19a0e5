"""A lane: one copy of the project, one database, and the tools that run the scenario there."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from . import observing
from .comparing import compare, unexplained
from .databases.base import LaneDatabase
from .observing import Observation
from .scenario import Scenario, Step
from .tools import PROGRAMS, Said, Tool

CHANGES_SCHEMA = {"deploy", "revert", "rebase", "checkout", "upgrade"}
GIT_IDENTITY = ("-c", "user.name=Ann Ex", "-c", "user.email=ann@example.com")


@dataclass
class Lane:
    """Runs a scenario's steps, each with the next tool of ``turns``."""

    name: str
    scenario: Scenario
    directory: Path
    database: LaneDatabase
    turns: Sequence[str]
    tools: Mapping[str, Tool]
    _turn: cycle[str] = field(init=False)
    _schema: str = field(init=False, default="")

    def __post_init__(self) -> None:
        self._turn = cycle(self.turns)
        self.write(self.scenario.files)

    def write(self, texts: Mapping[str, str]) -> None:
        for name, text in texts.items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.filled(text).encode())

    def filled(self, text: str) -> str:
        """The text with what stands for this lane's database and place."""
        for name, value in {**self.database.placeholders, "directory": str(self.directory)}.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def step(self, step: Step) -> tuple[str, Observation | None]:
        """Do a step; the tool that did it, and what there is to be seen then (nothing, when no command was run)."""
        self._prepare(step)
        if step.run is None:
            return "", None
        tool = next(self._turn)
        return tool, self._observe(step, self.run(tool, step))

    def _prepare(self, step: Step) -> None:
        self.write(step.write)
        for name in step.remove:
            (self.directory / name).unlink()
        for words in step.git.strip().splitlines():
            subprocess.run(["git", *GIT_IDENTITY, *shlex.split(words)], cwd=self.directory, check=True)
        if step.sql:
            self.database.execute(self.filled(step.sql))
        if step.freeze:
            for plan in self.directory.rglob("*.plan"):
                plan.write_bytes(observing.settled(plan.read_bytes().decode()).encode())
            self.database.freeze(self.scenario.registries)

    def words(self, line: str) -> list[str]:
        return shlex.split(self.filled(line))

    def command(self, tool: str, line: str) -> list[str]:
        """The command that a process of its own runs."""
        return [*PROGRAMS[tool], *self.words(line)]

    def environ(self, step: Step) -> dict[str, str]:
        added = {**self.scenario.environ, **step.environ}
        return observing.environ({**self.database.environ, **{key: self.filled(text) for key, text in added.items()}})

    def run(self, tool: str, step: Step) -> Said:
        assert step.run is not None
        words = self.words(step.run)
        return self.tools[tool].run(words, self.directory / step.cwd, self.environ(step), step.stdin)

    def _observe(self, step: Step, said: Said) -> Observation:
        if step.sql or CHANGES_SCHEMA.intersection(shlex.split(step.run or "")):
            self._schema = self.normalized(self.database.schema())
        return Observation(
            stdout=self.normalized(said.stdout),
            stderr=self.normalized(said.stderr),
            exit=str(said.exit),
            files=observing.files(self.directory, self.masks),
            rows=self.normalized(self.database.rows(self.scenario.registries)),
            schema=self._schema,
        )

    @property
    def masks(self) -> Mapping[str, str]:
        return {**self.database.masks, str(self.directory): "PROJECT"}

    def normalized(self, text: str) -> str:
        return observing.normalized(text, self.masks)


@dataclass
class Outcome:
    """What came of a scenario: complaints, how many steps were compared, how many known differences were seen."""

    complaints: list[str] = field(default_factory=list)
    steps: int = 0
    differences: int = 0


def side_by_side(lanes: Sequence[Lane]) -> Outcome:
    """Run the scenario of the lanes in each of them, and compare with the first.

    It stops after the first step whose effects differ, since what follows follows from it.
    """
    outcome = Outcome()
    for number, step in enumerate(lanes[0].scenario.steps, 1):
        seen = [(lane.name, *lane.step(step)) for lane in lanes]
        if step.run is None:
            continue
        complaints = _compare_step(step, seen, outcome)
        if complaints:
            outcome.complaints += [f"step {number}: {step.run}", *complaints]
            if any(_has_effect(complaint) for complaint in complaints):
                break
    return outcome


def _has_effect(complaint: str) -> bool:
    return any(f"{field}:\n" in complaint for field in ("exit", "files", "rows", "schema"))


def _compare_step(step: Step, seen: Sequence[tuple[str, str, Observation | None]], outcome: Outcome) -> list[str]:
    """Complaints about one step; what was compared is counted in ``outcome``."""
    _, _, reference = seen[0]
    assert reference is not None
    complaints = unlike_sqitch(step, reference)
    for lane, tool, observation in seen[1:]:
        assert observation is not None
        expected = step.differs if tool == "sqitchpy" else ()
        found = unexplained(list(compare(reference, observation)), expected)
        complaints += [f"in lane “{lane}”, step by {tool}: {complaint}" for complaint in found]
        outcome.steps += 1
        outcome.differences += len(expected)
    return complaints


def unlike_sqitch(step: Step, reference: Observation) -> list[str]:
    """Complaints when Sqitch itself does not do what the scenario says; nothing would be shown by comparing with it."""
    complaints = []
    if reference.exit != str(step.exit):
        complaints.append(f"Sqitch’s exit code is {reference.exit}:\n{reference.stdout}\n{reference.stderr}")
    if step.says and step.says not in reference.stdout + reference.stderr:
        complaints.append(f"Sqitch does not say “{step.says}”:\n{reference.stdout}\n{reference.stderr}")
    return complaints
