"""The vectors that were taken from real Sqitch: ids with the text they are hashed from, and verdicts on odd plans."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sqitchpy.errors import PlanError
from sqitchpy.plan import change_id, change_info, parse_plan, render, tag_id, tag_info

GOLDEN = Path(__file__).parent.parent / "golden"


def vectors(name: str) -> list[Any]:
    found = json.loads((GOLDEN / name).read_text(encoding="utf-8"))
    return [pytest.param(vector, id=vector["name"]) for vector in found]


@pytest.mark.parametrize("vector", vectors("golden-ids.json"))
def test_ids_and_their_texts_are_sqitchs(vector: dict[str, Any]) -> None:
    plan = parse_plan(vector["plan"].encode(), "sqitch.plan")
    changes = [{"name": c.name, "id": c.id, "info": change_info(plan, c)} for c in plan.changes]
    tags = [{"name": t.name, "id": t.id, "info": tag_info(plan, c, t)} for c in plan.changes for t in c.tags]
    assert (changes, tags) == (vector["changes"], vector["tags"])


@pytest.mark.parametrize("vector", vectors("golden-ids.json"))
def test_a_text_hashes_to_its_id(vector: dict[str, Any]) -> None:
    assert [change_id(change["info"]) for change in vector["changes"]] == [change["id"] for change in vector["changes"]]
    assert [tag_id(tag["info"]) for tag in vector["tags"]] == [tag["id"] for tag in vector["tags"]]


@pytest.mark.parametrize("vector", vectors("golden-ids.json"))
def test_rewriting_keeps_the_ids(vector: dict[str, Any]) -> None:
    rewritten = parse_plan(render(parse_plan(vector["plan"], "sqitch.plan")), "sqitch.plan")
    assert [change.id for change in rewritten.changes] == [change["id"] for change in vector["changes"]]
    assert render(rewritten) == rewritten.text


@pytest.mark.parametrize("vector", vectors("golden-plan-errors.json"))
def test_verdicts_on_odd_plans_are_sqitchs(vector: dict[str, Any]) -> None:
    expected = vector.get("since_1_5", vector)
    if expected["exit"] == 0:
        assert [change.name for change in parse_plan(vector["plan"], "sqitch.plan").changes] == expected["names"]
    elif vector.get("sqitchpy") == "accepted, sorted":
        assert parse_plan(vector["plan"], "sqitch.plan").moved == ("a",)
    else:
        with pytest.raises(PlanError) as caught:
            parse_plan(vector["plan"], "sqitch.plan")
        assert str(caught.value).startswith(expected["stderr"])
        assert caught.value.code == expected["exit"]
        assert caught.value.faults
