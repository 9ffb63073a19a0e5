"""Which engines there are: ours, and those that other packages bring along.

Commands that need no engine know their names from here, so what finds and loads engines is imported when one is wanted.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from sqitchpy.errors import TargetError
from sqitchpy.uri import ENGINES

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint, EntryPoints

    from sqitchpy.engines.protocol import Driver

GROUP = "sqitchpy.engines"
"""The group of entry points by which a package says that it has an engine: docs/engines.md."""

BUILT_IN = {
    "pg": "sqitchpy.engines.pg.driver",
    "cockroach": "sqitchpy.engines.pg.driver",
    "sqlite": "sqitchpy.engines.sqlite.driver",
    "mysql": "sqitchpy.engines.mysql.driver",
}
"""Our own engines, and the modules with their ``DRIVER``: looking for entry points takes a while."""


KNOWN = f"The engines are {', '.join(ENGINES)}; a package can bring another one (docs/engines.md)"
"""What to say where an engine is named that nobody knows."""


@cache
def find_driver(key: str) -> Driver | None:
    """The engine of that key; None when there is none. Raises TargetError when its package cannot be loaded."""
    if key in BUILT_IN:
        driver: Driver = import_module(BUILT_IN[key]).DRIVER
        return driver
    for entry in _entry_points():
        if entry.name == key:
            return _load(entry)
    return None


def is_known(key: str) -> bool:
    """Whether there is an engine of that key, here or in Sqitch."""
    return key in ENGINES or find_driver(key) is not None


def engine_keys() -> tuple[str, ...]:
    """The keys of all engines, those of Sqitch that are not built among them."""
    return tuple(dict.fromkeys([*ENGINES, *installed()]))


def installed() -> tuple[str, ...]:
    """The keys of all engines that can be used here."""
    return tuple(dict.fromkeys([*BUILT_IN, *sorted(entry.name for entry in _entry_points())]))


def _entry_points() -> EntryPoints:
    from importlib.metadata import entry_points

    return entry_points(group=GROUP)


def _load(entry: EntryPoint) -> Driver:
    from sqitchpy.engines.protocol import Driver

    where = f"the entry point {GROUP} {entry.name} of {entry.dist.name if entry.dist else 'a package'}"
    try:
        driver = entry.load()
    except Exception as error:  # whatever another package's module does when it is imported
        raise TargetError(f"Engine {entry.name} cannot be loaded: {error!r}", hint=f"That is {where}.") from error
    if not isinstance(driver, Driver):
        raise TargetError(f"{entry.value} is no sqitchpy.engines.protocol.Driver", hint=f"It is {where}.")
    return driver
