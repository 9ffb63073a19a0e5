"""The templates that come along make Sqitch's scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqitchpy.errors import SqitchpyError
from sqitchpy.templates import TemplateSearch, bundled_template, find_templates, render_template
from sqitchpy.templates.bundled import CORE_SCRIPTS
from sqitchpy.uri import ENGINES

SYSTEM = Path("/etc/sqitch/templates")
VARIABLES = {
    "project": "flipr",
    "change": "orders",
    "engine": "pg",
    "requires": ("users", "items@v1"),
    "conflicts": ("carts",),
}


def test_a_deploy_script_names_what_it_needs() -> None:
    template = bundled_template("deploy", "pg")
    assert template is not None
    assert render_template(template, VARIABLES) == (
        "-- Deploy flipr:orders to pg\n"
        "-- requires: users\n"
        "-- requires: items@v1\n"
        "-- conflicts: carts\n"
        "\nBEGIN;\n\n-- XXX Add DDLs here.\n\nCOMMIT;\n"
    )


def test_a_verify_script_is_rolled_back() -> None:
    template = bundled_template("verify", "sqlite")
    assert template is not None
    assert render_template(template, VARIABLES) == (
        "-- Verify flipr:orders on pg\n\nBEGIN;\n\n-- XXX Add verifications here.\n\nROLLBACK;\n"
    )


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", CORE_SCRIPTS)
def test_every_engine_has_templates_and_they_make_what_sqitchs_make(engine: str, kind: str) -> None:
    template = bundled_template(kind, engine)  # type: ignore[arg-type]
    assert template is not None
    theirs = SYSTEM / kind / f"{engine}.tmpl"
    if theirs.exists():
        assert render_template(template, VARIABLES) == render_template(theirs.read_text(), VARIABLES)


def test_folders_are_searched_in_order_and_named_files_come_first(tmp_path: Path) -> None:
    for name in ("first/deploy", "first/test", "second/deploy", "second/verify", "second/nothing"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("first/deploy", "first/test", "second/deploy", "second/verify"):
        (tmp_path / name / "pg.tmpl").write_text(name)
    (tmp_path / "own.tmpl").write_text("own")
    search = TemplateSearch(
        {"test": "own.tmpl"}, (Path("first"), Path("second"), Path("third")), None, {"revert": False}
    )
    found = find_templates(search, tmp_path, "pg")
    assert {kind: template.text for kind, template in found.items()} == {
        "deploy": "first/deploy",
        "test": "own",
        "verify": "second/verify",
    }


def test_an_engine_of_another_package_has_templates_with_a_transaction(tmp_path: Path) -> None:
    found = find_templates(TemplateSearch(), tmp_path, "duckdb")
    assert render_template(found["revert"].text, {**VARIABLES, "engine": "duckdb"}) == (
        "-- Revert flipr:orders from duckdb\n\nBEGIN;\n\n-- XXX Add DDLs here.\n\nCOMMIT;\n"
    )


def test_a_name_without_templates_is_refused_unless_its_script_is_not_wanted(tmp_path: Path) -> None:
    with pytest.raises(SqitchpyError, match="Cannot find deploy template"):
        find_templates(TemplateSearch(name="table"), tmp_path, "pg")
    wanted = {"deploy": False, "revert": False, "verify": False}
    assert find_templates(TemplateSearch(name="table", wanted=wanted), tmp_path, "pg") == {}
