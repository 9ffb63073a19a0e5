"""Real Sqitch goes on where ``deploy --only`` and ``revert --only`` have been at work."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .harness.lanes import Lane
from .harness.scenario import Scenario, Step, all_scenarios

NAMES = ("users", "orders", "items", "carts", "stats")
PLAN = """\
%project=shop

users 2024-01-02T03:04:05Z Ann Ex <ann@example.com>
@v1 2024-01-02T03:04:06Z Ann Ex <ann@example.com>
orders [users] 2024-01-02T03:04:07Z Ann Ex <ann@example.com>
items [orders] 2024-01-02T03:04:08Z Ann Ex <ann@example.com>
@v2 2024-01-02T03:04:09Z Ann Ex <ann@example.com>
carts [users] 2024-01-02T03:04:10Z Ann Ex <ann@example.com>
stats 2024-01-02T03:04:11Z Ann Ex <ann@example.com>
"""
SHOP = Scenario(
    name="shop",
    title="A project of five tables, two of which stand on others",
    files={
        "sqitch.conf": "[core]\n\tengine = pg\n",
        "sqitch.plan": PLAN,
        **{f"deploy/{name}.sql": f"CREATE TABLE {name} (id int);\n" for name in NAMES},
        **{f"revert/{name}.sql": f"DROP TABLE {name};\n" for name in NAMES},
        **{f"verify/{name}.sql": f"SELECT id FROM {name} WHERE false;\n" for name in NAMES},
    },
    steps=(Step(run="status"),),
)


class Shop:
    """The project on one database, where either tool is called."""

    def __init__(self, lane: Lane) -> None:
        self.lane = lane
        self.database = lane.database.database

    def says(self, tool: str, words: str, code: int = 0) -> list[str]:
        """The lines on the standard output, without the headline; the database is always the same one."""
        said = self.lane.run(tool, Step(run=words))
        assert said.exit == code, said
        return said.stdout.splitlines()[1:]

    def sqitch(self, words: str, code: int = 0) -> list[str]:
        return self.says("sqitch", words, code)

    def sqitchpy(self, words: str, code: int = 0) -> list[str]:
        return self.says("sqitchpy", words, code)

    def deployed(self) -> list[str]:
        return [name for (name,) in self.database.rows("SELECT change FROM sqitch.changes ORDER BY committed_at")]

    def tables(self) -> set[str]:
        return {name for (name,) in self.database.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


@pytest.fixture
def shop(make_lane: Callable[..., Lane]) -> Shop:
    lane = make_lane("shop", SHOP, ())
    uri = lane.filled("{uri}")
    conf = lane.directory / "sqitch.conf"
    target = uri if uri.startswith("db:") else f"db:{uri.replace('postgresql', 'pg', 1)}"
    conf.write_text(f'[core]\n\tengine = pg\n[engine "pg"]\n\ttarget = {target}\n', encoding="utf-8")
    return Shop(lane)


def test_sqitch_stands_where_only_has_left_it_and_goes_on_from_there(shop: Shop) -> None:
    shop.sqitchpy("deploy --only items")
    assert shop.deployed() == ["users", "orders", "items"]
    shop.sqitchpy("deploy --only stats")
    status = shop.sqitch("status")
    assert "# Name:     stats" in status
    assert status[-1] == "Nothing to deploy (up-to-date)"
    assert shop.sqitch("deploy") == []
    assert shop.deployed() == ["users", "orders", "items", "stats"]
    shop.sqitch("revert -y --to items")
    assert shop.sqitch("deploy") == ["  + carts .. ok", "  + stats .. ok"]
    assert shop.tables() == set(NAMES)


def test_sqitch_verifies_what_has_filled_a_gap(shop: Shop) -> None:
    shop.sqitchpy("deploy --only stats")
    assert shop.sqitch("verify", 2)[2:6] == [
        "  * users @v1 .. not ok # Not deployed",
        "  * orders ..... not ok # Not deployed",
        "  * items @v2 .. not ok # Not deployed",
        "  * carts ...... not ok # Not deployed",
    ]
    for name in ("carts", "items"):
        shop.sqitchpy(f"deploy --only {name}")
    assert shop.deployed() == list(NAMES)
    assert shop.sqitch("verify")[-1] == "Verify successful"
    assert shop.sqitch("check")[-1] == "Check successful"
    assert shop.sqitch("status")[-1] == "Nothing to deploy (up-to-date)"
    assert [line.split(" - ")[0] for line in shop.sqitch("status --show-changes") if " - " in line] == [
        f"#   {name:<6}" for name in reversed(NAMES)
    ]


def test_sqitch_logs_what_was_done_in_the_order_in_which_it_was_done(shop: Shop) -> None:
    shop.sqitchpy("deploy --only stats")
    shop.sqitchpy("deploy --only users")
    shop.sqitchpy("revert -y --only stats")
    assert shop.sqitch("log --format format:'%e %n'") == ["revert stats", "deploy users", "deploy stats"]


def test_sqitch_finds_tags_of_what_has_filled_a_gap_and_reverts_to_them(shop: Shop) -> None:
    shop.sqitchpy("deploy --only stats")
    shop.sqitchpy("deploy --only items")
    assert shop.sqitch("revert -y --to @v2") == ["  - stats .. ok"]
    assert shop.sqitch("revert -y --to users@v1") == ["  - items @v2 .. ok", "  - orders ..... ok"]


def test_sqitch_goes_on_after_a_change_was_reverted_from_the_middle(shop: Shop) -> None:
    shop.sqitch("deploy")
    shop.sqitchpy("revert -y --only orders")
    assert shop.deployed() == ["users", "carts", "stats"]
    assert shop.tables() == {"users", "carts", "stats"}
    assert shop.sqitch("status")[-1] == "Nothing to deploy (up-to-date)"
    assert shop.sqitch("revert -y --to users") == ["  - stats .. ok", "  - carts .. ok"]
    assert shop.sqitch("deploy") == [
        "  + orders ..... ok",
        "  + items @v2 .. ok",
        "  + carts ...... ok",
        "  + stats ...... ok",
    ]
    assert shop.sqitch("verify")[-1] == "Verify successful"


def test_sqitch_reverts_everything_that_only_has_deployed(shop: Shop) -> None:
    for name in ("stats", "items", "carts"):
        shop.sqitchpy(f"deploy --only {name}")
    assert shop.sqitch("revert -y") == [
        "  - stats ...... ok",
        "  - carts ...... ok",
        "  - items @v2 .. ok",
        "  - orders ..... ok",
        "  - users @v1 .. ok",
    ]
    assert shop.tables() == set()


def test_the_rows_are_those_of_a_deployment_in_the_plans_order(shop: Shop, make_lane: Callable[..., Lane]) -> None:
    for name in ("stats", "items", "carts"):
        shop.sqitchpy(f"deploy --only {name}")
    usual = make_lane("usual", SHOP, ())
    assert usual.run("sqitch", Step(run="deploy --target {uri}")).exit == 0
    for table, order in (("changes", "committed_at"), ("tags", "committed_at"), ("dependencies", "1, 3")):
        columns = "change_id, type, dependency, dependency_id"
        if table != "dependencies":
            columns = f"{table[:-1]}, change_id, project, note, planned_at, planner_name, planner_email"
        query = f"SELECT {columns} FROM sqitch.{table} ORDER BY {order}"
        assert shop.database.rows(query) == usual.database.database.rows(query), table


def test_an_instance_of_a_reworked_change_is_found_as_of_its_tag(make_lane: Callable[..., Lane]) -> None:
    (scenario,) = (each for each in all_scenarios() if (each.name, each.engine) == ("life_with_reworks", "pg"))
    lane = make_lane("reworked", scenario, ())

    def run(tool: str, words: str) -> str:
        said = lane.run(tool, Step(run=f"{words} --target {{uri}}"))
        assert said.exit == 0, said
        return said.stdout

    run("sqitchpy", "deploy --to @v1")
    run("sqitchpy", "deploy")
    run("sqitchpy", "revert -y --only fn/greet@v2")
    run("sqitchpy", "deploy --only fn/greet@HEAD")
    assert run("sqitch", "verify").endswith("Verify successful\n")
    run("sqitch", "revert -y --to fn/greet@v2")
    run("sqitch", "revert -y --to fn/greet@v1")
    assert run("sqitch", "deploy")
    assert run("sqitch", "verify").endswith("Verify successful\n")
