"""The registry in PostgreSQL: a schema of the target database, read over the control connection."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors

from sqitchpy.engines.pg.facts import Facts
from sqitchpy.engines.pg.failures import ServerFailure, ends_connection, lost
from sqitchpy.engines.pg.names import Queries
from sqitchpy.engines.pg.recording import queue_tag
from sqitchpy.engines.pg.sessions import OwnSession
from sqitchpy.engines.pg.wire import Wire
from sqitchpy.engines.protocol import REGISTRY_VERSION, Dependent, Relink, Requirement, Script, Standing
from sqitchpy.engines.relinking import relink
from sqitchpy.engines.rows import deployed_changes, event
from sqitchpy.errors import ConnectionLostError, EngineError
from sqitchpy.model import Change, Dependency, DeployedChange, EventRow, Person, ProjectRow, Tag
from sqitchpy.options import LogFilter

_HERE = Path(__file__).parent


class PgRegistry:
    """Reads and prepares the registry, over the session's control connection."""

    def __init__(self, session: OwnSession, facts: Facts) -> None:
        self._session = session
        self._facts = facts
        self.queries = Queries(facts.registry)
        self._has_progress: bool | None = None
        self._unfinished: list[tuple[Any, ...]] | None = None

    def _cursor(self) -> psycopg.Cursor[tuple[Any, ...]]:
        return psycopg.Cursor(self._session.control(), row_factory=psycopg.rows.tuple_row)

    def _fetch(self, name: str, /, **parameters: Any) -> list[tuple[Any, ...]]:
        """Run one of the reading statements. Raises EngineError with what the server said."""
        try:
            cursor = self._cursor().execute(self.queries.cursor(name).encode(), parameters, prepare=False)
            return cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            raise self._refused(error) from error

    def _refused(self, error: psycopg.Error) -> EngineError:
        if ends_connection(error):
            return lost(str(error))
        hint = f"Nothing was changed. This was a statement of sqitchpy's own, on the registry {self._facts.registry}."
        if isinstance(error, errors.InsufficientPrivilege):
            hint = (
                f"The user may not use the registry: GRANT USAGE ON SCHEMA {self.queries.schema}, and SELECT, INSERT, "
                "UPDATE, DELETE on its tables, or connect as its owner."
            )
        return EngineError(
            f"{error.diag.severity or 'ERROR'}:  {error.diag.message_primary or error}",
            sqlstate=error.sqlstate,
            hint=hint,
        )

    # -- preparing ----------------------------------------------------------------------------------------------

    def version(self) -> float | None:
        """The version of the registry, None when there is none."""
        self._has_progress = self._unfinished = None  # every run begins here: what an earlier one was told may be old
        queries = self.queries
        (found,) = self._fetch("version", changes=queries.table("changes"), releases=queries.table("releases"))[0]
        if found is None:
            return None
        if found == "0":
            return 0.0
        ((latest,),) = self._fetch("latest_release")
        return 0.0 if latest is None else round(float(latest), 1)

    @contextmanager
    def creating(self, installer: Person, project: ProjectRow) -> Iterator[None]:
        """Create the tables, in one transaction with the rows that say so and name the first project.

        The server does it during the block.
        """
        wire = Wire(self._session.control())
        try:
            with self._rolled_back_on_failure(wire):
                wire.queue_each(self._session.begin)
                self._queue_own_script(wire, "registry.sql", f"{REGISTRY_VERSION}", installer)
                self._queue_project(wire, project, installer)
                wire.queue_each(self._session.commit)
                wire.send_part()
            yield
        finally:  # Sqitch, too, has its registry then, whatever is wrong with a script
            if wire.under_way:
                with self._rolled_back_on_failure(wire):
                    wire.read_part()

    def upgrade(self, versions: Sequence[str], installer: Person) -> None:
        """Apply upgrades, each in a transaction of its own."""
        for version in versions:
            with self._transaction() as wire:
                self._queue_own_script(wire, f"upgrade-{version}.sql", version, installer)

    def _queue_own_script(self, wire: Wire, name: str, version: str, installer: Person) -> None:
        from sqitchpy.script.actions import Run
        from sqitchpy.script.interpreter import Interpreter
        from sqitchpy.script.outside import Unseen
        from sqitchpy.script.source import Source
        from sqitchpy.script.variables import Variables

        source = Source(name, _HERE)
        variables = Variables({b"registry": self._facts.registry.encode()})
        wire.queue(b"SET LOCAL client_min_messages = warning")
        for action in Interpreter(source, variables, Unseen()).actions():
            if isinstance(action, Run):
                wire.queue(action.statement.text)
        wire.queue(self.queries.wire("insert_release"), [version.encode(), *_encoded(installer)])

    def _queue_project(self, wire: Wire, project: ProjectRow, creator: Person) -> None:
        uri = None if project.uri is None else project.uri.encode()
        wire.queue(self.queries.wire("insert_project"), [project.project.encode(), uri, *_encoded(creator)])

    @contextmanager
    def _transaction(self) -> Iterator[Wire]:
        """A transaction on the control connection. Raises EngineError when one of its statements fails."""
        wire = Wire(self._session.control())
        with self._rolled_back_on_failure(wire):
            wire.queue_each(self._session.begin)
            yield wire
            wire.queue_each(self._session.commit)
            wire.sync()

    @contextmanager
    def _rolled_back_on_failure(self, wire: Wire) -> Iterator[None]:
        try:
            yield
        except ServerFailure as failure:
            wire.abandon(self._session.rollback)
            raise failure.in_registry(self._facts.registry) from failure
        except ConnectionLostError:
            raise
        except BaseException:
            wire.abandon(self._session.rollback)
            raise

    def open_transactions(self, ours: Collection[int]) -> list[tuple[Any, ...]]:
        """The oldest transactions that are open in this database, but for our own sessions."""
        return self._fetch("open_transactions", ours=list(ours))

    def blockers(self, pid: int) -> list[tuple[Any, ...]]:
        """The sessions that hold what the session ``pid`` is waiting for at this moment."""
        return self._fetch("blockers", pid=pid)

    def run_conditions(self) -> list[tuple[Any, ...]]:
        """About how many locks the server can hold at once, and whether DDL sets event triggers off."""
        return self._fetch("run_conditions")

    def has_progress(self) -> bool:
        """Whether progress of changes that are not one transaction was ever noted here."""
        if self._has_progress is None:
            ((found,),) = self._fetch("has_progress", table=self.queries.table("sqitchpy_progress"))
            self._has_progress = bool(found)
        return self._has_progress

    def expect_progress(self) -> None:
        """From now on there is progress, or may be."""
        self._has_progress = True

    def _begun(self) -> list[tuple[str, str]]:
        """Change ids and the digests of their scripts."""
        if self._unfinished is None:
            self._unfinished = self._fetch("unfinished") if self.has_progress() else []
        return self._unfinished

    def unfinished(self) -> Collection[str]:
        """Ids of changes that a deployment has begun, could not complete in one transaction, and not recorded."""
        return {change_id for change_id, _ in self._begun()}

    def begun(self, change_id: str, script: Script | None) -> bool:
        """Whether an earlier run has begun this very script statement by statement, and has not completed it."""
        hashes = [digest for unfinished, digest in self._begun() if unfinished == change_id]
        return script is not None and any(digest.startswith(f"{script.source.digest()} ") for digest in hashes)

    def projects(self) -> Sequence[ProjectRow]:
        """All registered projects, by name."""
        return [ProjectRow(*row) for row in self._fetch("projects")]

    def register(self, project: ProjectRow, creator: Person) -> None:
        """Register a project."""
        with self._transaction() as wire:
            self._queue_project(wire, project, creator)

    def add_tags(self, change: Change, project: str, tags: Sequence[Tag], committer: Person) -> None:
        """Record tags of a change that is deployed already."""
        with self._transaction() as wire:
            for tag in tags:
                queue_tag(wire, self.queries, change, project, tag, committer)

    def refresh_hashes(self, project: str, hashes: Mapping[str, str | None]) -> None:
        """Replace the hashes that an upgrade from 0 has set to change ids; those that stay unknown become NULL."""
        with self._session.control().transaction():
            for change_id, script_hash in hashes.items():
                self._fetch("set_hash", project=project, id=change_id, hash=script_hash)
            self._fetch("clear_hashes", project=project)

    def relink(self, project: str, links: Sequence[Relink]) -> None:
        """Make rows of deployed changes say what the plan says. Raises RegistryError when they have changed since."""
        with self._session.control().transaction():
            self._fetch("mark_transaction")
            self._fetch("lock_table")
            relink(self._fetch, self.deployed_changes(project), links)

    # -- reading ------------------------------------------------------------------------------------------------

    def standing(self, project: str) -> Standing | None:
        """Where a project stands: its latest deployed change, and how many there are."""
        rows = self._fetch("current", project=project)
        return Standing(self._changes(rows)[0], rows[0][-1]) if rows else None

    def deployed_changes(self, project: str, *, after: str | None = None) -> Sequence[DeployedChange]:
        """Deployed changes in the order of deployment, with tags and dependencies."""
        return self._changes(self._fetch("deployed", project=project, after=after))

    def _changes(self, rows: Sequence[tuple[Any, ...]]) -> list[DeployedChange]:
        ids = [row[1] for row in rows]
        if not ids:
            return []
        return deployed_changes(rows, self._fetch("tags_of", ids=ids), self._fetch("dependencies_of", ids=ids))

    def deployed_among(self, change_ids: Collection[str]) -> frozenset[str]:
        """Which of these ids are deployed."""
        return frozenset(row[0] for row in self._fetch("deployed_among", ids=list(change_ids)))

    def find_foreign(self, dependency: Dependency) -> str | None:
        """The id of the deployed change that a dependency on another project names."""
        if dependency.change_id:
            return next(iter(self.deployed_among([dependency.change_id])), None)
        name = "foreign_change" if dependency.tag is None else "foreign_tag"
        if dependency.change and dependency.tag:
            name = "foreign_change_asof"
        rows = self._fetch(name, project=dependency.project, change=dependency.change, tag=f"@{dependency.tag}")
        return rows[0][0] if rows else None

    def dependents(self, change_ids: Collection[str]) -> Sequence[Dependent]:
        """Deployed changes, outside the given ones, that require one of them."""
        return [Dependent(*row) for row in self._fetch("dependents", ids=list(change_ids))]

    def requirements(self, project: str) -> Sequence[Requirement]:
        """What the deployed changes of a project require."""
        return [Requirement(*row) for row in self._fetch("requirements", project=project)]

    def events(self, wanted: LogFilter) -> Iterator[EventRow]:
        """Events of all projects, newest first unless asked otherwise."""
        text = self.queries.cursor("events").replace("{direction}", "ASC" if wanted.reverse else "DESC")
        parameters = {
            "events": list(wanted.events) or None,
            "change": wanted.change,
            "project": wanted.project,
            "committer": wanted.committer,
            "limit": wanted.limit,
            "offset": wanted.offset or 0,
        }
        try:
            for row in self._cursor().execute(text.encode(), parameters, prepare=False):
                yield event(row)
        except psycopg.Error as error:
            raise self._refused(error) from error


def _encoded(person: Person) -> tuple[bytes, bytes]:
    return person.name.encode(), person.email.encode()
