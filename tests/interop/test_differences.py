"""docs/compatibility.md says what differs, the scenarios show it: neither holds anything that the other does not."""

from __future__ import annotations

from .harness.comparing import EMPTY_DATABASE, STANDING, STANDING_END
from .harness.scenario import REPOSITORY, all_scenarios
from .test_editor import ROW as EDITOR_ROW
from .test_lock import ROW as LOCK_ROW

HEADING = "| What | Sqitch 1.3.1 | sqitchpy | Why |"
NO_REASON = ("not done", "not yet", "todo", "not implemented", "not built")


def documented() -> dict[str, list[str]]:
    """The rows of the table of known differences, by their first cell."""
    lines = (REPOSITORY / "docs" / "compatibility.md").read_text(encoding="utf-8").splitlines()
    rows: dict[str, list[str]] = {}
    for line in lines[lines.index(HEADING) + 2 :]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        assert cells[0] not in rows, f"two rows are called {cells[0]}"
        rows[cells[0]] = cells[1:]
    return rows


def shown() -> set[str]:
    declared = {item.row for scenario in all_scenarios() for step in scenario.steps for item in step.differs}
    return declared | set(STANDING) | set(STANDING_END) | {EDITOR_ROW, LOCK_ROW, EMPTY_DATABASE}


def test_every_known_difference_has_a_row_that_says_why() -> None:
    assert shown() - set(documented()) == set()


def test_every_row_is_shown_by_a_test() -> None:
    assert set(documented()) - shown() == set()


def test_no_row_goes_without_a_reason() -> None:
    for name, cells in documented().items():
        assert len(cells) == 3, name
        assert len(cells[2].split()) > 3, name
        assert not any(excuse in cells[2].lower() for excuse in NO_REASON), name
