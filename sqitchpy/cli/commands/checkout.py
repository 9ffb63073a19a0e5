"""``sqitchpy checkout``: change to another branch, and the database with it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import click

from sqitchpy.cli.command import Command
from sqitchpy.cli.invocation import Invocation, conducted
from sqitchpy.cli.options import stacked, target_option
from sqitchpy.cli.rebasing import rebasing_options, rebasing_settings
from sqitchpy.cli.runs import conduct, read_arguments, split_overrides, warn_of_top_dir
from sqitchpy.errors import Refusal, SqitchpyError

if TYPE_CHECKING:
    from sqitchpy.model import Change
    from sqitchpy.report import Report
    from sqitchpy.session import TargetSession
    from sqitchpy.target import Target

EXAMPLES = (
    "sqitchpy checkout feature          to the branch feature, after asking",
    "sqitchpy checkout -y main staging  to main, without asking, with the database of the target staging",
)


@click.command(
    "checkout",
    cls=Command,
    synopsis="[TARGET] BRANCH",
    examples=EXAMPLES,
    help="Revert the changes that BRANCH does not have, check it out with git, and deploy what its plan has. "
    "The changes are reverted with the scripts of the present branch and deployed with those of the other.",
)
@target_option
@stacked(rebasing_options)
@conducted
def command(invocation: Invocation, words: tuple[str, ...], target: str | None, **given: Any) -> int:
    """Options in, a run out."""
    overrides, options = split_overrides(given)
    settings = rebasing_settings(invocation, "checkout", options)
    warn_of_top_dir(invocation, "checkout", overrides)
    arguments = read_arguments(invocation, words, target, overrides, takes_changes=False, takes_names=1)
    if not arguments.names:
        raise click.UsageError("Name the branch to check out.", click.get_current_context())
    (branch,), chosen = arguments.names, arguments.targets[0]
    git = _Git(invocation, branch)
    common = _last_common(invocation, git, chosen)
    invocation.console.info(f"Last change before the branches diverged: {common.label}")

    def work(session: TargetSession) -> Report:
        return session.rebase(common.id, between=git.check_out, **settings)

    conduct(invocation, "deploy", chosen, work)
    return 0


def _last_common(invocation: Invocation, git: _Git, target: Target) -> Change:
    """The last change that both plans have, all before it being the same. Raises SqitchpyError, Refusal."""
    from sqitchpy.plan import parse_plan
    from sqitchpy.schedule import last_in_common

    current = git.current_branch()
    if current == git.branch:
        raise Refusal(f"Already on branch {git.branch}")
    other = parse_plan(git.show(target.plan_file), f"{git.branch}:{target.plan_file}")
    common = last_in_common(other, invocation.project.plan(target))
    if common is None:
        raise SqitchpyError(
            f"Branch {git.branch} has no changes in common with current branch {current}",
            hint="Nothing was changed. To begin anew: revert everything, check the branch out, deploy.",
        )
    return common


class _Git:
    """What is asked of git, or of whatever ``core.vcs.client`` names in its place."""

    def __init__(self, invocation: Invocation, branch: str) -> None:
        self.branch = branch
        self._client = invocation.project.config.get("core.vcs.client") or "git"
        self._directory = invocation.project.directory
        self._quiet = invocation.console.as_json

    def current_branch(self) -> str:
        return self._read("rev-parse", "--abbrev-ref", "HEAD").decode("utf-8", "replace").strip()

    def show(self, file: str) -> bytes:
        """A file as it is on the branch."""
        return self._read("show", f"{self.branch}:./{os.path.relpath(file, self._directory)}")

    def check_out(self) -> None:
        """Check the branch out; what git says is for the user."""
        done = self._run("checkout", self.branch, stdout=sys.stderr if self._quiet else None)
        if done.returncode != 0:
            raise self._failed(
                done.returncode,
                "What the branch does not have is reverted, and this branch is still checked out. Make room for the "
                f"other one (git stash, git commit), then run “sqitchpy checkout {self.branch}” again.",
            )

    def _read(self, *words: str) -> bytes:
        done = self._run(*words, stdout=subprocess.PIPE)
        if done.returncode != 0:
            raise self._failed(done.returncode, "Nothing was changed.")
        return bytes(done.stdout)

    def _run(self, *words: str, stdout: Any) -> subprocess.CompletedProcess[bytes]:
        sys.stdout.flush()
        try:
            return subprocess.run([self._client, *words], cwd=self._directory, stdout=stdout, check=False)
        except OSError as error:
            hint = "Nothing was changed. Install git, or name it with core.vcs.client."
            raise SqitchpyError(f"{self._client} cannot be run: {error.strerror}", hint=hint) from error

    def _failed(self, code: int, hint: str) -> SqitchpyError:
        return SqitchpyError(f'"{self._client}" unexpectedly returned exit value {code}', hint=hint)
