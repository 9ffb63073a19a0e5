"""sqitchpy, loaded once and forked for each command, by the protocol of fork_sqitch.pl beside this.

What a fork does is ``python -m sqitchpy``. That commands import what they need is tested elsewhere, on real processes.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from importlib import import_module
from typing import Any

import sqitchpy.cli
from sqitchpy.cli.catalog import COMMANDS

LOADED = (
    "sqitchpy.cli.process",
    "sqitchpy.project",
    "sqitchpy.session",
    "sqitchpy.plan",
    "sqitchpy.engines.pg.engine",
    "sqitchpy.engines.sqlite.backend",
    "sqitchpy.engines.mysql.backend",
    "sqitchpy.engines.dbapi.engine",
)


def serve() -> None:
    """Answer the requests, until there are no more."""
    for module in (*LOADED, *(each.module for each in COMMANDS.values())):
        import_module(module)
    gc.freeze()
    while line := sys.stdin.readline():
        pid = os.fork()
        if not pid:
            _become(json.loads(line))
            return
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(request: dict[str, Any]) -> None:
    """Take the streams, the environment and the directory of the request."""
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        opened = os.open(request[name], os.O_RDONLY if name == "stdin" else os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, descriptor)
        os.close(opened)
    os.environ.clear()
    os.environ.update(request["environ"])
    time.tzset()
    os.chdir(request["cwd"])
    sys.argv[1:] = request["argv"]


if __name__ == "__main__":
    serve()
    sys.exit(sqitchpy.cli.main())
