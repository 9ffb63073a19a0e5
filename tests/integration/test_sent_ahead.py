"""What is sent before an answer is there: errors, output and rows belong to the right change all the same."""

from __future__ import annotations

from typing import Any

import pytest

import sqitchpy
from sqitchpy.errors import DeployError
from sqitchpy.events import StepFinished, StepStarted
from tests.integration.conftest import App, Build
from tests.projects import Scripts, table


def deploy(app: App, **options: Any) -> sqitchpy.Report:
    with app.session() as target:
        return target.deploy(transaction="run", lock_timeout=5, **options)


def long_script(name: str, statements: int) -> Scripts:
    comments = "".join(f"COMMENT ON TABLE {name} IS '{n}';\n" for n in range(statements))
    return Scripts(f"CREATE TABLE {name} ();\n{comments}", f"DROP TABLE {name};", comments)


def test_changes_of_many_statements_are_in_one_window(build: Build) -> None:
    app = build({"a": long_script("a", 50), "b": long_script("b", 65), "c": long_script("c", 65), "d": table("d")})
    report = deploy(app, verify=True)
    assert report.done == ("a", "b", "c", "d")
    assert app.deployed() == app.tables() == ["a", "b", "c", "d"]


def test_a_change_with_many_tags_is_in_the_window(build: Build) -> None:
    app = build({"a": table("a"), "b": table("b"), "c": table("c")}, tags={"b": [f"v{n}" for n in range(300)]})
    deploy(app)
    assert app.deployed() == app.tables() == ["a", "b", "c"]
    assert app.value("SELECT count(*) FROM sqitch.tags") == 300


@pytest.mark.parametrize("mode", ["all", "change"])
def test_a_failure_among_changes_of_many_statements_is_that_of_its_change(build: Build, mode: str) -> None:
    fails = Scripts(long_script("b", 70).deploy + "SELECT nothing;")  # type: ignore[operator]
    app = build({"a": long_script("a", 60), "b": fails, "c": long_script("c", 70), "d": table("d")})
    with pytest.raises(DeployError) as raised:
        deploy(app, mode=mode)
    assert raised.value.change == "b"
    assert app.deployed() == app.tables() == ([] if mode == "all" else ["a"])
    assert app.history()[-1] == "fail b"


@pytest.mark.parametrize("mode", ["all", "tag", "change"])
def test_a_script_that_goes_away_meanwhile_is_a_failure_of_its_own_change(build: Build, mode: str) -> None:
    app = build({"a": table("a"), "b": table("b"), "c": table("c")})

    def delete(event: object) -> None:
        if isinstance(event, StepStarted) and event.label == "a":
            (app.path / "deploy/c.sql").unlink()

    with app.session(on_event=delete) as target, pytest.raises(DeployError) as raised:
        target.deploy(transaction="run", mode=mode)
    assert raised.value.change == "c"
    assert app.history()[-1] == "fail c"
    assert app.deployed() == app.tables() == (["a", "b"] if mode == "change" else [])


@pytest.mark.parametrize(
    "edited",
    ["CREATE TABLE c ();\nCOMMIT;\nSELECT 1/0;", "BEGIN; CREATE TABLE c (); COMMIT AND CHAIN; SELECT 1/0;COMMIT;"],
)
def test_a_script_that_is_edited_meanwhile_cannot_commit_the_run(build: Build, edited: str) -> None:
    app = build({"a": table("a"), "b": table("b"), "c": table("c")})

    def edit(event: object) -> None:
        if isinstance(event, StepStarted) and event.label == "a":
            (app.path / "deploy/c.sql").write_text(edited)

    with app.session(on_event=edit) as target, pytest.raises(DeployError) as raised:
        target.deploy(transaction="run")
    assert raised.value.change == "c"
    assert app.deployed() == app.tables() == []


@pytest.mark.parametrize("stop_at", ["c1", "c2"])
def test_a_verification_that_ends_early_leaves_a_callers_transaction_usable(build: Build, stop_at: str) -> None:
    verifications = ["SELECT 1;", "SELECT pg_sleep(0.3);", "SELECT 3;"]
    app = build({f"c{n}": Scripts(f"CREATE TABLE c{n} ();", verify=text) for n, text in enumerate(verifications, 1)})
    app.deploy()

    def stop(event: object) -> None:
        if isinstance(event, StepFinished) and event.label == stop_at:
            raise RuntimeError("enough")

    with app.database.connect(autocommit=False) as connection:
        connection.execute("CREATE TABLE mine (id integer)")
        with (
            app.session(connection=connection, transaction="caller", on_event=stop) as target,
            pytest.raises(RuntimeError, match="enough"),
        ):
            target.verify()
        assert connection.execute("SELECT count(*) FROM mine").fetchone() == (0,)
        connection.commit()
    assert "mine" in app.tables()
