"""The user's editor: for the note of a change that was given none, and for new scripts."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sqitchpy.cli.invocation import Invocation
from sqitchpy.errors import Refusal, SqitchpyError

_FOR_THE_SHELL = re.compile(r"[$&*(){}\[\]'\";\\|?<>~`\n]|^\w+=")
"""What makes Perl hand a command line to the shell, and Sqitch with it."""
_COMMENT = re.compile(r"\s*#")
_LINE_ENDS = "\n\v\f\r\x85\u2028\u2029"
_HINT = "The editor is that of SQITCH_EDITOR, core.editor, VISUAL or EDITOR; --note does without."


def find_editor(invocation: Invocation) -> str | None:
    """SQITCH_EDITOR, ``core.editor``, VISUAL, EDITOR; None when nobody has said."""
    environ = invocation.environ
    return (
        environ.get("SQITCH_EDITOR")
        or invocation.project.config.get("core.editor")
        or environ.get("VISUAL")
        or environ.get("EDITOR")
        or None
    )


def ask_for_note(invocation: Invocation, prompt: str) -> str:
    """Let the user write a note above the prompt, of which each line begins with ``#``.

    Raises:
        Refusal: nothing was written.
        SqitchpyError: the editor failed; or there is none, and no terminal for vi.
    """
    if find_editor(invocation) is None and not sys.stdin.isatty():
        words = "Cannot ask for a note: no editor is configured, and this is no terminal"
        raise SqitchpyError(words, hint="Pass the note with --note, or set SQITCH_EDITOR or core.editor.")
    with tempfile.TemporaryDirectory(prefix="sqitchpy-") as directory:
        path = Path(directory, "NOTE")
        path.write_text(f"\n{prompt}", encoding="utf-8")
        open_editor(invocation, [str(path)])
        try:
            lines = path.read_bytes().decode("utf-8").split("\n")
        except UnicodeDecodeError as error:
            raise SqitchpyError("Cannot read the note: it is not UTF-8") from error
    note = "\n".join(line for line in lines if not _COMMENT.match(line)).strip(_LINE_ENDS)
    if not note.strip():
        raise Refusal("Aborting due to empty note")
    return note


def open_editor(invocation: Invocation, files: Sequence[str]) -> None:
    """Run the editor on files, and wait for it. Raises SqitchpyError (Sqitch's words) when it fails."""
    command = f"{find_editor(invocation) or 'vi'} {' '.join(map(shlex.quote, files))}"
    words = ["/bin/sh", "-c", command] if _FOR_THE_SHELL.search(command) else command.split()
    sys.stdout.flush()
    try:
        code = subprocess.run(words, check=False).returncode
    except OSError as error:
        raise SqitchpyError(f'"{command}" failed to start: "{error.strerror}"', hint=_HINT) from error
    if code < 0:
        raise SqitchpyError(f'"{command}" died to signal {-code}', hint=_HINT)
    if code:
        raise SqitchpyError(f'"{command}" unexpectedly returned exit value {code}', hint=_HINT)


def commented(text: str) -> str:
    """Each line behind ``#``, as in the file that the editor is given."""
    return "".join(f"# {line}\n" for line in text.split("\n"))
