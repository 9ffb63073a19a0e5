"""Each conversion of the template language, with what Sqitch prints for it (1.6 where it differs from 1.3.1)."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqitchpy.cli.formatting import Item, compile_format, parse_date_format, render
from sqitchpy.errors import ConfigError
from sqitchpy.model import Person

ISO = parse_date_format("iso")
BERLIN = ZoneInfo("Europe/Berlin")
ID = "67728927b6becbcf7a08c97c8991ba01e1254c75"


def event(note: str = "Adds widgets.", *, name: str = "deploy") -> Item:
    return Item(
        event=name,
        id=ID,
        change="widgets",
        project="flipr",
        note=note,
        requires=("users", "users@v1.0"),
        conflicts=("other:dull", "other:grey"),
        tags=("@v1.0", "@v1.0b"),
        planner=Person("Bé Ünï", "be@example.com"),
        planned_at=datetime(2024, 7, 9, 22, 4, 5, tzinfo=UTC),
        committer=Person("Ann Ex", "ann@example.com"),
        committed_at=datetime(2024, 3, 31, 1, 0, 2, 987654, UTC),
    )


def planned(deploy_file: str | None = "deploy/users.sql") -> Item:
    return Item(
        event="deploy",
        id=ID,
        change="users",
        project="flipr",
        note="",
        requires=(),
        conflicts=(),
        tags=(),
        planner=Person("Ann Ex", "ann@example.com"),
        planned_at=datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC),
        deploy_file=deploy_file,
    )


def shown(template: str, item: Item, *, abbrev: int = 0, color: bool = True) -> str:
    """The text without the line feed that ends the item."""
    kind: Literal["log", "plan"] = "plan" if item.committer is None else "log"
    text = render(
        compile_format(f"format:{template}", kind), item, abbrev=abbrev, date_format=ISO, color=color, tz=BERLIN
    )
    assert text.endswith("\n")
    return text[:-1]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("%e %L %l", "deploy Deploy deploy"),
        ("%{foo}e", "deploy"),
        ("%H", ID),
        ("%h", ID),
        ("%{7}h", "6772892"),
        ("%{+7}h", "6772892"),
        ("%{7x}h", "6772892"),
        ("%{0}h", ID),
        ("%{}h", ID),
        ("%{100}h", ID),
        ("%{-3}h", "67728927b6becbcf7a08c97c8991ba01e1254"),
        ("%{00}h", ""),
        ("%{abc}h", ""),
        ("%n", "widgets"),
        ("%{a b}n", "widgets"),
        ("%o:%n", "flipr:widgets"),
        ("%F", ""),
        ("%c", "Ann Ex <ann@example.com>"),
        ("%{n}c|%{name}c", "Ann Ex|Ann Ex"),
        ("%{e}c|%{email}c", "ann@example.com|ann@example.com"),
        ("%{d}c|%{date}c", "2024-03-31 03:00:02 +0200|2024-03-31 03:00:02 +0200"),
        ("%{d:}c|%{d:0}c", "2024-03-31 03:00:02 +0200|2024-03-31 03:00:02 +0200"),
        ("%{d:rfc}c", "Sun, 31 Mar 2024 03:00:02 +0200"),
        ("%{date:raw}c", "2024-03-31T01:00:02Z"),
        ("%{date:default}c", "Mar 31, 2024, 3:00:02\u202fAM"),
        ("%{date:cldr:yyyy}c %{date:strftime:%H:%M}c", "2024 03:00"),
        ("[%{dates}c%{foo}c%{}c%{Date}c]", "[]"),
        ("%p", "Bé Ünï <be@example.com>"),
        ("%{name}p|%{e}p", "Bé Ünï|be@example.com"),
        ("%{date}p|%{date:iso8601}p", "2024-07-10 00:04:05 +0200|2024-07-10 00:04:05 +0200"),
        ("%t", " @v1.0, @v1.0b"),
        ("%{/}t", " @v1.0/@v1.0b"),
        ("%{}t|%{0}t", " @v1.0@v1.0b| @v1.00@v1.0b"),
        ("%T", " (@v1.0, @v1.0b)"),
        ("%{; }T", " (@v1.0; @v1.0b)"),
        ("%r", " users, users@v1.0"),
        ("%{/}r", " users/users@v1.0"),
        ("%R", "Requires:  users, users@v1.0\n"),
        ("%{; }R", "Requires:  users; users@v1.0\n"),
        ("%x", " other:dull, other:grey"),
        ("%X", "Conflicts: other:dull, other:grey\n"),
        ("%{; }X", "Conflicts: other:dull; other:grey\n"),
        ("a%vb%{x}v", "a\nb\n"),
        ("%{event}_%{change}_%{committer}_%{planner}_", "Event:    Change:   Committer:Planner:  "),
        ("%{by}_%{date}_%{committed}_%{planned}_", "By:       Date:     Committed:Planned:  "),
        ("%{name}_%{project}_%{email}_", "Name:     Project:  Email:    "),
        ("%{requires}_%{conflicts}_", "Requires: Conflicts:"),
        ("%{red}C|%{reset}C", "\033[31m|\033[0m"),
        ("%{bold RED}C", "\033[1;31m"),
        ("%{:event}C", "\033[32m"),
        ("[%{ }C]", "[]"),
        ("%{event}a", "event     deploy\n"),
        ("%{project}a", "project   flipr\n"),
        ("%{change_id}a", f"change_id {ID}\n"),
        ("%{change}a", "change    widgets\n"),
        ("%{note}a", "note      Adds widgets.\n"),
        ("%{tags}a", "tags      @v1.0, @v1.0b\n"),
        ("%{requires}a", "requires  users, users@v1.0\n"),
        ("%{conflicts}a", "conflicts other:dull, other:grey\n"),
        ("%{planned_at}a", "planned_at 2024-07-09T22:04:05Z\n"),
        ("%{planner_name}a", "planner_name Bé Ünï\n"),
        ("%{planner_email}a", "planner_email be@example.com\n"),
        ("%{committed_at}a", "committed_at 2024-03-31T01:00:02Z\n"),
        ("%{committer_name}a", "committer_name Ann Ex\n"),
        ("%{committer_email}a", "committer_email ann@example.com\n"),
    ],
)
def test_a_conversion_prints_what_sqitch_log_prints(template: str, expected: str) -> None:
    assert shown(template, event()) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("%F", "deploy/users.sql"),
        ("%{deploy_file}a", "deploy_file deploy/users.sql\n"),
        ("%c", " <>"),
        ("[%{n}c%{email}c%{foo}c%{dates}c]", "[]"),
        ("[%t%T%r%R%x%X]", "[]"),
        ("[%{tags}a%{requires}a%{conflicts}a]", "[]"),
        ("%{note}a", "note      \n"),
        ("%{date:rfc}p", "Tue, 02 Jan 2024 04:04:05 +0100"),
        ("%5t|%05t|%-5t|%1t|", "     |00000|     | |"),
    ],
)
def test_a_conversion_prints_what_sqitch_plan_prints(template: str, expected: str) -> None:
    assert shown(template, planned()) == expected


def test_a_change_without_a_deploy_file_has_no_line_for_it() -> None:
    assert shown("[%F%{deploy_file}a]", planned(None)) == "[]"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("%5n|%10n|%-10n|", "widgets|   widgets|widgets   |"),
        ("%010n|%-010n|", "000widgets|widgets   |"),
        ("%.3n|%10.3n|%-10.3n|", "wid|       wid|wid       |"),
        ("%.0n|%.n|%5.n|%0n|%00n", "widgets|widgets|widgets|widgets|widgets"),
        ("[%.00n]", "[]"),
        ("%02.1n|%.2t", "0w| @"),
        ("%20{/}t|", "        @v1.0/@v1.0b|"),
        ("%10{red}C|", "     \033[31m|"),
        ("%%n|100%", "%n|100%"),
        ("% n %\n", "% n %\n"),
        ("%{a} }B", "a} Adds widgets."),
        ("\\n é%{é}s", "\\n ééAdds widgets."),
    ],
)
def test_widths_percent_signs_and_braces_are_read_as_sqitch_reads_them(template: str, expected: str) -> None:
    assert shown(template, event()) == expected


@pytest.mark.parametrize(
    ("note", "template", "expected"),
    [
        ("One.\nTwo.\n\n  Four.", "%s", "One."),
        ("One.\nTwo.\n\n  Four.", "%{> }s", "> One."),
        ("One.\nTwo.\n\n  Four.", "%b", "Two.\n\n  Four."),
        ("One.\nTwo.\n\n  Four.", "%{> }b", "> Two.\n> \n>   Four."),
        ("One.\nTwo.\n\n  Four.", "%B|%{}B", "One.\nTwo.\n\n  Four.|One.\nTwo.\n\n  Four."),
        ("One.\nTwo.\n\n  Four.", "%{    }B", "    One.\n    Two.\n    \n      Four."),
        ("One.\n\n\nFour.", "%b", "Four."),
        ("One.", "[%b%{> }b]", "[]"),
        ("", "[%s|%{> }s|%b|%B|%{> }B]", "[|> |||> ]"),
        ("0", "%s%b%B%{> }B", "00> 0"),
        ("One.\n", "[%b]%{> }B", "[]> One.\n"),
        ("\na\n", "%s[%b]", "[\na\n]"),
        ("One.\rTwo.\x0bThree.", "%s|%b", "One.|Three."),
        ("One.\u2028Two.", "%s|%{> }b", "One.|> Two."),
        ("\\1 $1 \\g<0>", "%{\\1$1}B", "\\1$1\\1 $1 \\g<0>"),
    ],
)
def test_a_note_is_cut_into_subject_and_body_where_sqitch_cuts_it(note: str, template: str, expected: str) -> None:
    assert shown(template, event(note)) == expected


@pytest.mark.parametrize(("name", "code"), [("deploy", "32"), ("revert", "34"), ("fail", "31")])
def test_the_colour_of_an_event_says_what_happened(name: str, code: str) -> None:
    assert shown("%{:event}C%L", event(name=name)) == f"\033[{code}m{name.capitalize()}"


def test_without_colour_nothing_but_the_sequences_is_left_out() -> None:
    assert shown("%{:event}Ca%{bold red}Cb%5{reset}Cc", event(), color=False) == "ab     c"


@pytest.mark.parametrize(("abbrev", "expected"), [(0, ID), (6, "677289"), (-5, "67728927b6becbcf7a08c97c8991ba01e12")])
def test_abbrev_shortens_short_ids_alone(abbrev: int, expected: str) -> None:
    assert shown("%h", event(), abbrev=abbrev) == expected
    assert shown("%{4}h %H", event(), abbrev=abbrev) == f"6772 {ID}"


@pytest.mark.parametrize("kind", ["log", "plan"])
@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("%z", 'Unknown format code "z"'),
        ("%{foo}z", 'Unknown format code "z"'),
        ("%é", 'Unknown format code "é"'),
        ("%5%", 'Unknown format code "%"'),
        ("%-", 'Unknown format code "-"'),
        ("%5 n", 'Unknown format code "5"'),
        ("%{a}", 'Unknown format code "{"'),
        ("%{a\nb}n", 'Unknown format code "{"'),
        ("%1.2.3n", 'Unknown format code "."'),
        ("%_", "No label passed to the _ format"),
        ("%{}_", 'Unknown label "" passed to the _ format'),
        ("%{foo}_", 'Unknown label "foo" passed to the _ format'),
        ("%C", "{color} is not a valid ANSI color"),
        ("%{}C", " is not a valid ANSI color"),
        ("%{0}C", "0 is not a valid ANSI color"),
        ("%{nope}C", "nope is not a valid ANSI color"),
        ("%{red,bold}C", "red,bold is not a valid ANSI color"),
        ("%a", "{attr} is not a valid change attribute"),
        ("%{}a", " is not a valid change attribute"),
        ("%{foo}a", "foo is not a valid change attribute"),
        ("%{date:bogus}p", 'Unknown date format "bogus"'),
        ("%{date:cldr}p", 'Unknown date format "cldr"'),
        ("%{d:iso:x}p", 'Unknown date format "iso:x"'),
        ("%n%{d:x}p%z", 'Unknown date format "x"'),
        ("%n%z%{d:x}p", 'Unknown format code "z"'),
    ],
)
def test_the_first_mistake_in_a_template_is_told_in_sqitchs_words(
    kind: Literal["log", "plan"], template: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        compile_format(f"format:{template}", kind)
    assert caught.value.message == message
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("kind", "attribute"),
    [("plan", "committed_at"), ("plan", "committer_name"), ("plan", "committer_email"), ("log", "deploy_file")],
)
def test_an_attribute_of_the_other_command_is_refused(kind: Literal["log", "plan"], attribute: str) -> None:
    with pytest.raises(ConfigError, match=f"^{attribute} is not a valid change attribute$"):
        compile_format(f"format:%{{{attribute}}}a", kind)


def test_a_commit_date_in_a_plan_is_refused() -> None:
    with pytest.raises(ConfigError) as caught:
        compile_format("format:%{date}c", "plan")
    assert caught.value.message == "%{date}c is of no use in a plan: nothing is committed yet"
    assert caught.value.code == 2


@given(st.text().filter(lambda text: "%" not in text))
def test_text_without_a_percent_sign_is_printed_as_it_stands(text: str) -> None:
    assert shown(text, event()) == text


@given(note=st.text(), width=st.integers(1, 60), maximum=st.integers(1, 60))
def test_a_padded_and_cut_value_is_as_wide_as_asked(note: str, width: int, maximum: int) -> None:
    cut = note[:maximum]
    left = shown(f"%-{width}.{maximum}B", event(note))
    right = shown(f"%{width}.{maximum}B", event(note))
    assert len(left) == len(right) == max(width, len(cut))
    assert left.startswith(cut)
    assert right.endswith(cut)


@given(st.lists(st.text(st.characters(exclude_characters="\n")), min_size=1).filter(lambda lines: lines[-1] != ""))
def test_a_prefix_stands_before_every_line_of_a_note(lines: list[str]) -> None:
    assert shown("%{> }B", event("\n".join(lines))).split("\n") == [f"> {line}" for line in lines]


@given(st.text(st.sampled_from("%{}.-0129nhtCa_bBpcdate:red \n"), max_size=12))
def test_no_template_fails_with_anything_but_a_refusal(template: str) -> None:
    with suppress(ConfigError):
        shown(template, event("One.\nTwo."))
