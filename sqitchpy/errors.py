"""Every error that sqitchpy raises on purpose.

::

    SqitchpyError                   exit code 2
    ├── Refusal                     exit code 1: nothing is wrong, there is just nothing to do (or the user said no)
    ├── ConfigError                 a configuration file or value; exit code 255 where Sqitch's is
    ├── TargetError                 no such target, a URI that cannot be used
    ├── ProtectedTargetError        a revert of a protected target, without its name
    ├── PlanError                   a plan file that cannot be read; carries every fault found
    ├── UnknownChangeError          a reference that names nothing, or too much
    ├── ScriptError                 a script that cannot be run as it stands; nothing of it was run
    ├── EngineError                 the database refused; carries SQLSTATE and friends
    │   ├── ConnectionLostError     the server went away
    │   └── StatementError          one statement of one script failed
    ├── RegistryError               the registry is absent, of another version, or contradicts the plan
    ├── LockTimeoutError            another deployer holds the lock
    ├── DeployError  RevertError  VerifyError
    │                               a run ended early; ``report`` says what was done
    ├── InterruptedRunError         Ctrl-C; exit code 130
    └── EmbeddedError               the embedded PostgreSQL server

The first argument is the message: Sqitch's own words, verbatim, wherever Sqitch has the same error. ``hint`` says what
to type next. Both are printed by the command line; neither ever holds a password.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

if TYPE_CHECKING:
    from sqitchpy.report import Report, VerifyReport


class SqitchpyError(Exception):
    """Base of all errors raised by sqitchpy."""

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, *, hint: str | None = None, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = self.exit_code if exit_code is None else exit_code


class Refusal(SqitchpyError):
    """Nothing is wrong: there is nothing to do, or the user declined. Sqitch prints these on stdout."""

    exit_code = 1


class ConfigError(SqitchpyError):
    """A configuration file or value cannot be used."""


class TargetError(SqitchpyError):
    """A target cannot be found or its URI cannot be used."""


class ProtectedTargetError(SqitchpyError):
    """A protected target is not reverted unless its name is given; or the name that was given is another target's."""


class PlanFault(NamedTuple):
    """One thing that is wrong in a plan: the line counted from 1 (0 when it is about the whole file) and the words."""

    line: int
    message: str


class PlanError(SqitchpyError):
    """A plan file cannot be read. ``faults`` holds all that is wrong with it; the message begins with Sqitch's."""

    def __init__(self, message: str, *, file: str, faults: Sequence[PlanFault] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.file = file
        self.faults = tuple(faults)


class UnknownChangeError(SqitchpyError):
    """A reference to a change or tag names nothing, or more than one thing."""


class ScriptError(SqitchpyError):
    """A script cannot be run as it stands; it says where (``file``, ``line``). Nothing of the script was run."""

    def __init__(self, message: str, *, file: str, line: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.file = file
        self.line = line


class LockHolder(NamedTuple):
    """Who holds a lock which we want, as far as the server tells us: a session, or a process where there is no server.

    ``since`` is when it has connected, or has begun its transaction for other locks than the deployment lock.
    """

    pid: int
    user: str | None
    application: str | None
    since: str | None
    query: str | None
    state: str | None = None
    """PostgreSQL's word for what it is doing (``idle in transaction``)."""
    called: str = "backend"
    """What ``pid`` is the number of: a server's backend, or connection, or a process."""

    def __str__(self) -> str:
        facts = (
            f"user {self.user}" if self.user else None,
            f"application {self.application}" if self.application else None,
            f"since {self.since}" if self.since else None,
            self.state,
        )
        return ", ".join((f"{self.called} {self.pid}", *filter(None, facts)))


class EngineError(SqitchpyError):
    """The database refused something, or cannot be reached."""

    def __init__(self, message: str, *, sqlstate: str | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.sqlstate = sqlstate


def reworded(error: SqitchpyError, text: str, *, hint: str | None = None) -> EngineError:
    """The error in other words; what it was is its cause, with all its fields."""
    sqlstate = error.sqlstate if isinstance(error, EngineError) else None
    new = EngineError(text, sqlstate=sqlstate, hint=hint or error.hint)
    new.__cause__ = error
    return new


class ConnectionLostError(EngineError):
    """The connection to the server broke while it was in use."""


class Diagnostics(NamedTuple):
    """What the database says of a failed statement, field by field, and where the statement stands."""

    file: str
    line: int
    severity: str
    message: str
    sqlstate: str | None = None
    detail: str | None = None
    hint: str | None = None
    context: str | None = None
    statement: str | None = None
    position: int | None = None
    """Where in ``statement`` the error is, in characters from 1."""
    shown: str | None = None
    """The whole of it as the database's own client would say it, where that is not psql."""


class StatementError(EngineError):
    """One statement of a script failed. ``blockers`` hold the lock that it could not have, if that was why."""

    def __init__(
        self, diagnostics: Diagnostics, *, hint: str | None = None, blockers: Sequence[LockHolder] = ()
    ) -> None:
        from sqitchpy.diagnostics import render  # not at the top: diagnostics knows the errors

        super().__init__(render(diagnostics), sqlstate=diagnostics.sqlstate, hint=hint)
        self.diagnostics = diagnostics
        self.blockers = tuple(blockers)


def root_of(error: SqitchpyError) -> SqitchpyError:
    """The error that knows the statement, where another was raised from it; else the error itself."""
    cause = error
    while not isinstance(cause, StatementError) and isinstance(cause.__cause__, SqitchpyError):
        cause = cause.__cause__
    return cause if isinstance(cause, StatementError) else error


class RegistryError(SqitchpyError):
    """The registry is absent, of another version, or contradicts the plan."""


class LockTimeoutError(SqitchpyError):
    """Another deployer (``holder``, where it is known) held the lock for longer than the lock timeout."""

    def __init__(self, message: str, *, holder: LockHolder | None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.holder = holder


class RunError(SqitchpyError):
    """A run ended early. ``report`` says what was done before it did, ``change`` names the change that was under way.

    ``kept`` says whether something that its script did is still in the database; None when nobody can know. ``failure``
    is what went wrong there: a StatementError, say, with all that PostgreSQL said.
    """

    def __init__(
        self,
        message: str,
        *,
        report: Report,
        change: str,
        kept: bool | None,
        failure: SqitchpyError | None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.report = report
        self.change = change
        self.kept = kept
        self.failure = None if failure is None else root_of(failure)


class DeployError(RunError):
    """A deployment failed."""


class RevertError(RunError):
    """A revert failed."""


class VerifyError(SqitchpyError):
    """A verification found fault. ``report`` says where."""

    def __init__(self, message: str, *, report: VerifyReport, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.report = report


class InterruptedRunError(RunError):
    """The user interrupted the run (Ctrl-C). What was running was cancelled and rolled back."""

    exit_code = 130


class EmbeddedError(SqitchpyError):
    """The embedded PostgreSQL server cannot be started, found or stopped."""
