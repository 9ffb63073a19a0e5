"""The tools that are loaded once answer as the programs do that are started anew."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from .harness.lanes import Lane
from .harness.scenario import Scenario, Step
from .harness.tools import PROGRAMS

PROJECT = Scenario(
    name="project",
    title="A deployment with words of the script's, in a language with umlauts",
    engine="sqlite",
    files={
        "sqitch.conf": "{conf}",
        "sqitch.plan": "%project=x\n\nüser 2024-01-02T03:04:05Z Zoë Müller <zoe@example.com> # Größe\n",
        "deploy/üser.sql": ".print hellö\nCREATE TABLE u (i int);\n",
        "revert/üser.sql": "DROP TABLE u;\n",
    },
    steps=(Step(run="plan"),),
)
STEPS = (
    Step(run="plan --format full --color always"),
    Step(run="deploy --to nöwhere", exit=2),
    Step(run="deploy", says="hellö"),
    Step(run="revert", stdin="what\nn\n", exit=1),
    Step(run="status --date short", environ={"TZ": "Asia/Tokyo"}),
    Step(run="-C nowhere plan", exit=255),
    Step(run="deploy --mode x", exit=255),
)


@pytest.mark.parametrize("tool", PROGRAMS)
def test_it_answers_as_the_program_does(tool: str, make_lane: Callable[..., Lane]) -> None:
    loaded, started = (make_lane(name, PROJECT, (tool,)) for name in ("loaded", "started"))
    for step in STEPS:
        said = loaded.run(tool, step)
        done = subprocess.run(
            started.command(tool, step.run or ""),
            input=step.stdin.encode(),
            cwd=started.directory,
            env=started.environ(step),
            capture_output=True,
        )
        assert (said.exit, done.returncode) == (step.exit, step.exit)
        assert loaded.normalized(said.stdout) == started.normalized(done.stdout.decode())
        first = [text.partition("Trace begun")[0] for text in (said.stderr, done.stderr.decode())]
        assert loaded.normalized(first[0]) == started.normalized(first[1])
