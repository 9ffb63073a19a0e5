"""Yes or no, asked as Sqitch asks it; and the question before a revert."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from typing import TextIO

from sqitchpy.cli.console import Console
from sqitchpy.cli.invocation import Invocation
from sqitchpy.cli.options import evaluated
from sqitchpy.errors import SqitchpyError
from sqitchpy.options import RevertQuestion

Confirm = Callable[[RevertQuestion], bool]

_TRIES = 3


def ask_yes_no(question: str, *, default: bool, answers: TextIO | None, out: TextIO) -> bool:
    """Ask until the answer is a beginning of yes or no, three times at most; nothing means the default.

    With nobody there to answer (the answers are at their end, and this is no terminal) the default is taken, and shown
    as if it had been typed: an unattended ``revert`` reverts. Answers from a pipe are read like typed ones.

    Raises:
        SqitchpyError: three answers, none of them yes or no.
    """
    shown = "Yes" if default else "No"
    for _ in range(_TRIES):
        out.write(f"{question} [{shown}] ")
        out.flush()
        answer = (_read_answer(answers, out, shown) or shown).lower()
        if "yes".startswith(answer):
            return True
        if "no".startswith(answer):
            return False
        out.write('Please answer "y" or "n".\n')
        out.flush()
    raise SqitchpyError(f"No valid answer after {_TRIES} attempts; aborting")


def _read_answer(answers: TextIO | None, out: TextIO, shown: str) -> str:
    if answers is None or answers.closed:
        line = ""
    else:
        line = answers.readline()
    if not line and not (answers and _is_interactive(answers)):
        out.write(f"{shown}\n")
        out.flush()
    return line.removesuffix("\n")


def _is_interactive(answers: TextIO) -> bool:
    """A person is there: a terminal to type at, and the output is not a file (a pipe may well lead to a person)."""
    if not answers.isatty():
        return False
    if sys.stdout.isatty():
        return True
    mode = os.fstat(sys.stdout.fileno()).st_mode
    return not (stat.S_ISREG(mode) or stat.S_ISCHR(mode))


@evaluated()
def confirmation(invocation: Invocation, yes: bool, *commands: str) -> Confirm | None:
    """Who is asked before a revert; None when nobody is.

    ``commands`` are the configuration's sections that say so, the first that has the setting: a rebase looks at
    ``rebase.no_prompt``, then at ``revert.no_prompt``.
    """
    config, console = invocation.project.config, invocation.console

    def setting(name: str, default: bool) -> bool:
        section = next((each for each in commands if config.get(f"{each}.{name}") is not None), commands[-1])
        return config.get_bool(f"{section}.{name}", default=default)

    accept = setting("prompt_accept", True)
    if yes or setting("no_prompt", False):
        return None

    return lambda question: ask(console, question_text(question), default=accept)


def ask(console: Console, question: str, *, default: bool) -> bool:
    """Ask whoever is at the standard input; on the standard error where the standard output is for a document."""
    return ask_yes_no(question, default=default, answers=sys.stdin, out=console.err if console.as_json else console.out)


def question_text(question: RevertQuestion) -> str:
    """Sqitch's question; for ``--only`` one that names all that goes."""
    if question.only:
        return f"Revert only {', '.join(question.labels)} from {question.destination}?"
    if question.to is None:
        return f"Revert all changes from {question.destination}?"
    return f"Revert changes to {question.to} from {question.destination}?"
