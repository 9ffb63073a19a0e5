"""Plans that sqitchpy has edited, and registries that it has re-linked to edited ones: Sqitch is content with both."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from .harness.lanes import Lane
from .harness.scenario import Scenario, Step

BY = "Ann Ex <ann@example.com>"
CONF = "[core]\n\tengine = pg\n"
PLAN = f"""%syntax-version=1.0.0
%project=flipr
%uri=https://example.com/flipr

# People first.
a 2024-01-02T03:04:05Z {BY} # First
@v1 2024-01-02T03:05:05Z {BY}

b [a !lost:thing] 2024-01-02T03:06:05Z {BY} # Second
c [b a@v1] 2024-01-02T03:07:05Z {BY}  # Third
@v2 2024-01-02T03:08:05Z {BY} # Two
@latest 2024-01-02T03:09:05Z {BY}
a [a@v2] 2024-01-02T03:10:05Z {BY} # Again
"""


def scripts(*names: str) -> dict[str, str]:
    found = {}
    for name in names:
        table = name.replace("@", "_").replace("/", "_")
        found[f"deploy/{name}.sql"] = f"-- Deploy flipr:{name}\nBEGIN;\nCREATE TABLE {table} (id int);\nCOMMIT;\n"
        found[f"revert/{name}.sql"] = f"-- Revert flipr:{name}\nBEGIN;\nDROP TABLE {table};\nCOMMIT;\n"
        found[f"verify/{name}.sql"] = f"-- Verify flipr:{name}\nBEGIN;\nSELECT id FROM {table};\nROLLBACK;\n"
    return found


FLIPR = Scenario(
    name="flipr",
    title="A plan with a rework, tags, requirements and a conflict",
    files={"sqitch.conf": CONF, "sqitch.plan": PLAN, **scripts("a@v2", "b", "c", "a")},
    steps=(Step(run="deploy"),),
)
MakeLane = Callable[..., Lane]


def say(lane: Lane, tool: str, words: str, *, code: int = 0) -> str:
    """Run a command that ends with ``code``; everything that it prints."""
    said = lane.run(tool, Step(run=words))
    assert said.exit == code, f"{tool} {words}\n{said.stdout}\n{said.stderr}"
    return said.stdout + said.stderr


def edit(lane: Lane, changes: Mapping[str, str]) -> None:
    path = lane.directory / "sqitch.plan"
    text = path.read_text()
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


def rename_scripts(lane: Lane, old: str, new: str) -> None:
    for kind in ("deploy", "revert", "verify"):
        (lane.directory / kind / f"{old}.sql").rename(lane.directory / kind / f"{new}.sql")


def edit_script(lane: Lane, name: str, change: Callable[[bytes], bytes]) -> None:
    path = lane.directory / "deploy" / f"{name}.sql"
    path.write_bytes(change(path.read_bytes()))


def rename_b(lane: Lane) -> None:
    edit(lane, {"\nb [a": "\nbee [a", "\nc [b": "\nc [bee"})
    rename_scripts(lane, "b", "bee")


def everything_at_once(lane: Lane) -> None:
    edit(lane, {"# First": "# The first", "@latest": "@newest", f"03:08:05Z {BY}": "03:08:05Z Eve <eve@example.com>"})
    rename_b(lane)
    edit_script(lane, "c", lambda data: data.replace(b"\n", b"\r\n"))
    edit_script(lane, "a", lambda data: data + b"-- edited\n")


SHAPES: dict[str, Callable[[Lane], None]] = {
    "a note": lambda lane: edit(lane, {"# First": "# The first"}),
    "the last note": lambda lane: edit(lane, {"# Again": "# Once more"}),
    "a planner": lambda lane: edit(lane, {f"03:06:05Z {BY}": "03:06:05Z Eve <eve@example.com>"}),
    "a date": lambda lane: edit(lane, {"03:06:05Z": "03:06:06Z"}),
    "requirements": lambda lane: edit(lane, {"c [b a@v1]": "c [a]"}),
    "conflicts": lambda lane: edit(lane, {"!lost:thing": "!other !third:thing"}),
    "a name": rename_b,
    "the name of a tag": lambda lane: edit(lane, {"@latest": "@newest"}),
    "the note of a tag": lambda lane: edit(lane, {"# Two": "# The second"}),
    "a script": lambda lane: edit_script(lane, "b", lambda data: data + b"-- edited\n"),
    "line ends": lambda lane: edit_script(lane, "c", lambda data: data.replace(b"\n", b"\r\n")),
    "everything at once": everything_at_once,
}


@pytest.mark.parametrize(
    ("shape", "deployer"), [*((shape, "sqitch") for shape in SHAPES), ("everything at once", "sqitchpy")]
)
def test_sqitch_is_content_with_a_registry_that_was_relinked(shape: str, deployer: str, make_lane: MakeLane) -> None:
    lane = make_lane("repair", FLIPR, ("sqitch",))
    say(lane, deployer, "deploy --to @v2")
    SHAPES[shape](lane)
    say(lane, "sqitchpy", "check --repair -y")
    status = say(lane, "sqitch", "status")
    assert "Undeployed change:\n  * a" in status
    assert "Check successful" in say(lane, "sqitch", "check")
    assert "Verify successful" in say(lane, "sqitch", "verify")
    assert "  + a .. ok" in say(lane, "sqitch", "deploy --verify")
    assert "Nothing to repair" in say(lane, "sqitchpy", "check --repair --dry-run")
    assert say(lane, "sqitch", "revert -y").count("ok\n") == 4


@pytest.mark.parametrize("shape", ["a note", "a name"])
def test_sqitch_does_need_it(shape: str, make_lane: MakeLane) -> None:
    lane = make_lane("need", FLIPR, ("sqitch",))
    say(lane, "sqitch", "deploy --to @v2")
    SHAPES[shape](lane)
    assert "Cannot find this change in sqitch.plan" in say(lane, "sqitch", "status", code=2)
    assert "Cannot find change" in say(lane, "sqitch", "deploy", code=2)


# -- edited plans --------------------------------------------------------------------------------------------------


def ids(lane: Lane, tool: str) -> str:
    return say(lane, tool, "plan --format full --no-headers")


def has_files(lane: Lane) -> dict[str, bytes]:
    paths = (path for path in lane.directory.rglob("*") if path.is_file())
    return {str(path.relative_to(lane.directory)): path.read_bytes() for path in paths}


@pytest.mark.parametrize(
    "command", ["--remove a@HEAD", "--remove c", "--rename a people/all", "--rename c sea", "--reset"]
)
def test_sqitch_reads_and_deploys_a_plan_that_was_edited(command: str, make_lane: MakeLane) -> None:
    lane = make_lane("edited", FLIPR, ("sqitch",))
    if command == "--reset":
        say(lane, "sqitch", "deploy --to b")
    if command == "--remove c":
        edit(lane, {"a [a@v2] ": "a "})
    say(lane, "sqitchpy", f"plan {command} -y")
    assert ids(lane, "sqitch") == ids(lane, "sqitchpy")
    say(lane, "sqitch", "deploy --verify")
    assert "Check successful" in say(lane, "sqitch", "check")
    say(lane, "sqitch", "revert -y")


def test_remove_takes_back_exactly_what_sqitch_has_added_and_reworked(make_lane: MakeLane) -> None:
    lane = make_lane("undone", FLIPR, ("sqitch",))
    say(lane, "sqitch", "tag v3 -n Three")
    before = has_files(lane)
    say(lane, "sqitch", "add d --requires c -n Fourth")
    say(lane, "sqitchpy", "plan --remove d -y")
    assert has_files(lane) == before
    say(lane, "sqitch", "rework b --requires c -n Again")
    say(lane, "sqitchpy", "plan --remove b@HEAD -y")
    assert has_files(lane) == before
