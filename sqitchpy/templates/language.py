r"""The language of templates: the part of Template Toolkit's that scripts need. Pure: text and values in, text out.

::

    [% name %]  [% list.0 %]  [% name | upper %] a value, perhaps through filters; nothing when there is none
    [% IF name %] … [% ELSE %] … [% END %]       unless the value is empty, 0 or not there; a list always counts
    [% UNLESS name %] … [% END %]                the opposite
    [% FOREACH item IN list %] … [% END %]       once for each item; of a text, once for the text
    [%# a comment %]

``[%-`` takes away the line end and the blanks before it when only blanks stand between; ``-%]`` takes away blanks and
the line end after it; ``[%~`` and ``~%]`` take away all blanks and line ends there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqitchpy.errors import SqitchpyError

Value = str | Sequence[str]
Variables = Mapping[str, Value]

_NAME = r"[A-Za-z_][\w.]*"
_TAG = re.compile(
    rf"""
    (?: (?: (?: \A | \n ) [ \t]* )? \[%- | (?P<blanks> (?<!\s) \s* )? \[%~ | \[% \+? )
    (?: (?P<comment> \# (?: (?! %\] ) . )*? )
      | \s* (?:
          (?P<end> END ) | (?P<else> ELSE )
        | (?P<word> IF | UNLESS ) \s+ (?P<test> {_NAME} )
        | (?: FOREACH | FOR ) \s+ (?P<item> [A-Za-z]\w* ) \s* (?: \bIN\b | = ) \s* (?P<list> {_NAME} )
        | (?! (?: IF | UNLESS | FOREACH | FOR ) \b ) (?P<value> {_NAME} ) (?P<filters> (?: \s* \| \s* [a-z]+ )* )
        | (?P<odd> (?: (?! %\] ) . )*? )
      ) \s* ;? \s*
    )
    (?: \+? %\] | -%\] (?: [ \t]* \n )? | ~%\] \s* )
    """,
    re.VERBOSE | re.ASCII | re.DOTALL,
)
_FILTERS: Mapping[str, Callable[[str], str]] = {
    "upper": str.upper,
    "lower": str.lower,
    "trim": str.strip,
    "ucfirst": lambda text: text[:1].upper() + text[1:],
    "lcfirst": lambda text: text[:1].lower() + text[1:],
}
_KNOWN = "IF, UNLESS, ELSE, FOREACH, END, variables, and the filters upper, lower, trim, ucfirst and lcfirst"


@dataclass(slots=True)
class _Block:
    """What stands between a tag and its END, and between ELSE and END; ``line`` is the tag's."""

    line: int
    word: str
    subject: str
    item: str = ""
    body: list[_Node] = field(default_factory=list)
    otherwise: list[_Node] | None = None

    @property
    def last(self) -> list[_Node]:
        return self.body if self.otherwise is None else self.otherwise


@dataclass(frozen=True, slots=True)
class _Print:
    subject: str
    filters: tuple[str, ...]


_Node = str | _Print | _Block


def render_template(text: str, variables: Variables, name: str = "template") -> str:
    """Fill a template in.

    Raises:
        SqitchpyError: it holds what is not understood; ``name`` is how the message calls it.
    """
    try:
        return "".join(_rendered(_parse(text), variables))
    except _Odd as odd:
        raise SqitchpyError(f"Error executing {name}: {odd}", hint=f"Templates know {_KNOWN}.") from odd


class _Odd(Exception):
    """Something in a template that is not understood."""


def _parse(text: str) -> list[_Node]:
    stack = [_Block(0, "", "")]
    done = 0
    for tag in _TAG.finditer(text):
        stack[-1].last.append(text[done : tag.start()])
        done = tag.end()
        if tag["comment"] is None:
            _take(stack, tag, text.count("\n", 0, tag.end()) + 1)
    stack[-1].last.append(text[done:])
    if len(stack) > 1:
        raise _Odd(f"line {stack[-1].line}: {stack[-1].word} has no END")
    return stack[0].body


def _take(stack: list[_Block], tag: re.Match[str], line: int) -> None:
    block = stack[-1]
    if tag["value"]:
        filters = tuple(re.findall(r"[a-z]+", tag["filters"]))
        if unknown := [each for each in filters if each not in _FILTERS]:
            raise _Odd(f"line {line}: unknown filter {unknown[0]}")
        block.last.append(_Print(tag["value"], filters))
    elif tag["test"]:
        stack.append(_Block(line, tag["word"], tag["test"]))
    elif tag["list"]:
        stack.append(_Block(line, "FOREACH", tag["list"], tag["item"]))
    elif tag["else"] and len(stack) > 1 and block.otherwise is None:
        block.otherwise = []
    elif tag["end"] and len(stack) > 1:
        stack.pop()
        stack[-1].last.append(block)
    else:
        raise _Odd(f"line {line}: {tag[0].strip()}")


def _rendered(nodes: Iterable[_Node], variables: Variables) -> Iterable[str]:
    for node in nodes:
        if isinstance(node, str):
            yield node
        elif isinstance(node, _Print):
            yield _filtered(_look_up(node.subject, variables), node.filters)
        elif node.word == "FOREACH":
            for item in _items(_look_up(node.subject, variables)):
                yield from _rendered(node.body, {**variables, node.item: item})
        else:
            holds = _is_true(_look_up(node.subject, variables)) == (node.word == "IF")
            yield from _rendered(node.body if holds else node.otherwise or [], variables)


def _look_up(subject: str, variables: Variables) -> Value:
    """A variable, or after a dot an item of a list. A name that begins with an underscore is private: nothing."""
    name, *path = subject.split(".")
    value = variables.get(name, "") if not name.startswith("_") else ""
    for step in path:
        inside = not isinstance(value, str) and step.isdecimal() and int(step) < len(value)
        value = value[int(step)] if inside else ""
    return value


def _is_true(value: Value) -> bool:
    return value not in ("", "0")


def _items(value: Value) -> Sequence[str]:
    if isinstance(value, str):
        return (value,) if _is_true(value) else ()
    return value


def _filtered(value: Value, filters: Iterable[str]) -> str:
    text = value if isinstance(value, str) else " ".join(value)
    for each in filters:
        text = _FILTERS[each](text)
    return text
