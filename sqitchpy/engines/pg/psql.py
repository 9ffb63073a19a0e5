"""Scripts in the real psql, exactly as Sqitch runs them (``--runner psql``)."""

from __future__ import annotations

from sqitchpy.engines.client import run_client
from sqitchpy.engines.pg.facts import Facts
from sqitchpy.engines.pg.scripts import Writer
from sqitchpy.engines.protocol import Script


def command(facts: Facts, script: Script) -> list[str]:
    """psql's argument vector, word for word Sqitch's; a user's variables cannot override ``registry``."""
    words = [facts.psql]
    if facts.psql_dbname:
        words += ["--dbname", facts.psql_dbname]
    for name, value in sorted(script.variables.items()):
        if name != "registry":
            words += ["--set", f"{name}={value}"]
    words += ["--quiet", "--no-psqlrc", "--no-align", "--tuples-only"]
    return [
        *words,
        "--set",
        "ON_ERROR_STOP=1",
        "--set",
        f"registry={facts.registry}",
        "--file",
        script.source.name,
    ]


def run(facts: Facts, script: Script, writer: Writer) -> None:
    """Run a script; its output is handed on as it comes. Raises EngineError when psql fails or cannot be started."""
    run_client(
        command(facts, script),
        directory=facts.directory,
        environ=facts.psql_environ,
        out=writer.out,
        err=writer.err,
        hint="Install PostgreSQL's client programs, or name psql with --client or engine.pg.client.",
    )
