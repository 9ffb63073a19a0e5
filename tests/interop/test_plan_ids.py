"""Random plans: the ids, the order and the rewritten lines are those of real Sqitch."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from subprocess import run

import pytest

from sqitchpy.plan import find_in_plan, format_tag_line, parse_plan, render

BLANKS = [" ", " ", " ", "  ", "\t", "\u00a0", "\u3000"]
PLANNERS = ["Ann Ex <ann@example.com>", "Zoë  Müller <z@é>", "A <b <c>", '"Q" <q>']
NOTES = ["", "", " # Adds it.", "# tight", r"   #  two\nlines \\ #3  ", " # 0", r" # tab\t", "  "]


def random_plan(seed: int) -> str:
    """A plan that Sqitch accepts, as odd as it may be, with a file's own line ends."""
    draw = random.Random(seed)
    end = draw.choice(["\n", "\n", "\r\n"])
    header = ["%project=gold", *draw.choice([[], ["%uri=HTTPS://Ex.com/ü b?x"], ["%syntax-version=7", "# c"]]), ""]
    return end.join([*header, *_body(draw)]) + draw.choice([end, "\n", ""])


def _body(draw: random.Random) -> Iterator[str]:
    known: list[str] = []
    section: set[str] = set()
    for number in range(draw.randint(1, 14)):
        if draw.random() < 0.2:
            yield draw.choice(["", "  # comment", r"#c\t", "#  "])
        old = [name for name in known if name not in section and "@" not in name]
        name = draw.choice(old) if old and draw.random() < 0.2 else f"c{number}{draw.choice(['', '/x', 'é', '[b'])}"
        wanted = draw.sample(known, min(len(known), draw.randint(0, 3)))
        wanted += draw.choice([[], [], ["!never"], ["other:x@v1", "!other:y"]])
        draw.shuffle(wanted)
        listed = f"[{draw.choice(BLANKS).join(wanted)}]" if wanted else ""
        lead = draw.choice(["", "", "", " ", "+", "- "])
        yield f"{lead}{name}{draw.choice(BLANKS)}{listed}{_when_by_whom(draw)}"
        section.add(name)
        known += [name] if name not in known else []
        if draw.random() < 0.3:
            yield f"@v{number}{_when_by_whom(draw)}"
            known, section = [*known, f"@v{number}"], set()


def _when_by_whom(draw: random.Random) -> str:
    when = f"20{draw.randint(10, 29)}-0{draw.randint(1, 9)}-1{draw.randint(0, 9)}T12:34:5{draw.randint(0, 9)}Z"
    return f"{draw.choice(BLANKS)}{when}{draw.choice(BLANKS)}{draw.choice(PLANNERS)}{draw.choice(NOTES)}"


def call(sqitch: str, directory: Path, *arguments: str) -> str:
    told = run([sqitch, *arguments], cwd=directory, capture_output=True, check=False)
    assert told.returncode == 0, told.stderr.decode()
    return told.stdout.decode()


@pytest.mark.parametrize("seed", range(8))
def test_ids_order_and_rewriting_of_a_random_plan_are_sqitchs(sqitch: str, tmp_path: Path, seed: int) -> None:
    (tmp_path / "sqitch.conf").write_text("[core]\n\tengine = sqlite\n")
    (tmp_path / "sqitch.plan").write_bytes(random_plan(seed).encode())
    plan = parse_plan((tmp_path / "sqitch.plan").read_bytes(), "sqitch.plan")

    listed = call(sqitch, tmp_path, "plan", "--no-headers", "--format", "format:%H %n%T")
    tags = [" (" + ", ".join(map(str, change.tags)) + ")" if change.tags else "" for change in plan.changes]
    assert listed.splitlines() == [f"{c.id} {c.name}{shown}" for c, shown in zip(plan.changes, tags, strict=True)]

    call(sqitch, tmp_path, "tag", "latest", "-n", "Out it goes.")
    rewritten = (tmp_path / "sqitch.plan").read_text(encoding="utf-8")
    tagged = parse_plan(rewritten, "sqitch.plan")
    newest = find_in_plan(tagged, "@latest")
    assert newest is not None
    assert newest.position == len(plan.changes) - 1
    tag = next(tag for tag in newest.tags if tag.name == "latest")
    line = format_tag_line(tag.name, tag.planned_at, tag.planner, tag.note)
    assert rewritten.replace(f"{line}\n", "", 1) == render(plan)
