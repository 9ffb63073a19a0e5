"""Run the command line and say how much memory it took: its last line on standard error is the peak in KiB.

    python benchmarks/peak.py deploy db:pg://…

The process measures itself, because what its parent is told (ru_maxrss of a child) counts the parent's own memory in.
"""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

from sqitchpy.cli import main


def peak() -> int:
    """The largest resident set of this process so far, in KiB."""
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        return int(found[1]) if found else 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1)


if __name__ == "__main__":
    try:
        code = main()
    except SystemExit as ended:
        code = ended.code  # type: ignore[assignment]
    print(peak(), file=sys.stderr)
    sys.exit(code)
