"""The front of the library: a project is a directory with a configuration, a plan and scripts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sqitchpy.config import Config, load_config
from sqitchpy.errors import ConfigError, PlanError, SqitchpyError
from sqitchpy.events import OnEvent, ignore
from sqitchpy.identity import read_system_user, resolve_user
from sqitchpy.model import Person, Plan
from sqitchpy.plan import parse_plan
from sqitchpy.target import Target, TargetOverrides, configured_targets, resolve_target
from sqitchpy.uri import redact

if TYPE_CHECKING:
    import psycopg

    from sqitchpy.authoring import Author, Drafts
    from sqitchpy.plan.editing import Wish
    from sqitchpy.revising import Reviser, Revision
    from sqitchpy.session import TargetSession
    from sqitchpy.templates import TemplateSearch, Variables

SYSTEM_DIRECTORY = Path("/etc/sqitch")
"""Where the system's configuration is looked for, as Debian's Sqitch does."""


class Project:
    """A project's directory and configuration. Nothing is read before it is asked for, but the configuration.

    >>> project = Project.open("path/to/project")            # doctest: +SKIP
    >>> with project.target("db:pg:app") as target:          # doctest: +SKIP
    ...     print(target.deploy().done)
    """

    def __init__(self, directory: Path, config: Config, environ: Mapping[str, str]) -> None:
        self.directory = directory
        self.config = config
        self.environ = environ
        self._plans: dict[str, tuple[bytes, Plan]] = {}
        """Plans that were read, by the name of their file, and the bytes that they were read from."""

    @classmethod
    def open(cls, directory: str | Path = ".", *, environ: Mapping[str, str] | None = None) -> Project:
        """Open the project in ``directory``. ``environ`` stands for the environment (``os.environ`` by default).

        Paths in the configuration are relative to ``directory``; its ``sqitch.conf`` may be in a folder above, as in
        Sqitch. Raises ConfigError when the directory does not exist or a configuration file cannot be read.
        """
        environ = os.environ if environ is None else environ
        root = Path(directory)
        if not root.is_dir():
            raise ConfigError(f"Cannot open project {root}: there is no such directory")
        home = Path(environ["HOME"]) if environ.get("HOME") else None
        return cls(root, load_config(directory=root, environ=environ, home=home, system_dir=SYSTEM_DIRECTORY), environ)

    @cached_property
    def user(self) -> Person:
        """Who we are in the registry. Raises ConfigError for a name or address that cannot be one."""
        return resolve_user(self.config, self.environ, system=read_system_user(self.environ))

    def resolve(self, target: str | None = None, overrides: TargetOverrides | None = None) -> Target:
        """What is configured for a target, by name or URI; the default one without. Raises TargetError."""
        system_user = read_system_user(self.environ).login
        return resolve_target(
            self.config,
            target,
            environ=self.environ,
            overrides=overrides,
            system_user=system_user,
            directory=str(self.directory),
        )

    def has_plan(self, target: Target) -> bool:
        """Whether the target's plan file exists."""
        return (self.directory / target.plan_file).exists()

    def plan(self, target: str | Target | None = None) -> Plan:
        """Read the plan of a target. Raises PlanError with every fault it has."""
        if not isinstance(target, Target):
            target = self.resolve(target)
        text = self._read_plan(target)
        read_from, plan = self._plans.get(target.plan_file, (None, None))
        if plan is None or text != read_from:
            plan = parse_plan(text, target.plan_file)
            self._plans[target.plan_file] = text, plan
        return plan

    def _read_plan(self, target: Target) -> bytes:
        try:
            return (self.directory / target.plan_file).read_bytes()
        except FileNotFoundError:
            raise PlanError(
                f"Plan file {target.plan_file} does not exist",
                file=target.plan_file,
                hint="Run this in the project's directory, or name the file with --plan-file or core.plan_file.",
            ) from None
        except IsADirectoryError:
            raise PlanError(f"Plan file {target.plan_file} is not a regular file", file=target.plan_file) from None
        except OSError as error:
            raise PlanError(f"Cannot open {target.plan_file}: {error.strerror}", file=target.plan_file) from error

    def target(
        self,
        target: str | Target | None = None,
        *,
        connection: psycopg.Connection[Any] | None = None,
        transaction: Literal["own", "caller"] = "own",
        on_event: OnEvent = ignore,
    ) -> TargetSession:
        """A target to work on; use it as a context manager. It connects when it first has to.

        With ``connection`` scripts run on your own psycopg connection, which must be idle and gets its settings back;
        with ``transaction="caller"`` everything happens inside the transaction you have open there and nothing is
        committed. ``on_event`` is called with what happens (see :mod:`sqitchpy.events`).
        """
        from sqitchpy.session import TargetSession  # not at the top: a plan can be read without any of it

        if not isinstance(target, Target):
            target = self.resolve(target)
        return TargetSession(self, target, connection=connection, transaction=transaction, on_event=on_event)

    def add(
        self,
        name: str,
        *,
        note: str,
        requires: Sequence[str] = (),
        conflicts: Sequence[str] = (),
        targets: Sequence[str | Target] = (),
        templates: TemplateSearch | None = None,
        variables: Variables | None = None,
    ) -> Drafts:
        """Add a change to the plan of each target (the default one without), with scripts made of templates.

        A script that is there already stays as it is. Everything is written, the plan last, or nothing. Returns what
        was written. Raises SqitchpyError for a name that cannot be or is taken, or a requirement that is not planned.
        """
        wish = self.wish(name, note, requires, conflicts)
        drafts = self.author(targets).add(wish, templates or self.templates(), self.template_variables(variables))
        drafts.write(self.directory)
        return drafts

    def rework(
        self,
        name: str,
        *,
        note: str,
        requires: Sequence[str] = (),
        conflicts: Sequence[str] = (),
        targets: Sequence[str | Target] = (),
    ) -> Drafts:
        """Plan a change once more, and keep its scripts as they are under the name of the latest tag.

        Raises SqitchpyError when it is not planned, or nothing was tagged since.
        """
        drafts = self.author(targets).rework(self.wish(name, note, requires, conflicts))
        drafts.write(self.directory)
        return drafts

    def tag(self, name: str, *, note: str, change: str | None = None, targets: Sequence[str | Target] = ()) -> Drafts:
        """Tag a change, the last one of the plan without. Raises SqitchpyError when it cannot be tagged so."""
        drafts = self.author(targets).tag(self.wish(name, note), change)
        drafts.write(self.directory)
        return drafts

    def remove(self, name: str, *, target: str | Target | None = None, unasked_ok: bool = False) -> Revision:
        """Take a change out of the plan, with its scripts; of a reworked one the scripts of before come back.

        Every configured target is asked whether it, or a later change, is deployed there. Raises SqitchpyError where
        one is, where another change requires it, and (unless ``unasked_ok``) when a target cannot be asked.
        """
        revision = self.reviser(target, unasked_ok=unasked_ok).remove(name)
        revision.write(self.directory)
        return revision

    def rename(self, old: str, new: str, *, target: str | Target | None = None, unasked_ok: bool = False) -> Revision:
        """Rename a change everywhere in the plan, and its scripts. Asks and raises as :meth:`remove` does."""
        revision = self.reviser(target, unasked_ok=unasked_ok).rename(old, new)
        revision.write(self.directory)
        return revision

    def reset(self, *, target: str | Target | None = None, unasked_ok: bool = False) -> Revision:
        """Take out every change after the last one that is deployed on any configured target, with its scripts.

        Raises Refusal when there is none, and SqitchpyError as :meth:`remove` does.
        """
        revision = self.reviser(target, unasked_ok=unasked_ok).reset()
        revision.write(self.directory)
        return revision

    def reviser(self, target: str | Target | None = None, *, unasked_ok: bool = False) -> Reviser:
        """Who prepares what becomes of a target's plan, without writing anything yet."""
        from sqitchpy.asking import Answer
        from sqitchpy.connecting import open_engine
        from sqitchpy.revising import Reviser

        own = target if isinstance(target, Target) else self.resolve(target)
        targets = {own.name: own}
        unresolved = []
        for reference in configured_targets(self.config):
            try:
                found = self.resolve(reference)
            except SqitchpyError as error:
                unresolved.append(Answer(redact(reference), "", why_not=error.message))
            else:
                targets.setdefault(found.name, found)
        return Reviser(
            self.directory,
            own,
            tuple(targets.values()),
            tuple(unresolved),
            self.plan,
            lambda each: open_engine(each, self.environ, self.directory, ignore),
            unasked_ok,
        )

    def author(self, targets: Sequence[str | Target] = ()) -> Author:
        """Who prepares new lines in the plans of targets, without writing anything yet."""
        from sqitchpy.authoring import Author  # not at the top: few commands write

        resolved = [each if isinstance(each, Target) else self.resolve(each) for each in targets]
        return Author(self.directory, resolved or [self.resolve()], self.plan)

    def wish(self, name: str, note: str, requires: Sequence[str] = (), conflicts: Sequence[str] = ()) -> Wish:
        """A new line of a plan, planned by us, now."""
        from sqitchpy.plan.editing import Wish

        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Wish(name, self.user, now, note, tuple(requires), tuple(conflicts))

    def templates(
        self,
        *,
        name: str | None = None,
        directory: str | None = None,
        files: Mapping[str, str] | None = None,
        wanted: Mapping[str, bool] | None = None,
    ) -> TemplateSearch:
        """Where the templates of new scripts are: what is given, then ``add.*``, the user's, the system's.

        Raises:
            ConfigError: a directory or a file that is named is not there.
        """
        from sqitchpy.templates import TemplateSearch, check_directory, check_template

        home = self.environ.get("HOME")
        directory = directory or self.config.get("add.template_directory")
        if directory:
            check_directory(directory, self.directory)
        named = {**self.config.section("add.templates"), **(files or {})}
        for file in named.values():
            check_template(file, self.directory)
        folders = [Path(directory)] if directory else []
        folders += [Path(home, ".sqitch", "templates")] if home else []
        name = name or self.config.get("add.template_name") or None
        return TemplateSearch(named, (*folders, SYSTEM_DIRECTORY / "templates"), name, wanted or {})

    def template_variables(self, variables: Variables | None = None) -> dict[str, str | Sequence[str]]:
        """What is configured for templates (``add.variables``), and over it what is given."""
        return {**self.config.section("add.variables"), **(variables or {})}
