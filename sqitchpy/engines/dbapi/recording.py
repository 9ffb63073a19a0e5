"""The registry's rows, written in whatever transaction is open on a connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqitchpy.engines.dbapi.backend import Connection, Rows
from sqitchpy.engines.dbapi.dialect import Dialect, Queries, listed, utc
from sqitchpy.engines.protocol import DeployTask
from sqitchpy.model import Change, Person, Tag


def planned(at: str) -> str:
    """A plan's timestamp as the registry has it: ``2024-01-02 03:04:05``, in UTC."""
    return at.replace("T", " ").removesuffix("Z")


class Recording:
    """Writes rows over one connection."""

    def __init__(self, connection: Connection, dialect: Dialect, prefix: str) -> None:
        self._connection = connection
        self._dialect = dialect
        self._queries = Queries(dialect, prefix)

    def run(self, name: str, /, **parameters: Any) -> Rows:
        """Run one of the statements of ``queries.sql``."""
        return self._connection.query(*self._queries.bound(name, parameters))

    def hold(self, project: str) -> None:
        """Keep other deployers from recording anything of a project until the transaction ends."""
        if self._dialect.hold:
            self._connection.query(*self._queries.bind(self._dialect.hold, {"project": project}))

    def latest(self, project: str) -> str | None:
        """The id of the latest deployed change of a project."""
        return next((row[0] for row in self.run("latest", project=project)), None)

    # -- times ---------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """The database's present time, as precise as the registry holds it."""
        ((now,),) = self.run("now")
        return utc(now)

    def _time_of(self, change_id: str | None) -> datetime | None:
        rows = self.run("time_of", id=change_id) if change_id else []
        return utc(rows[0][0]) if rows else None

    def _after(self, change_id: str | None) -> datetime:
        """Now, but later than that change was committed: the order of deployment is that of these times."""
        before = self._time_of(change_id)
        return max(self.now(), before + self._dialect.unit) if before else self.now()

    def _between(self, project: str, after: str | None, before: str) -> datetime:
        """Right behind a deployed change and its tags, for they say what ``change@tag`` is; and before the next one.

        Where that one is too near, it and all that is later move.
        """
        unit = self._dialect.unit
        ((following,),) = self.run("time_of", id=before)
        previous = [utc(at) for (at,) in self.run("times_of", id=after)]
        at = max(previous) + unit if previous else utc(following) - unit
        if at >= utc(following):
            self._move(project, utc(following), at + unit - utc(following))
        return at

    def _move(self, project: str, since: datetime, by: timedelta) -> None:
        """Make later what was recorded at ``since`` or later."""
        wanted = {"project": project, "since": self._dialect.time(since)}
        changes, tags = self.run("changes_since", **wanted), self.run("tags_since", **wanted)
        for statement, rows in (("move_change", changes), ("move_tag", tags)):
            for identifier, at in rows:
                self.run(statement, id=identifier, at=self._dialect.time(utc(at) + by))

    # -- rows ----------------------------------------------------------------------------------------------------

    def release(self, version: float, installer: Person) -> None:
        """The row of ``releases`` that says which version the registry has."""
        at = self._dialect.time(self.now())
        self.run("insert_release", version=version, at=at, name=installer.name, email=installer.email)

    def project(self, project: str, uri: str | None, creator: Person) -> None:
        """The row of ``projects``."""
        at = self._dialect.time(self.now())
        self.run("insert_project", project=project, uri=uri, at=at, name=creator.name, email=creator.email)

    def deploy(self, task: DeployTask, committer: Person) -> None:
        """The rows of a deployed change, in Sqitch's order: changes, dependencies, tags, events."""
        change = task.change
        at = self._between(task.project, task.after, task.before) if task.before else self._after(task.after)
        self.run(
            "insert_change",
            id=change.id,
            hash=task.script_hash,
            change=change.name,
            project=task.project,
            note=change.note,
            at=self._dialect.time(at),
            **_signed(committer, change),
        )
        required = zip(change.requires, task.requirement_ids, strict=True)
        for dependency, dependency_id in (*required, *((conflict, None) for conflict in change.conflicts)):
            kind = "conflict" if dependency.conflict else "require"
            self.run(
                "insert_dependency", id=change.id, type=kind, dependency=dependency.text, dependency_id=dependency_id
            )
        self.tags(change, task.project, change.tags, committer, at if task.before else None)
        self.event("deploy", task, committer)

    def tags(
        self, change: Change, project: str, tags: Sequence[Tag], committer: Person, at: datetime | None = None
    ) -> None:
        """Tags of a deployed change; not earlier than the change, since ``change@tag`` is found by comparing times.

        They have one time, as Sqitch gives them, so that ``status --show-tags`` finds them in the same order.
        """
        now, committed = self.now(), self._time_of(change.id)
        time = self._dialect.time(at or (max(now, committed) if committed else now))
        for tag in tags:
            self.run(
                "insert_tag",
                tag_id=tag.id,
                tag=f"@{tag.name}",
                project=project,
                id=change.id,
                note=tag.note,
                at=time,
                **_signed(committer, tag),
            )

    def event(self, event: str, task: DeployTask, committer: Person) -> None:
        """An event of a deployment: ``deploy``, not earlier than the change's row, or ``fail``."""
        change, committed = task.change, self._time_of(task.change.id)
        now = self.now()
        self.run(
            "insert_event",
            event=event,
            id=change.id,
            change=change.name,
            project=task.project,
            note=change.note,
            requires=listed([dependency.text for dependency in change.requires], ","),
            conflicts=listed([dependency.text for dependency in change.conflicts], ","),
            tags=listed([f"@{tag.name}" for tag in change.tags], " "),
            at=self._dialect.time(max(now, committed) if committed else now),
            **_signed(committer, change),
        )

    def revert(self, change_id: str, committer: Person) -> None:
        """Record that a change is reverted: its rows become an event."""
        ((name, project, note, committed, planned_at, planner, planner_email),) = self.run("recorded", id=change_id)
        tags = [tag for (tag,) in self.run("recorded_tags", id=change_id)]
        dependencies = self.run("recorded_dependencies", id=change_id)
        at = max(self.now(), utc(committed) + self._dialect.unit)
        for statement in ("delete_tags", "delete_dependencies", "delete_change"):
            self.run(statement, id=change_id)
        self.run(
            "insert_event",
            event="revert",
            id=change_id,
            change=name,
            project=project,
            note=note,
            requires=listed([text for kind, text in dependencies if kind == "require"], ","),
            conflicts=listed([text for kind, text in dependencies if kind == "conflict"], ","),
            tags=listed(tags, ","),
            at=self._dialect.time(at),
            name=committer.name,
            email=committer.email,
            planned_at=planned_at,
            planner=planner,
            planner_email=planner_email,
        )


def _signed(committer: Person, planned_thing: Change | Tag) -> dict[str, str]:
    """Who has committed something and who has planned it, as parameters."""
    planner = planned_thing.planner
    return {
        "name": committer.name,
        "email": committer.email,
        "planned_at": planned(planned_thing.planned_at),
        "planner": planner.name,
        "planner_email": planner.email,
    }
