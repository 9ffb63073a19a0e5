"""Regular expressions that are compiled when they are first used: a command needs few of them, and waits for all."""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


class Late:
    """Stands for a pattern. What is asked of it is kept, so that it is found at once the next time."""

    def __init__(self, text: Any, flags: int) -> None:
        self._text = text
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # copy and pickle ask before there is a text
            raise AttributeError(name)
        found = self.__dict__[name] = getattr(re.compile(self._text, self._flags), name)
        return found


def lazy(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What ``re.compile`` returns, but for when it is compiled: a mistake in ``text`` is told when it is first used.

    >>> lazy(r"[a-z]+").match("abc1")[0]
    'abc'
    """
    return cast("re.Pattern[AnyStr]", Late(text, flags))
