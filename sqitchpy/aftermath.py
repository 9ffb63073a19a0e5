"""After a failure: what state the database is in, and what to type next, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sqitchpy.engines.protocol import TaskFailed
from sqitchpy.events import Action

How = Literal["transaction", "statements", "psql", "sqlite3", "mysql"]
"""How a script is run (see :class:`sqitchpy.engines.protocol.Look`)."""


_ANEW = (
    "Changes before it were reverted, so its script will start from its beginning: undo by hand what is still there "
    "of it (another time “--mode change” keeps the changes before it, and it goes on where it failed)."
)


def after_failed_deploy(change: str, failed: TaskFailed, stayed: int, again: str, reverted: int = 0) -> str:
    """``stayed`` earlier changes of the run are still deployed, ``reverted`` are not; ``again`` is the next command."""
    others = f"{_changes(stayed)} deployed earlier in this run stayed." if stayed else None
    mend = "Mend that" if failed.stage == "record" else "Mend the script"
    left = f"Change {change}: {_what_is_left(failed)}."
    anew = _ANEW if reverted and failed.stage == "script" and failed.kept and not failed.undone else None
    return _join(failed.error.hint, left, others, anew, f"{mend} and run “{again}” again.")


def _what_is_left(failed: TaskFailed) -> str:
    if not failed.kept:
        return "nothing of it was kept"
    if failed.undone:
        return "its revert script was run, since it was not one transaction"
    if failed.stage == "script":
        return "what ran before the failing statement was kept, since the script is not one transaction"
    return "what its script did was kept, since its revert script " + ("failed" if failed.undo else "was not run")


def after_failed_revert(change: str, failed: TaskFailed, left: int = 0) -> str:
    """``left`` is how many changes were still to be reverted."""
    state = f"Change {change} is still deployed and recorded so."
    if failed.stage == "record":
        state = f"Change {change} is still recorded as deployed"
        state += ", though its revert script has run." if failed.kept else "; nothing of its revert script was kept."
        return _join(failed.error.hint, state, "Mend that, then run “sqitchpy revert” again.")
    if failed.kept:
        kept = "what its revert script did before it failed was kept, since that is not one transaction"
        state = f"Change {change} is still recorded as deployed; {kept}."
    others = f"After it {left} more {'was' if left == 1 else 'were'} to be reverted." if left else None
    return _join(failed.error.hint, state, others, "Mend its revert script, then run “sqitchpy revert” again.")


def after_interruption(action: Action, changes: Sequence[str], how: How, recorded: bool | None, done: int) -> str:
    """What became of the change that was under way, and of others that were completed behind it.

    ``recorded`` says whether the registry has it (None: it cannot be asked); ``how`` its script was run.
    """
    told = _interrupted(action, changes, how, recorded)
    return f"{told}; {_changes(done)} completed. Run the command again to go on."


def _interrupted(action: Action, changes: Sequence[str], how: How, recorded: bool | None) -> str:
    change = changes[0]
    if recorded is None:
        return f"“sqitchpy status” says whether change {change} was completed, and what may have been behind it"
    if recorded and action == "deploy" and len(changes) > 1:
        return f"Changes {', '.join(changes)} are deployed and recorded, “sqitchpy verify” says whether they are well"
    if recorded and action == "deploy":
        return f"Change {change} is deployed and recorded, “sqitchpy verify” says whether it is well"
    if not recorded and action == "revert" and len(changes) > 1:
        return f"Changes {', '.join(changes)} are reverted"
    if not recorded and action == "revert":
        return f"Change {change} is reverted"
    cancelled = f"What was running for change {change} was cancelled and"
    if how == "transaction":
        return f"{cancelled} rolled back"
    return f"{cancelled} what ran before it was kept, since the script is not one transaction"


def _changes(count: int) -> str:
    return f"{count} change{'' if count == 1 else 's'}"


def _join(*sentences: str | None) -> str:
    return " ".join(sentence for sentence in sentences if sentence)
