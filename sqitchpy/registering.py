"""Pure: may a project be registered in this registry, and what does an old registry need?"""

from __future__ import annotations

from collections.abc import Sequence

from sqitchpy.errors import RegistryError
from sqitchpy.model import ProjectRow

UPGRADES = ("1.0", "1.1")
"""Every version of the registry, in order; version 0 had no number."""


def upgrades_from(version: float) -> tuple[str, ...]:
    """The versions to upgrade to, one after the other."""
    return tuple(step for step in UPGRADES if float(step) > version)


def check_registration(registered: Sequence[ProjectRow], wanted: ProjectRow) -> bool:
    """Whether the project is still to be registered. Raises RegistryError, in Sqitch's words, when it must not be."""
    known = next((row for row in registered if row.project == wanted.project), None)
    if known is not None:
        if known.uri == wanted.uri:
            return False
        raise RegistryError(
            _clash(known, wanted),
            hint="Two projects of one name cannot share a registry: is this the right database? Else give one of them "
            "another name, or another registry with --registry.",
        )
    same_uri = next((row for row in registered if wanted.uri is not None and row.uri == wanted.uri), None)
    if same_uri is not None:
        raise RegistryError(
            f'Cannot register "{wanted.project}" with URI {wanted.uri}: '
            f'project "{same_uri.project}" already using that URI',
            hint="A project's URI is its own: change %uri in the plan of one of them.",
        )
    return True


def _clash(known: ProjectRow, wanted: ProjectRow) -> str:
    name = f'Cannot register "{wanted.project}"'
    if known.uri is None:
        return f"{name} with URI {wanted.uri}: already exists with NULL URI"
    if wanted.uri is None:
        return f"{name} without URI: already exists with URI {known.uri}"
    return f"{name} with URI {wanted.uri}: already exists with URI {known.uri}"
