"""What is said after an interruption, of the change that was under way and of those that were sent behind it."""

from __future__ import annotations

from sqitchpy.aftermath import after_interruption

AGAIN = "Run the command again to go on."


def test_changes_that_were_completed_all_the_same_are_named() -> None:
    told = after_interruption("deploy", ["b", "c"], "transaction", True, 3)
    assert told == (
        "Changes b, c are deployed and recorded, “sqitchpy verify” says whether they are well; "
        f"3 changes completed. {AGAIN}"
    )


def test_reverted_changes_are_named_as_well() -> None:
    told = after_interruption("revert", ["e", "d"], "transaction", False, 2)
    assert told == f"Changes e, d are reverted; 2 changes completed. {AGAIN}"


def test_one_change_is_spoken_of_in_the_singular() -> None:
    told = after_interruption("deploy", ["b"], "transaction", True, 1)
    assert told == (
        f"Change b is deployed and recorded, “sqitchpy verify” says whether it is well; 1 change completed. {AGAIN}"
    )


def test_what_was_rolled_back_is_said_so() -> None:
    told = after_interruption("deploy", ["b"], "transaction", False, 0)
    assert told == f"What was running for change b was cancelled and rolled back; 0 changes completed. {AGAIN}"
