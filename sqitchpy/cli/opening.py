"""The user's editor."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from sqitchpy.config import Config
from sqitchpy.errors import SqitchpyError


def editor_command(config: Config, environ: Mapping[str, str]) -> str:
    """The editor, a command for the shell: ``$SQITCH_EDITOR``, ``core.editor``, ``$VISUAL``, ``$EDITOR``, or ``vi``."""
    configured = environ.get("SQITCH_EDITOR") or config.get("core.editor")
    return configured or environ.get("VISUAL") or environ.get("EDITOR") or ("notepad.exe" if os.name == "nt" else "vi")


def open_editor(path: Path, config: Config, environ: Mapping[str, str]) -> None:
    """Let the user edit a file, and wait until that is done. Raises SqitchpyError when the editor fails."""
    name = str(path)
    quoted = subprocess.list2cmdline([name]) if os.name == "nt" else shlex.quote(name)
    command = f"{editor_command(config, environ)} {quoted}"
    code = subprocess.run(command, shell=True, env=dict(environ), check=False).returncode
    if code:
        hint = "The editor is $SQITCH_EDITOR, core.editor, $VISUAL or $EDITOR"
        raise SqitchpyError(f'"{command}" unexpectedly returned exit value {code}', hint=hint)
