"""``python -m sqitchpy``."""

from __future__ import annotations

import sys

from sqitchpy.cli import program

if __name__ == "__main__":
    sys.exit(program())
