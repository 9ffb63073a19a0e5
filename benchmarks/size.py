"""How much memory large deployments take: one script of 500 MB, and a plan of 5,000 changes.

    python benchmarks/size.py TARGET [--megabytes 500] [--changes 5000]

The target is an empty database (db:pg://…), in which everything that is deployed remains. Half of the script are
INSERTs, half COPY data. Needs twice the script's size on the disk; the files are removed.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROW = "row {:>9} lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor"
PLANNER = "2024-01-02T03:04:05Z Ann Ex <ann@example.com>"
ROWS_IN_A_TURN = 5_000


def write_big_script(path: Path, megabytes: int) -> None:
    """INSERTs and COPY data in turns, as large together as was asked for."""
    number, chance = 0, random.Random(1)
    with path.open("w") as file:
        file.write("BEGIN;\nCREATE TABLE big (id integer, price numeric, note text);\n")
        while file.tell() < megabytes * 1_000_000:
            rows = [(n, chance.random(), ROW.format(n)) for n in range(number, number + 2 * ROWS_IN_A_TURN)]
            half = rows[:ROWS_IN_A_TURN]
            file.writelines(
                f"INSERT INTO big (id, price, note) VALUES ({n}, {p:.4f}, '{text}');\n" for n, p, text in half
            )
            file.write("COPY big (id, price, note) FROM stdin;\n")
            file.writelines(f"{n}\t{p:.4f}\t{text}\n" for n, p, text in rows[ROWS_IN_A_TURN:])
            file.write("\\.\n\n")
            number += len(rows)
        file.write("COMMIT;\n")


def make_project(folder: Path, name: str, changes: int, write_script: Callable[[Path, int], None]) -> None:
    """A plan of so many changes, each with what ``write_script`` writes for its number."""
    (folder / "deploy").mkdir(parents=True)
    (folder / "sqitch.conf").write_text("[core]\n\tengine = pg\n")
    lines = (f"c{n} {f'[c{n - 1}] ' if n else ''}{PLANNER} # change {n}\n" for n in range(changes))
    (folder / "sqitch.plan").write_text(f"%syntax-version=1.0.0\n%project={name}\n\n{''.join(lines)}")
    for n in range(changes):
        write_script(folder / "deploy" / f"c{n}.sql", n)


def write_small_script(path: Path, number: int) -> None:
    path.write_text(f"-- change {number}\nBEGIN;\nCREATE FUNCTION f{number}() RETURNS int RETURN {number};\nCOMMIT;\n")


def deploy(folder: Path, target: str) -> tuple[float, float]:
    """Deploy a project in a process of its own; how long it took, and its peak memory in MiB."""
    start = time.monotonic()
    command = [sys.executable, str(Path(__file__).with_name("peak.py")), "deploy", target]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
    return time.monotonic() - start, int(done.stderr.splitlines()[-1]) / 1024


def measure(target: str, megabytes: int, changes: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        if megabytes:
            make_project(Path(folder) / "big", "big", 1, lambda path, _: write_big_script(path, megabytes))
            size = (Path(folder) / "big/deploy/c0.sql").stat().st_size / 1e6
            seconds, peak = deploy(Path(folder) / "big", target)
            print(f"script of {size:,.0f} MB: {seconds:,.0f} s, {size / seconds:.1f} MB/s, peak {peak:.0f} MiB")
        if changes:
            make_project(Path(folder) / "long", "long", changes, write_small_script)
            seconds, peak = deploy(Path(folder) / "long", target)
            print(
                f"plan of {changes:,} changes: {seconds:,.0f} s, {changes / seconds:,.0f} a second, peak {peak:.0f} MiB"
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", help="an empty database, db:pg://…")
    parser.add_argument("--megabytes", type=int, default=500, help="size of the script (default: 500; 0: none)")
    parser.add_argument("--changes", type=int, default=5000, help="changes in the plan (default: 5000; 0: none)")
    wanted = parser.parse_args()
    measure(wanted.target, wanted.megabytes, wanted.changes)
