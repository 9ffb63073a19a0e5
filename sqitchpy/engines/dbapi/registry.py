"""The registry over a control connection. See :class:`sqitchpy.engines.protocol.Registry`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqitchpy.engines.dbapi.backend import Backend, Rows
from sqitchpy.engines.dbapi.dialect import Queries, unlisted, utc
from sqitchpy.engines.dbapi.recording import Recording, planned
from sqitchpy.engines.dbapi.statements import Statement
from sqitchpy.engines.protocol import REGISTRY_VERSION, Dependent, Relink, Requirement, Script, Standing
from sqitchpy.engines.relinking import relink
from sqitchpy.engines.rows import deployed_changes, event
from sqitchpy.model import Change, Dependency, DeployedChange, EventRow, Person, ProjectRow, Tag
from sqitchpy.options import LogFilter
from sqitchpy.script.source import Source

AT_ONCE = 500
"""How many ids are put into one statement: SQLite before 3.32 takes no more than 999 parameters."""
NO_LIMIT = 2**63 - 1


@dataclass(frozen=True, slots=True)
class OwnSource(Source):
    """A script of an engine's own, with ``{registry}`` put in before it is read: what is left is plain SQL."""

    prefix: str

    def lines(self) -> Iterator[bytes]:
        """The file, with the prefix in its places."""
        return (lines.replace(b"{registry}", self.prefix.encode()) for lines in Source.lines(self))


