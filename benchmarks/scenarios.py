"""What is measured: each scenario runs commands in turns and adds what they took."""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import server
from measure import CommandFailedError, Measured, run
from peers import OURS, Place, Tool, What
from workload import changes, plan_of, write_project

OPERATIONS: tuple[What, ...] = ("deploy", "verify", "noop", "status", "one", "revert")
PEAK = Path(__file__).with_name("peak.py")


@dataclass
class Bench:
    """One run of the benchmark: where it works, what takes part, and what was found so far."""

    folder: Path
    tools: Sequence[Tool]
    options: argparse.Namespace
    found: list[Measured]
    facts: dict[str, str]
    _broken: set[tuple[str, str]] = field(default_factory=set)

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        """The environment without settings of whoever runs the benchmark."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SQITCH", "PG", "PYTHON"))}
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        person = {"SQITCH_FULLNAME": "Ann Ex", "SQITCH_EMAIL": "ann@example.com", "PGSSLMODE": "disable"}
        return {**kept, **person, "HOME": str(home), "LC_ALL": "C.UTF-8", "TZ": "UTC", **more}

    def project(self, tool: Tool, count: int) -> Path:
        """A folder with W(count) as the tool has it."""
        folder = self.folder / f"{tool.family}-{count}"
        if not folder.exists():
            tool.write(folder, count)
        return folder

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def measure(
        self,
        scenario: str,
        what: str,
        name: str,
        turn: int,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        on: server.Server | None,
    ) -> bool:
        """Run a command and keep what it took. One that fails is told, and left out of the scenario from then on."""
        if (scenario, name) in self._broken:
            return False
        try:
            took = run(command, folder, self.environment(environment), on)
        except CommandFailedError as error:
            self._broken.add((scenario, name))
            self.say(f"{scenario}, {what}: {name} is left out. {error}")
            return False
        self.found.append(Measured(scenario, what, name, turn, *took))
        return True

    def check(self, scenario: str, what: What, name: str, tables: int, count: int) -> None:
        """See that a tool has done what it was measured for; else leave it out, with what was measured."""
        wanted: dict[What, int] = {"deploy": count, "one": count + 1, "revert": 0}
        if wanted.get(what, tables) != tables:
            self._broken.add((scenario, name))
            self.found[:] = [each for each in self.found if (each.scenario, each.tool) != (scenario, name)]
            self.say(f"{scenario}, {what}: {name} is left out: it leaves {tables} tables")

    @property
    def label(self) -> str:
        """What this run is called, in its tables' titles."""
        return f", {self.options.label}" if self.options.label else ""

    def wants(self, what: What) -> bool:
        """Whether an operation was asked for. What a later one needs done first is measured, too."""
        asked = self.options.what
        return asked is None or any(OPERATIONS.index(what) <= OPERATIONS.index(each) for each in asked.split(","))


def shuffled(tools: Sequence[Tool]) -> list[Tool]:
    return random.sample(list(tools), len(tools))


# -- the life of a project --------------------------------------------------------------------------------------------


def life(bench: Bench) -> None:
    """Deploy, verify, deploy nothing, status, one more change, revert: every tool, sizes, disks and distances."""
    for fsync in bench.options.fsync:
        with server.running(fsync=fsync == "on") as on:
            bench.facts["server"] = f"PostgreSQL {on.version}"
            for delay in bench.options.delays:
                with proxied(on.port, delay) as port:
                    for count in bench.options.changes:
                        if bench.options.chosen or worth_it(count, fsync, delay):
                            away = f"{2 * delay:g} ms away" if delay else "same machine"
                            _life(bench, f"W({count:,}), fsync {fsync}, {away}{bench.label}", on, port, count)


def worth_it(count: int, fsync: str, delay: float) -> bool:
    """Whether a size is measured when none was chosen: far away, and without fsync, hours would pass with the rest."""
    if delay:
        return fsync == "on" and count == 100
    return count < 10_000 if fsync == "on" else count in (100, 1000)


