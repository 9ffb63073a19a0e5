"""From a target to an engine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sqitchpy.engines.catalog import GROUP, find_driver, installed
from sqitchpy.engines.protocol import Opening
from sqitchpy.errors import TargetError
from sqitchpy.events import OnEvent
from sqitchpy.target import Target

if TYPE_CHECKING:
    from sqitchpy.engines.protocol import Engine


def open_engine(
    target: Target,
    environ: Mapping[str, str],
    directory: Path,
    on_event: OnEvent,
    *,
    connection: Any = None,
    transaction: Literal["own", "caller"] = "own",
) -> Engine:
    """The engine of a target; it connects when it first has to. Raises TargetError for one that is not there."""
    driver = find_driver(target.engine)
    if driver is None:
        raise TargetError(
            f"This version of sqitchpy has no {target.engine} engine",
            hint=f"{target.destination} was not touched. The engines are {', '.join(installed())}; a package can bring "
            f"another one through the entry point group {GROUP} (docs/engines.md).",
        )
    return driver.open(
        Opening(
            uri=target.uri,
            destination=target.destination,
            registry=target.registry,
            registry_uri=target.registry_uri,
            registry_destination=target.registry_destination,
            client=target.client,
            directory=directory,
            environ=environ,
            on_event=on_event,
            connection=connection,
            transaction=transaction,
        )
    )
