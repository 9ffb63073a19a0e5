"""From an exception to words and an exit code. No traceback ever reaches a user who did not ask for one."""

from __future__ import annotations

from collections.abc import Mapping

from sqitchpy.cli.console import Console
from sqitchpy.errors import Refusal, SqitchpyError

EXIT_USAGE = 2
EXIT_INTERNAL = 70
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141


class UsageError(SqitchpyError):
    """A command line that cannot be understood: what is wrong with it, and how to write it."""

    exit_code = EXIT_USAGE

    def __init__(self, *complaints: str, usage: str) -> None:
        super().__init__("\n".join((*complaints, usage.rstrip("\n"))))


def tell(error: SqitchpyError, console: Console) -> int:
    """Say what went wrong, and what to do about it; the exit code.

    What is not really an error (exit code 1) is information and goes to stdout, as with Sqitch.
    """
    from sqitchpy.cli import documents

    console.document(documents.failure(error))
    if isinstance(error, Refusal) or error.code == 1:
        console.info(error.message)
    else:
        console.vent(error.message)
    if error.hint:
        console.vent(f"hint: {error.hint}")
    return error.code


def tell_unexpected(error: BaseException, console: Console, *, debug: bool) -> int:
    """Say that sqitchpy itself has failed, and how to report it; with the traceback only in ``debug``."""
    console.vent(f"sqitchpy: internal error: {type(error).__name__}: {_without_secrets(str(error))}")
    if debug:
        import traceback

        console.vent(_without_secrets("".join(traceback.format_exception(error)).rstrip("\n")))
    else:
        how = "Please report it with what the same command prints when SQITCHPY_DEBUG=1 is set"
        console.vent(f"This is a mistake in sqitchpy, not of yours. {how}.")
    return EXIT_INTERNAL


def wants_debug(verbosity: int, environ: Mapping[str, str]) -> bool:
    """Whether a traceback may be shown: ``-VV``, or SQITCHPY_DEBUG in the environment."""
    return verbosity >= 2 or environ.get("SQITCHPY_DEBUG", "0") not in ("", "0")


def _without_secrets(text: str) -> str:
    from sqitchpy.uri import redact

    return redact(text)