def _life(bench: Bench, scenario: str, on: server.Server, port: int, count: int) -> None:
    """Reverts come last, and nothing is dropped before: some file systems (ext4 without a journal) make new files
    slowly where many have just been deleted, so whoever comes next would pay for it."""
    tools = [tool for tool in bench.tools if tool.longest >= count]
    places = [
        {tool.name: Place(bench.project(tool, count), port, on.create(f"t{turn}b{n}")) for n, tool in enumerate(tools)}
        for turn in range(bench.options.turns)
    ]
    for turn in range(bench.options.turns):
        bench.say(f"{scenario}: turn {turn + 1}")
        for what in filter(bench.wants, OPERATIONS[:-1]):
            _operation(bench, scenario, what, turn, tools, places[turn], on, count)
    for turn in range(bench.options.turns) if bench.wants("revert") else ():
        bench.say(f"{scenario}: turn {turn + 1} of reverts")
        able = [tool for tool in tools if tool.name != "dbmate"]  # it rolls back one change a call
        _operation(bench, scenario, "revert", turn, able, places[turn], on, count)
    on.drop_all()


def _operation(
    bench: Bench,
    scenario: str,
    what: What,
    turn: int,
    tools: Sequence[Tool],
    places: Mapping[str, Place],
    on: server.Server,
    count: int,
) -> None:
    for tool in shuffled(tools):
        if what not in tool.commands:
            continue
        place = places[tool.name]
        if what in ("one", "revert"):  # the change that "one" adds is there from then on
            place = Place(bench.project(tool, count + 1), place.port, place.dbname)
        command, extra = tool.commands[what](place), tool.environment(place)
        if bench.measure(scenario, what, tool.name, turn, command, place.folder, extra, on):
            bench.check(scenario, what, tool.name, on.tables(place.dbname), count)


@contextmanager
def proxied(port: int, delay: float) -> Iterator[int]:
    """The port of a proxy that delays by ``delay`` milliseconds each way; the server's own when there is no delay."""
    if not delay:
        yield port
        return
    with Proxy(port, delay) as proxy:
        yield proxy.port


class Proxy:
    """benchmarks/proxy.py in a process of its own."""

    def __init__(self, port: int, delay: float = 0) -> None:
        command = [sys.executable, str(Path(__file__).with_name("proxy.py")), str(port), str(delay)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self._line())

    def _line(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline()

    def round_trips(self) -> int:
        """How many there were since this was last asked."""
        assert self._process.stdin
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._line())

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.wait()


# -- round trips ------------------------------------------------------------------------------------------------------


def trips(bench: Bench) -> None:
    """How often a client waits for the server, per change: the difference of W(110) and W(10), a hundredth of it."""
    with server.running(fsync=False) as on, Proxy(on.port) as proxy:
        for tool in bench.tools:
            counts = [_trips(bench, tool, count, on, proxy) for count in (10, 110)]
            for what in OPERATIONS:
                if all(what in found for found in counts):
                    each = (counts[1][what] - counts[0][what]) / 100
                    bench.facts[f"round trips per change, {what}, {tool.name}"] = f"{each:.2f}"


def _trips(bench: Bench, tool: Tool, count: int, on: server.Server, proxy: Proxy) -> dict[What, int]:
    place = Place(bench.project(tool, count), proxy.port, on.create("trips"))
    found: dict[What, int] = {}
    for what in ("deploy", "verify", "revert"):
        if what in tool.commands:
            proxy.round_trips()
            run(tool.commands[what](place), place.folder, bench.environment(tool.environment(place)), None)
            found[what] = proxy.round_trips()
    on.drop_all()
    return found


# -- starting ---------------------------------------------------------------------------------------------------------


def start(bench: Bench) -> None:
    """Cold processes that touch no database, next to importing click."""
    folder = bench.folder / "sqitch-10"
    if not folder.exists():
        write_project(folder, 10)
    commands = {
        "import click": [sys.executable, "-c", "import click"],
        "sqitchpy --version": [str(OURS), "--version"],
        "sqitchpy --help": [str(OURS), "--help"],
        "sqitchpy plan": [str(OURS), "plan"],
        "sqitch --version": ["sqitch", "--version"],
        "sqitch plan": ["sqitch", "plan"],
    }
    _in_turns(bench, "Start, 10 changes in the plan", "start", commands, folder, 3 * bench.options.turns)


