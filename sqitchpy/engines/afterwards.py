"""A verification behind its change's commit: what it means when it fails, on every engine."""

from __future__ import annotations

from collections.abc import Callable

from sqitchpy.engines.protocol import DeployTask, TaskFailed
from sqitchpy.errors import reworded


def verify_committed(task: DeployTask, verify: Callable[[], None], take_back: Callable[[], None]) -> None:
    """Verify a change that is committed and recorded already; a failure takes the record back.

    ``verify`` and ``take_back`` raise TaskFailed when they fail, and so does this. It says whether the script's work is
    ``kept``; ``undo`` is false where the revert script must not run, because the change is recorded still.
    """
    try:
        verify()
    except TaskFailed as failed:
        try:
            take_back()
        except TaskFailed as unrecorded:
            words = f"{task.change.name} is still recorded as deployed, because that could not be taken back: "
            error = reworded(failed.error, failed.error.message, hint=words + unrecorded.error.message)
            raise TaskFailed("verify", error, kept=True, undo=False) from failed
        raise TaskFailed("verify", failed.error, kept=task.script is not None) from failed
