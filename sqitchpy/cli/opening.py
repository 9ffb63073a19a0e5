"""The user's editor."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqitchpy.config import Config
from sqitchpy.errors import SqitchpyError

_FOR_THE_SHELL = re.compile(r"[$&*(){}\[\]'\";\\|?<>~`\n]|^\w+=")
"""What makes Perl hand a command line to the shell, and Sqitch with it; another one fails by itself to start."""


def configured_editor(config: Config, environ: Mapping[str, str]) -> str | None:
    """The editor, a command for the shell: ``$SQITCH_EDITOR``, ``core.editor``, ``$VISUAL``, ``$EDITOR``, or None."""
    configured = environ.get("SQITCH_EDITOR") or config.get("core.editor")
    return configured or environ.get("VISUAL") or environ.get("EDITOR") or None


def open_editor(files: Path | Sequence[str], config: Config, environ: Mapping[str, str]) -> None:
    """Let the user edit files, and wait until that is done; in vi when no editor is configured.

    Raises:
        SqitchpyError: the editor fails, or cannot be started (Sqitch's words).
    """
    names = [str(files)] if isinstance(files, Path) else list(files)
    quoted = subprocess.list2cmdline(names) if os.name == "nt" else " ".join(map(shlex.quote, names))
    editor = configured_editor(config, environ) or ("notepad.exe" if os.name == "nt" else "vi")
    command = f"{editor} {quoted}"
    hint = "The editor is $SQITCH_EDITOR, core.editor, $VISUAL or $EDITOR"
    sys.stdout.flush()
    try:
        code = _run(command, environ)
    except OSError as error:
        raise SqitchpyError(f'"{command}" failed to start: "{error.strerror}"', hint=hint) from error
    if code:
        ended = f"died to signal {-code}" if code < 0 else f"unexpectedly returned exit value {code}"
        raise SqitchpyError(f'"{command}" {ended}', hint=hint)


def _run(command: str, environ: Mapping[str, str]) -> int:
    for_the_shell = os.name == "nt" or _FOR_THE_SHELL.search(command) is not None
    words = command if for_the_shell else command.split()
    return subprocess.run(words, shell=for_the_shell, env=dict(environ), check=False).returncode
