"""The two tools, each loaded once and forked for each command; see ``forking/``."""

from __future__ import annotations

import json
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "sqitch": ("sqitch",),
    "sqitchpy": (sys.executable, "-m", "sqitchpy"),
}
"""How the tools are started by themselves."""

_FORKING = Path(__file__).parent / "forking"
_SECONDS = 120


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    stdout: str
    stderr: str
    exit: int


@dataclass(frozen=True)
class Tool:
    """A tool that is loaded; ``directory`` is where its streams are kept while it runs."""

    server: subprocess.Popen[str]
    directory: Path

    def run(self, words: Sequence[str], cwd: Path, environ: Mapping[str, str], stdin: str = "") -> Said:
        """Run one command. Raises TimeoutError when it takes longer than two minutes."""
        streams = {name: self.directory / name for name in ("stdin", "stdout", "stderr")}
        streams["stdin"].write_bytes(stdin.encode())
        paths = {name: str(path) for name, path in streams.items()}
        return Said(
            exit=self._ask({"argv": list(words), "cwd": str(cwd), "environ": dict(environ), **paths}),
            stdout=streams["stdout"].read_bytes().decode(),
            stderr=streams["stderr"].read_bytes().decode(),
        )

    def _ask(self, request: Mapping[str, object]) -> int:
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write(json.dumps(request) + "\n")
        self.server.stdin.flush()
        if not select.select([self.server.stdout], [], [], _SECONDS)[0]:
            raise TimeoutError(f"{request['argv']} does not end")
        answer = self.server.stdout.readline()
        assert answer, "the tool that was loaded is gone"
        return int(answer)


@contextmanager
def loaded(name: str, directory: Path) -> Iterator[Tool]:
    """The tool of that name, until the end of the block."""
    directory.mkdir()
    command = (
        ["perl", "-w", "-CAS", str(_FORKING / "fork_sqitch.pl"), str(shutil.which("sqitch"))]
        if name == "sqitch"
        else [sys.executable, str(_FORKING / "fork_sqitchpy.py")]
    )
    with subprocess.Popen(
        command, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8", start_new_session=True
    ) as server:
        try:
            yield Tool(server, directory)
        finally:
            server.kill()
