"""How fast is it, next to its peers and to what is possible? Prints tables in Markdown, and writes all it has measured.

    make bench                                    everything (hours)
    make bench ARGS='--quick'                     a look (minutes)
    make bench ARGS='--scenario life --changes 100 --tools sqitchpy,"limit c" --turns 9'

Tools take turns: in every turn each tool does an operation once, in an order by lot, before any does the next, and
ratios are those within a turn. Nothing of it is part of the tests.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import peers
import scenarios
import tables
from measure import Measured

HERE = Path(__file__).parent
QUICK = {"changes": [100], "turns": 7, "fsync": ["on"], "delays": [0.0]}
FULL = {"changes": [10, 100, 1000, 10_000], "turns": 7, "fsync": ["on", "off"], "delays": [0.0, 2.9]}


def read_options(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="W(100), fsync on, no delay")
    parser.add_argument("--scenario", action="append", choices=sorted(scenarios.ALL), help="only these")
    parser.add_argument("--changes", type=int, action="append", help="sizes of the workload")
    parser.add_argument("--turns", type=int, help="how often each tool runs (default: 7)")
    parser.add_argument("--fsync", choices=("on", "off"), action="append", help="the server's fsync")
    parser.add_argument("--delay", type=float, action="append", dest="delays", help="milliseconds each way (2.9)")
    parser.add_argument("--tools", help="names, separated by commas; without it every one that is installed")
    parser.add_argument("--what", help="operations, separated by commas: deploy,verify,noop,status,one,revert")
    parser.add_argument("--no-install", action="store_true", help="take the peers that are there")
    parser.add_argument("--output", type=Path, default=HERE / "results", help="folder of results.json and results.md")
    parser.add_argument("--label", default="", help="a word on this run, for its tables' titles")
    parser.add_argument("--add", action="store_true", help="to the results that are there")
    options = parser.parse_args(words)
    options.chosen = options.changes is not None
    for name, value in (QUICK if options.quick else FULL).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    return options


def chosen_tools(options: argparse.Namespace) -> list[peers.Tool]:
    """The tools that were asked for and are installed; says which are not."""
    wanted = [name.strip() for name in options.tools.split(",")] if options.tools else None
    there = peers.tools()
    for name in wanted or ():
        if name not in [tool.name for tool in there]:
            raise SystemExit(f"There is no tool “{name}”; these there are: {', '.join(tool.name for tool in there)}")
    found = [tool for tool in there if wanted is None or tool.name in wanted]
    for tool in found:
        if not tool.installed():
            print(f"{tool.name} is not installed", file=sys.stderr)
    return [tool for tool in found if tool.installed()]


def main(words: list[str]) -> None:
    options = read_options(words)
    if not options.no_install:
        peers.install()
    random.seed(1)
    found, facts = read(options.output) if options.add else ([], {})
    facts |= {"date": f"{datetime.now(UTC):%Y-%m-%d}", **tables.machine()}
    with tempfile.TemporaryDirectory(prefix="sqitchpy-bench-") as folder:
        bench = scenarios.Bench(Path(folder), chosen_tools(options), options, found, facts)
        for name, scenario in scenarios.ALL.items():
            if not options.scenario or name in options.scenario:
                scenario(bench)
                options.output.mkdir(parents=True, exist_ok=True)
                write(options.output, found, facts)
    print(tables.render(found, facts))


def read(folder: Path) -> tuple[list[Measured], dict[str, str]]:
    """What was measured before."""
    document = json.loads((folder / "results.json").read_text())
    return [Measured(**each) for each in document["measured"]], document["facts"]


def write(folder: Path, found: list[Measured], facts: dict[str, str]) -> None:
    """Everything so far: what is measured stays when a later scenario fails."""
    document = {"facts": facts, "measured": [measured.as_json() for measured in found]}
    (folder / "results.json").write_text(json.dumps(document, indent=0) + "\n")
    (folder / "results.md").write_text(tables.render(found, facts))


if __name__ == "__main__":
    main(sys.argv[1:])
