"""What was measured, as tables in Markdown."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from measure import Measured, paired, spread

YARDSTICKS = ("limit c", "limit b", "import click", "sqitchpy plan", "--jobs 1", "on top of 100")
"""What others of their scenario are divided by: the first of these that is there."""


def machine() -> dict[str, str]:
    """What the figures depend on."""
    return {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.processor()


def render(found: Sequence[Measured], facts: Mapping[str, str]) -> str:
    """All tables."""
    parts = ["\n".join(f"- {name}: {value}" for name, value in facts.items())]
    for scenario in _distinct(each.scenario for each in found):
        of_it = [each for each in found if each.scenario == scenario]
        for what in _distinct(each.what for each in of_it):
            parts.append(f"### {scenario}: {what}\n\n{_table([each for each in of_it if each.what == what])}")
    return "\n\n".join(parts) + "\n"


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


def _table(rows: Sequence[Measured]) -> str:
    by_tool = {name: [row for row in rows if row.tool == name] for name in _distinct(row.tool for row in rows)}
    yardstick = next((name for name in YARDSTICKS if name in by_tool), None)
    ours = next((name for name in ("sqitchpy", "sqitchpy --verify") if name in by_tool), None)
    head = [
        "tool",
        "seconds (quartiles)",
        f"× {yardstick}",
        "× sqitchpy",
        "client CPU",
        "server CPU",
        "× in CPU",
        "runs",
    ]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    for name in sorted(by_tool, key=lambda name: spread(row.wall for row in by_tool[name]).median):
        lines.append(_line(name, by_tool, yardstick, ours))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _line(name: str, by_tool: Mapping[str, Sequence[Measured]], yardstick: str | None, ours: str | None) -> list[str]:
    rows = by_tool[name]
    wall = spread(row.wall for row in rows)
    return [
        name,
        f"{_seconds(wall.median)} ({_seconds(wall.low)}–{_seconds(wall.high)})",
        _ratio(rows, by_tool.get(yardstick or "", ())),
        _ratio(rows, by_tool.get(ours or "", ())),
        _seconds(spread(row.cpu for row in rows).median),
        _seconds(spread(row.server_cpu for row in rows).median),
        _in_cpu(rows, by_tool.get(yardstick or "", ())),
        str(len(rows)),
    ]


def _in_cpu(mine: Sequence[Measured], other: Sequence[Measured]) -> str:
    """The ratio of all processor time: a steadier guide than wall time on a machine that is busy with other work."""
    ratios = paired({row.turn: row.cpu + row.server_cpu for row in mine},
                    {row.turn: row.cpu + row.server_cpu for row in other})  # fmt: skip
    return f"{ratios.median:.2f}" if ratios else "–"


def _ratio(mine: Sequence[Measured], other: Sequence[Measured]) -> str:
    ratios = paired({row.turn: row.wall for row in mine}, {row.turn: row.wall for row in other})
    return f"{ratios.median:.2f} ({ratios.low:.2f}–{ratios.high:.2f})" if ratios else "–"


def _seconds(value: float) -> str:
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"