class DbapiRegistry:
    """Reads and prepares the registry."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._script_hash = "c.script_hash"
        self._has_progress: bool | None = None

    @property
    def _queries(self) -> Queries:
        """Made anew: only a connected backend may know its prefix."""
        return Queries(self._backend.dialect, self._backend.control_prefix)

    @property
    def _rows(self) -> Recording:
        return Recording(self._backend.control, self._backend.dialect, self._backend.control_prefix)

    def _fetch(self, name: str, parameters: Mapping[str, Any], **parts: str) -> Rows:
        return self._backend.control.query(*self._queries.bound(name, parameters, **parts))

    def _fetch_among(self, name: str, ids: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(ids), AT_ONCE):
            yield from self._fetch(name, {"ids": ids[start : start + AT_ONCE]})

    # -- preparing ----------------------------------------------------------------------------------------------

    def version(self) -> float | None:
        """The version of the registry; None when there is none."""
        self._has_progress = None  # every run begins here: what an earlier one was told may be old
        if not self._backend.has_table("changes"):
            return None
        version = self._latest_release() if self._backend.has_table("releases") else 0.0
        if version is None and self._backend.dialect.implicit_commits:
            return None  # somebody was interrupted while making it
        version = version or 0.0
        self._script_hash = "c.script_hash" if version >= 1 else "NULL"
        return version

    def _latest_release(self) -> float | None:
        ((latest,),) = self._fetch("latest_release", {})
        return None if latest is None else round(float(latest), 1)

    @contextmanager
    def creating(self, installer: Person, project: ProjectRow) -> Iterator[None]:
        """Create the tables, and the rows that say so and name the first project."""
        self._backend.prepare_registry()
        self._run_own_script("registry.sql", REGISTRY_VERSION, installer)
        self.register(project, installer)
        yield

    def upgrade(self, versions: Sequence[str], installer: Person) -> None:
        """Apply upgrades, each in a transaction of its own where the database has such."""
        self._backend.prepare_registry()
        for version in versions:
            self._run_own_script(f"upgrade-{version}.sql", float(version), installer)

    def _run_own_script(self, name: str, version: float, installer: Person) -> None:
        script = self._backend.own_script(name)
        with self._backend.transaction():
            source = OwnSource(script.source.name, script.source.root, self._backend.control_prefix)
            for item in self._backend.language(script._replace(source=source)):
                if isinstance(item, Statement):
                    self._backend.run_own(item.text.decode())
            self._rows.release(version, installer)

    def projects(self) -> Sequence[ProjectRow]:
        """All registered projects, by name."""
        return [ProjectRow(*row) for row in self._fetch("projects", {})]

    def register(self, project: ProjectRow, creator: Person) -> None:
        """Register a project."""
        with self._backend.transaction():
            self._rows.project(project.project, project.uri, creator)

    def add_tags(self, change: Change, project: str, tags: Sequence[Tag], committer: Person) -> None:
        """Record tags of a change that is deployed already."""
        with self._backend.transaction():
            self._rows.tags(change, project, tags, committer)

    def refresh_hashes(self, project: str, hashes: Mapping[str, str | None]) -> None:
        """Replace the hashes that an upgrade from 0 has set to change ids; those that stay unknown become NULL."""
        with self._backend.transaction():
            for change_id, script_hash in hashes.items():
                self._rows.run("set_hash", project=project, id=change_id, hash=script_hash)
            self._rows.run("clear_hashes", project=project)

    def relink(self, project: str, links: Sequence[Relink]) -> None:
        """Make rows of deployed changes say what the plan says. Raises RegistryError when they have changed since."""
        rows = self._rows

        def execute(statement: str, /, **parameters: Any) -> None:
            if "planned_at" in parameters:
                parameters["planned_at"] = planned(parameters["planned_at"])
            rows.run(statement, **parameters)
            if statement == "relink_change":
                for moved in ("move_requirements", "move_dependencies", "move_tags"):
                    rows.run(moved, id=parameters["id"], new_id=parameters["new_id"])

        with self._backend.transaction():
            relink(execute, self.deployed_changes(project), links)

    # -- progress -----------------------------------------------------------------------------------------------

    def has_progress(self) -> bool:
        """Whether progress of changes that are not one transaction was ever noted here."""
        if self._has_progress is None:
            self._has_progress = self._backend.has_table("sqitchpy_progress")
        return self._has_progress

    def expect_progress(self) -> None:
        """Make the table for it, if it is not there."""
        if not self.has_progress():
            self._fetch("create_progress", {})
            self._has_progress = True

    def _begun(self) -> Rows:
        return self._fetch("unfinished", {}) if self.has_progress() else []

    def unfinished(self) -> Collection[str]:
        """Ids of changes that a deployment has begun, could not complete in one transaction, and not recorded."""
        return {change_id for change_id, _ in self._begun()}

    def begun(self, change_id: str, script: Script | None) -> bool:
        """Whether an earlier run has begun this very script statement by statement, and has not completed it."""
        hashes = [digest for unfinished, digest in self._begun() if unfinished == change_id]
        return script is not None and any(digest.startswith(f"{script.source.digest()} ") for digest in hashes)

    # -- reading ------------------------------------------------------------------------------------------------

    def standing(self, project: str) -> Standing | None:
        """Where a project stands: its latest deployed change, and how many there are."""
        rows = self._fetch("current", {"project": project}, script_hash=self._script_hash)
        return Standing(self._changes(rows)[0], rows[0][-1]) if rows else None

    def deployed_changes(self, project: str, *, after: str | None = None) -> Sequence[DeployedChange]:
        """Deployed changes in the order of deployment, with tags and dependencies."""
        name, parameters = (
            ("deployed", {"project": project})
            if after is None
            else ("deployed_after", {"project": project, "after": after})
        )
        return self._changes(self._fetch(name, parameters, script_hash=self._script_hash))

    def _changes(self, rows: Rows) -> list[DeployedChange]:
        ids = [row[1] for row in rows]
        tags, dependencies = self._fetch_among("tags_of", ids), self._fetch_among("dependencies_of", ids)
        return deployed_changes(rows, tags, dependencies, utc)

    def deployed_among(self, change_ids: Collection[str]) -> frozenset[str]:
        """Which of these ids are deployed."""
        return frozenset(row[0] for row in self._fetch_among("deployed_among", list(change_ids)))

    def find_foreign(self, dependency: Dependency) -> str | None:
        """The id of the deployed change that a dependency on another project names."""
        if dependency.change_id:
            return next(iter(self.deployed_among([dependency.change_id])), None)
        name = "foreign_change" if dependency.tag is None else "foreign_tag"
        if dependency.change and dependency.tag:
            name = "foreign_change_asof"
        named = {"project": dependency.project, "change": dependency.change, "tag": f"@{dependency.tag}"}
        rows = self._fetch(name, named)
        return rows[0][0] if rows else None

    def dependents(self, change_ids: Collection[str]) -> Sequence[Dependent]:
        """Deployed changes, outside the given ones, that require one of them."""
        going, found = set(change_ids), []
        for required_id, change_id, project, change, since in self._fetch_among("dependents", list(change_ids)):
            if change_id not in going:
                tags = self._fetch("first_tag_since", {"project": project, "since": since})
                found.append(Dependent(required_id, change_id, project, change, tags[0][0] if tags else None))
        return found

    def requirements(self, project: str) -> Sequence[Requirement]:
        """What the deployed changes of a project require."""
        return [Requirement(*row) for row in self._fetch("requirements", {"project": project})]

    def events(self, wanted: LogFilter) -> Iterator[EventRow]:
        """Events of all projects, newest first unless asked otherwise."""
        patterns = {"[change]": wanted.change, "project": wanted.project, "committer_name": wanted.committer}
        named = {column: column.strip("[]") for column, pattern in patterns.items() if pattern is not None}
        conditions = [self._queries.matching(column, name) for column, name in named.items()]
        if wanted.events:
            conditions.append("event IN (:events)")
        parameters = {name: patterns[column] for column, name in named.items()} | {
            "events": list(wanted.events),
            "limit": NO_LIMIT if wanted.limit is None else wanted.limit,
            "offset": wanted.offset or 0,
        }
        direction = "ASC" if wanted.reverse else "DESC"
        where = " AND ".join(conditions) or "1 = 1"
        rows = self._fetch("events", parameters, conditions=where, direction=direction)
        return (event(row, utc, unlisted) for row in rows)