def _in_turns(
    bench: Bench, scenario: str, what: str, commands: Mapping[str, list[str]], folder: Path, turns: int
) -> None:
    for turn in range(turns):
        for name in random.sample(list(commands), len(commands)):
            if commands[name][0] != "sqitch" or any(tool.name == "sqitch" for tool in bench.tools):
                bench.measure(scenario, what, name, turn, commands[name], folder, {}, None)


# -- large plans ------------------------------------------------------------------------------------------------------


def plans(bench: Bench) -> None:
    """Reading a plan: lines, ids, order. Sqitch's own ``plan`` beside it."""
    for count in (10_000, 20_000, 100_000):
        folder = bench.folder / f"plan-{count}"
        folder.mkdir()
        (folder / "sqitch.conf").write_text("[core]\n\tengine = pg\n")
        (folder / "sqitch.plan").write_text(plan_of(changes(count)))
        commands = {"sqitchpy plan": [str(OURS), "plan", "--max-count", "1"], "parse_plan": _parsing()}
        if count == 20_000:
            commands["sqitch plan"] = ["sqitch", "plan", "--max-count", "1"]
            commands["sqitchpy plan, all"] = [str(OURS), "plan"]
            commands["sqitch plan, all"] = ["sqitch", "plan"]
        _in_turns(bench, f"A plan of {count:,} changes", "plan", commands, folder, bench.options.turns)


def _parsing() -> list[str]:
    code = "from pathlib import Path; from sqitchpy.plan import parse_plan"
    return [sys.executable, "-c", f"{code}; parse_plan(Path('sqitch.plan').read_bytes(), 'sqitch.plan')"]


# -- on top of many changes -------------------------------------------------------------------------------------------


def growth(bench: Bench) -> None:
    """One more change, status and no-op on top of 10,000 deployed changes and on top of 100; and the peak memory."""
    tool = next(tool for tool in bench.tools if tool.name == "sqitchpy")
    few, many = 100, min(10_000, max([*bench.options.changes, 1000]) * 10)
    with server.running(fsync=True) as on:
        for count in (few, many):
            _fill(bench, tool, count, on)
        for turn in range(bench.options.turns):
            for what in ("noop", "status", "one"):
                for count in random.sample((few, many), 2):
                    dbname = on.create(f"copy{count}", f"full{count}") if what == "one" else f"full{count}"
                    place = Place(bench.project(tool, count + (what == "one")), on.port, dbname)
                    name = f"on top of {count:,}"
                    command = tool.commands[what](place)  # type: ignore[index]
                    bench.measure("On top of many changes", what, name, turn, command, place.folder, {}, on)
            on.drop_all()


def _fill(bench: Bench, tool: Tool, count: int, on: server.Server) -> None:
    on.sql(f"CREATE DATABASE full{count}")
    place = Place(bench.project(tool, count), on.port, f"full{count}")
    command = [sys.executable, str(PEAK), *tool.commands["deploy"](place)[1:]]
    environment = bench.environment({"PYTHONPATH": str(PEAK.parents[1])})
    done = subprocess.run(command, cwd=place.folder, env=environment, capture_output=True, text=True, check=True)
    bench.facts[f"peak memory, deploy of W({count:,})"] = f"{int(done.stderr.split()[-1]) / 1024:.0f} MiB"


# -- several verifications at once ------------------------------------------------------------------------------------


def jobs(bench: Bench) -> None:
    """Verify with one session and with four, each script reading 200,000 rows."""
    folder = bench.folder / "scans"
    write_project(folder, 100, scanned=True)
    with server.running(fsync=False) as on:
        place = Place(folder, on.port, on.create("scans"))
        run([str(OURS), "deploy", place.sqitch], folder, bench.environment({}), None)
        on.sql("CHECKPOINT")
        commands = {f"--jobs {n}": [str(OURS), "verify", "--jobs", str(n), place.sqitch] for n in (1, 2, 4)}
        for turn in range(bench.options.turns):
            for name in random.sample(list(commands), len(commands)):
                bench.measure("100 scans of 200,000 rows", "verify", name, turn, commands[name], folder, {}, on)


ALL: dict[str, Callable[[Bench], None]] = {
    "start": start,
    "life": life,
    "trips": trips,
    "plans": plans,
    "jobs": jobs,
    "growth": growth,
}
