"""Notes that the user writes in the editor, and new scripts that are opened there."""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sqitchpy.cli.invocation import Invocation
from sqitchpy.cli.opening import configured_editor, open_editor
from sqitchpy.errors import Refusal, SqitchpyError

_COMMENT = re.compile(r"\s*#")
_LINE_ENDS = "\n\v\f\r\x85\u2028\u2029"


def ask_for_note(invocation: Invocation, prompt: str) -> str:
    """Let the user write a note above the prompt, of which each line begins with ``#``.

    Raises:
        Refusal: nothing was written.
        SqitchpyError: the editor failed; or there is none, and no terminal for vi.
    """
    if configured_editor(invocation.project.config, invocation.environ) is None and not (
        sys.stdin and sys.stdin.isatty()
    ):
        words = "Cannot ask for a note: no editor is configured, and this is no terminal"
        raise SqitchpyError(words, hint="Pass the note with --note, or set SQITCH_EDITOR or core.editor.")
    with tempfile.TemporaryDirectory(prefix="sqitchpy-") as directory:
        path = Path(directory, "NOTE")
        path.write_text(f"\n{prompt}", encoding="utf-8")
        edit_files(invocation, [str(path)])
        try:
            lines = path.read_bytes().decode("utf-8").split("\n")
        except UnicodeDecodeError as error:
            raise SqitchpyError("Cannot read the note: it is not UTF-8") from error
    note = "\n".join(line for line in lines if not _COMMENT.match(line)).strip(_LINE_ENDS)
    if not note.strip():
        raise Refusal("Aborting due to empty note")
    return note


def edit_files(invocation: Invocation, files: Sequence[str]) -> None:
    """Run the editor on files, and wait for it. Raises SqitchpyError when it fails."""
    open_editor(files, invocation.project.config, invocation.environ)


def commented(text: str) -> str:
    """Each line behind ``#``, as in the file that the editor is given."""
    return "".join(f"# {line}\n" for line in text.split("\n"))
