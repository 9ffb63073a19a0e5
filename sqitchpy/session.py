"""One target, connected: deploy, revert, verify, status, log, and previews of the first two."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from sqitchpy import events
from sqitchpy.connecting import open_engine
from sqitchpy.engines.protocol import REGISTRY_VERSION
from sqitchpy.errors import (
    ProtectedTargetError,
    Refusal,
    RegistryError,
    RunError,
    SqitchpyError,
    UnknownChangeError,
    VerifyError,
)
from sqitchpy.model import DeployedChange, EventRow, Plan
from sqitchpy.options import (
    DEFAULT_LOCK_TIMEOUT,
    LogFilter,
    Mode,
    RevertQuestion,
    Runner,
    Transaction,
    VerifyWhen,
)
from sqitchpy.plan import find_in_plan
from sqitchpy.report import CheckReport, Preview, RepairReport, Report, Status, VerifyReport
from sqitchpy.target import Target
from sqitchpy.workplace import Workplace, refuse_newer

if TYPE_CHECKING:
    import psycopg

    from sqitchpy.project import Project
    from sqitchpy.verification import Range


class TargetSession:
    """A target of a project. Use it as a context manager; it connects when it first has to, and disconnects at the end.

    Every method raises :class:`sqitchpy.SqitchpyError` and nothing else on purpose. Not for several threads at once.
    What deploys, reverts and verifies is imported by the method that does: ``status`` would wait for it.
    """

    def __init__(
        self,
        project: Project,
        target: Target,
        *,
        connection: psycopg.Connection[Any] | None,
        transaction: Literal["own", "caller"],
        on_event: events.OnEvent,
    ) -> None:
        self._nested = transaction == "caller"
        self._place = Workplace(
            project,
            target,
            lambda: open_engine(
                target, project.environ, project.directory, on_event, connection=connection, transaction=transaction
            ),
            on_event,
        )

    def __enter__(self) -> TargetSession:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect. A session that is used again connects again."""
        self._place.close()

    @property
    def destination(self) -> str:
        """How messages call the database: the target's name, or its URI without the password."""
        return self._place.destination

    def deploy(
        self,
        to: str | None = None,
        *,
        mode: Mode = "all",
        verify: bool = False,
        log_only: bool = False,
        variables: Mapping[str, str] | None = None,
        lock_timeout: float = DEFAULT_LOCK_TIMEOUT,
        runner: Runner = "native",
        transaction: Transaction = "change",
        verify_when: VerifyWhen = "inside",
        only: str | None = None,
    ) -> Report:
        """Deploy what is planned and not deployed, up to the change that ``to`` names.

        Each change is one transaction with its verification and its record. ``mode`` says what is taken back when one
        fails: everything of this run (``all``), what follows its last tag (``tag``), nothing (``change``). ``log_only``
        records without running deploy scripts; ``lock_timeout`` is in seconds, 0 waits without limit.
        ``transaction="run"`` makes the whole run one transaction, ``"script"`` leaves transactions to the scripts, as
        Sqitch does; ``verify_when="after"`` verifies each change after it is committed, holding no locks meanwhile.
        ``only`` names a change that is deployed with what it requires, and nothing else; it may be planned before
        others that are deployed.

        Raises DeployError (its ``report`` says what was done), LockTimeoutError, PlanError, RegistryError …
        """
        from sqitchpy.deploying import Deploying, Wish

        _refuse_both(only, to)
        scripting = self._place.scripting("deploy", variables, runner)
        wish = Wish(to, mode, verify, log_only, scripting, transaction, verify_when, only)
        self._refuse_run_in_callers(transaction)
        work = Deploying(self._place, wish)
        with self._place.locked(lock_timeout):
            return work.run()

    def _refuse_run_in_callers(self, transaction: Transaction) -> None:
        if transaction == "run" and self._nested:
            raise SqitchpyError(
                'A run cannot be a transaction of its own inside yours: transaction="run" with transaction="caller"',
                hint='Inside your transaction everything is one transaction anyway: leave transaction="run" out.',
            )

    def preview_deploy(
        self,
        to: str | None = None,
        *,
        verify: bool = False,
        log_only: bool = False,
        variables: Mapping[str, str] | None = None,
        runner: Runner = "native",
        transaction: Transaction = "change",
        verify_when: VerifyWhen = "inside",
        only: str | None = None,
        sql: bool = False,
    ) -> Preview:
        """What :meth:`deploy` would do, in order, and with ``sql`` what it would send.

        PostgreSQL itself holds the session read-only meanwhile.
        """
        from sqitchpy.deploying import Deploying, Wish

        _refuse_both(only, to)
        scripting = self._place.scripting("deploy", variables, runner)
        wish = Wish(to, "all", verify, log_only, scripting, transaction, verify_when, only)
        return Deploying(self._place, wish).preview(sql=sql)

    def revert(
        self,
        to: str | None = None,
        *,
        modified: bool = False,
        log_only: bool = False,
        variables: Mapping[str, str] | None = None,
        lock_timeout: float = DEFAULT_LOCK_TIMEOUT,
        runner: Runner = "native",
        confirm: Callable[[RevertQuestion], bool] | None = None,
        only: str | None = None,
        yes_really: str | None = None,
    ) -> Report:
        """Revert every change deployed after the one that ``to`` names; without it, every change.

        ``modified`` reverts to before the first change whose deploy script has been edited since. ``only`` names a
        change that is reverted with the deployed changes that require it, and nothing else. ``confirm`` is asked once,
        when it is known what would be reverted and before anything is; Refusal is raised when it says no. A protected
        target is reverted only when ``yes_really`` is its ``destination``.

        Raises RevertError (its ``report`` says what was done), ProtectedTargetError, Refusal, LockTimeoutError …
        """
        from sqitchpy.reverting import Reverting, Wish

        self._refuse_protected(yes_really)
        _refuse_both(only, to, "modified" if modified else None)
        scripting = self._place.scripting("revert", variables, runner)
        wish = Wish(to, modified, log_only, scripting, confirm, only)
        self._place.require_registry()
        with self._place.locked(lock_timeout):
            return Reverting(self._place, wish).run()

    def _refuse_protected(self, yes_really: str | None) -> None:
        destination = self.destination
        if yes_really is not None and yes_really != destination:
            raise ProtectedTargetError(
                f'--yes-really {shlex.quote(yes_really)} is not the name of this target, which is "{destination}"',
                hint=f"Nothing was reverted. If you mean this one, type --yes-really {shlex.quote(destination)}",
            )
        if self._place.target.protected and yes_really is None:
            raise ProtectedTargetError(
                f'Target "{destination}" is protected and is not reverted without its name',
                hint=f"Nothing was reverted. If you really mean it, add --yes-really {shlex.quote(destination)}",
            )

    def rebase(
        self,
        onto: str | None = None,
        upto: str | None = None,
        *,
        modified: bool = False,
        mode: Mode = "all",
        verify: bool = False,
        log_only: bool = False,
        deploy_variables: Mapping[str, str] | None = None,
        revert_variables: Mapping[str, str] | None = None,
        lock_timeout: float = DEFAULT_LOCK_TIMEOUT,
        runner: Runner = "native",
        transaction: Transaction = "change",
        verify_when: VerifyWhen = "inside",
        confirm: Callable[[RevertQuestion], bool] | None = None,
        between: Callable[[], None] | None = None,
        yes_really: str | None = None,
    ) -> Report:
        """Revert to ``onto`` (or everything), then deploy to ``upto`` (or the end of the plan), under one lock.

        ``between`` is called when what was to go is reverted; the plan is read anew after it, for it may have changed.
        The other options, and what is raised, are those of :meth:`revert` and :meth:`deploy`.
        """
        self._refuse_protected(yes_really)
        self._refuse_run_in_callers(transaction)
        if upto is not None and between is None and find_in_plan(self._place.plan, upto) is None:
            raise UnknownChangeError(f'Unknown change: "{upto}"', hint="Nothing was reverted or deployed.")
        with self._place.locked(lock_timeout):
            reverted = self.revert(
                onto,
                modified=modified,
                log_only=log_only,
                variables=revert_variables,
                runner=runner,
                confirm=confirm,
                yes_really=yes_really,
            )
            if reverted.message:
                self._place.tell(events.Noted(reverted.message))
            if between is not None:
                between()
                self._place.reread()
            try:
                deployed = self.deploy(
                    upto,
                    mode=mode,
                    verify=verify,
                    log_only=log_only,
                    variables=deploy_variables,
                    runner=runner,
                    transaction=transaction,
                    verify_when=verify_when,
                )
            except RunError as error:
                error.report = _joined(reverted, error.report)
                raise
        return _joined(reverted, deployed)

    def preview_revert(
        self,
        to: str | None = None,
        *,
        modified: bool = False,
        variables: Mapping[str, str] | None = None,
        runner: Runner = "native",
        only: str | None = None,
        sql: bool = False,
    ) -> Preview:
        """What :meth:`revert` would do, in order, and with ``sql`` what it would send; of protected targets, too."""
        from sqitchpy.reverting import Reverting, Wish

        _refuse_both(only, to, "modified" if modified else None)
        wish = Wish(to, modified, False, self._place.scripting("revert", variables, runner), only=only)
        return Reverting(self._place, wish).preview(sql=sql)

    def verify(
        self,
        since: str | None = None,
        to: str | None = None,
        *,
        variables: Mapping[str, str] | None = None,
        runner: Runner = "native",
        jobs: int = 1,
    ) -> VerifyReport:
        """Run the verify scripts of deployed changes, from ``since`` to ``to``; nothing they do is kept.

        With ``jobs`` that many run at once, each in a session of its own; events come in the same order all the same.

        Raises VerifyError, whose ``report`` says what was found, when something is wrong.
        """
        from sqitchpy.verification import Verification

        self._place.require_registry()
        plan = self._place.plan
        scripting = self._place.scripting("verify", variables, runner)
        deployed = self._place.engine.registry.deployed_changes(plan.project)
        if not deployed:
            self._place.tell(events.RunStarted("verify", self.destination, ()))
            words = "No changes deployed" if plan.changes else "Nothing to verify (no planned or deployed changes)"
            return VerifyReport(self.destination, 0, 0, message=words)
        wanted = self._to_verify(plan, deployed, since, to)
        verification = Verification(
            self._place.engine,
            plan,
            self.destination,
            self._place.tell,
            script=lambda change: self._place.script("verify", change, scripting, deployed),
        )
        report = verification.run(wanted, to_the_end=to is None, jobs=jobs)
        if report.errors:
            raise VerifyError("Verify failed", report=report)
        return report

    def _to_verify(self, plan: Plan, deployed: Sequence[DeployedChange], since: str | None, to: str | None) -> Range:
        """The range to verify. When there is none, that is said below the headline, as Sqitch does."""
        from sqitchpy.verification import choose

        try:
            if not plan.changes:
                raise RegistryError("There are deployed changes, but none planned!")
            return choose(plan, deployed, since, to)
        except SqitchpyError:
            self._place.tell(events.RunStarted("verify", self.destination, ()))
            raise

    def check(self, since: str | None = None, to: str | None = None) -> CheckReport:
        """Compare the deploy scripts with what was deployed, from ``since`` to ``to``; the first difference ends it."""
        from sqitchpy.checking import check
        from sqitchpy.verification import choose

        place = self._place
        place.require_registry()
        place.tell(events.CheckStarted(self.destination))
        deployed = place.engine.registry.deployed_changes(place.plan.project)
        if not deployed:
            words = "No changes deployed" if place.plan.changes else "Nothing to check (no planned or deployed changes)"
            return CheckReport(self.destination, 0, message=words)
        if not place.plan.changes:
            raise RegistryError("There are deployed changes, but none planned!")
        wanted = choose(place.plan, deployed, since, to)
        return check(self.destination, wanted, place.plan.changes, lambda change: place.files.source("deploy", change))

    def repair(
        self,
        *,
        lock_timeout: float = DEFAULT_LOCK_TIMEOUT,
        confirm: Callable[[RepairReport], bool] | None = None,
    ) -> RepairReport:
        """Make the registry say what the plan and the scripts say now: hashes of edited scripts, ids that have moved.

        ``confirm`` is asked once, when it is known what is going to be changed; Refusal is raised when it says no. What
        cannot be told without guessing is left alone; the report lists it. Raises RegistryError, LockTimeoutError …
        """
        from sqitchpy.repairing import Repairing

        self._place.require_registry()
        with self._place.locked(lock_timeout):
            return Repairing(self._place).run(confirm)

    def preview_repair(self) -> RepairReport:
        """What :meth:`repair` would do."""
        from sqitchpy.repairing import Repairing

        self._place.require_registry()
        return Repairing(self._place).preview()

    def upgrade(self, *, lock_timeout: float = DEFAULT_LOCK_TIMEOUT) -> bool:
        """Bring the registry to the present version; False when it was. Raises RegistryError when there is none."""
        place = self._place
        with place.locked(lock_timeout):
            version = place.engine.registry.version()
            refuse_newer(version)
            if version is None:
                raise place.no_registry()
            if version == REGISTRY_VERSION:
                return False
            words = f"Upgrading registry {place.target.registry_destination} to version {REGISTRY_VERSION:g}"
            place.tell(events.Noted(words))
            place.upgrade_registry(version)
        return True

    def status(self, *, project: str | None = None, with_changes: bool = False) -> Status:
        """Where the database stands. Raises RegistryError when it cannot be told of which project."""
        place = self._place
        plan = place.plan if place.project.has_plan(place.target) else None
        version = place.engine.registry.version()
        name = project or (plan.project if plan else None)
        if name is None:
            name = place.only_project()
        standing = place.engine.registry.standing(name) if version is not None else None
        state = standing.latest if standing else None
        if version is not None:
            place.warn_of_unfinished()
        if state is None:
            return Status(self.destination, name, None, plan.changes if plan else None, place.target.plan_file)
        same = plan is not None and plan.project == name
        planned = plan.by_id.get(state.id) if plan is not None and same else None
        pending = plan.changes[planned.position + 1 :] if plan is not None and planned else None
        gaps = place.warn_of_gaps(standing) if planned else ()
        return Status(
            self.destination,
            name,
            state,
            pending,
            place.target.plan_file,
            deployed=tuple(place.engine.registry.deployed_changes(name)) if with_changes else (),
            unknown_to_plan=same and planned is None,
            gaps=gaps,
        )

    def log(self, wanted: LogFilter | None = None) -> Iterator[EventRow]:
        """The registry's events, newest first. Raises Refusal when there is no registry."""
        if self._place.engine.registry.version() is None:
            raise Refusal(f"Database {self._place.target.registry_destination} has not been initialized for Sqitch")
        return self._place.engine.registry.events(wanted or LogFilter())

    def deployed_ids(self) -> frozenset[str]:
        """Ids of the plan's changes that are deployed."""
        if self._place.engine.registry.version() is None:
            return frozenset()
        return self._place.engine.registry.deployed_among([change.id for change in self._place.plan.changes])


def _refuse_both(only: str | None, *others: str | None) -> None:
    if only is not None and any(others):
        raise SqitchpyError(
            "--only goes with neither --to nor --modified: it names what is done and nothing else",
            hint="Nothing was changed. Leave one of them out.",
        )


def _joined(first: Report, second: Report) -> Report:
    """The report of a run that consists of two."""
    return second._replace(steps=first.steps + second.steps, seconds=first.seconds + second.seconds)
