"""Rewriting a plan file. The expected lines are what Sqitch 1.3.1 wrote for the same file."""

from __future__ import annotations

import pytest

from sqitchpy.model import Dependency, Person
from sqitchpy.plan import format_change_line, format_tag_line, parse_plan, render

HEAD = "%syntax-version=1.0.0\n%project=p\n\n"
ANN = " 2024-01-02T03:04:05Z Ann Ex <ann@example.com>"
PLANNER = Person("Ann Ex", "ann@example.com")


@pytest.mark.parametrize(
    ("line", "written"),
    [
        (f"a{ANN}", f"a{ANN}"),
        (f" \t+  a \t{ANN[1:]}", f" \t+  a \t{ANN[1:]}"),
        (f"a{ANN}# note", f"a{ANN}# note"),
        (f"a{ANN}   #   note  ", f"a{ANN}   # note"),
        (f"a{ANN}  ", f"a{ANN}  "),
        (f"a{ANN}  #  ", f"a{ANN}  "),
        (f"a{ANN} # 0", f"a{ANN} # 0"),
        (rf"a{ANN} # a\tb \\ c\n", rf"a{ANN} # a\\tb \\ c\n"),
        ("a 2024-01-02T03:04:05Z\tAnn Ex <ann@example.com>", f"a{ANN}"),
        ("a 2024-01-02T03:04:05ZAnn Ex <ann@example.com>", f"a{ANN}"),
        (f"a  [x:b\t!c  x:d ]\t{ANN[1:]}", f"a  [x:b x:d !c]{ANN}"),
        (f"a [!p:c]{ANN}", f"a [!c]{ANN}"),
        (f"a[!@v1]{ANN}", f"a [!@v1]{ANN}"),
        ("  # c", "  # c"),
        ("#c  ", "# c"),
        ("#0", "# 0"),
        ("  #  ", "  "),
        (r"# a\tb", r"# a\\tb"),
    ],
)
def test_a_line_is_written_as_sqitch_writes_it(line: str, written: str) -> None:
    assert render(parse_plan(f"{HEAD}{line}\n", "f")) == f"{HEAD}{written}\n"


def test_a_tag_line_keeps_its_indentation_and_the_blanks_before_its_note() -> None:
    text = f"{HEAD}a{ANN}\n\n  @v1   {ANN[1:]}\t# note\n"
    assert render(parse_plan(text, "f")) == f"{HEAD}a{ANN}\n\n  @v1{ANN}\t# note\n"


@pytest.mark.parametrize(
    ("header", "written"),
    [
        ("%project=p\n\n", "%syntax-version=1.0.0\n%project=p\n\n"),
        ("# c\n%project=p\n\n", "%syntax-version=1.0.0\n# c\n%project=p\n\n"),
        (" % project  = p   # mine\n%syntax-version=7\n\n", " % project  = p   # mine\n%syntax-version=1.0.0\n\n"),
        ("%project=p\n%strict  \n%x=y z\n#0\n", "%syntax-version=1.0.0\n%project=p\n%strict  \n%x=y z\n# 0\n"),
    ],
)
def test_the_header_is_kept_but_for_the_version(header: str, written: str) -> None:
    assert render(parse_plan(header, "f")) == written


def test_a_version_without_value_gets_one() -> None:
    # Sqitch forgets the "=" and writes %syntax-version1.0.0, which it then reads as some other pragma.
    assert render(parse_plan("%syntax-version\n%project=p\n", "f")) == "%syntax-version=1.0.0\n%project=p\n"


def test_line_ends_become_line_feeds() -> None:
    assert render(parse_plan(f"{HEAD}a{ANN} \n\nb{ANN}".replace("\n", "\r\n"), "f")) == f"{HEAD}a{ANN} \n\nb{ANN}\n"


def test_what_sqitch_wrote_stays() -> None:
    text = f"{HEAD}a{ANN} # one\n@v1{ANN} # two\\nlines\n\n# c\nb [a !z other:x@v1]{ANN}\n".replace(
        "[a !z other:x@v1]", "[a other:x@v1 !z]"
    )
    assert render(parse_plan(text, "f")) == text


def test_a_new_change_line_is_sqitchs() -> None:
    line = format_change_line(
        "posts",
        "2024-01-02T03:04:05Z",
        PLANNER,
        "Adds posts.\nAll \\ of them.",
        [Dependency(False, None, "users", None), Dependency(False, "other", "x", "v1")],
        [Dependency(True, None, "old", None)],
    )
    assert line == rf"posts [users other:x@v1 !old]{ANN} # Adds posts.\nAll \\ of them."


def test_a_new_line_without_note_ends_after_the_planner() -> None:
    assert format_change_line("posts", "2024-01-02T03:04:05Z", PLANNER) == f"posts{ANN}"
    assert format_tag_line("v1", "2024-01-02T03:04:05Z", PLANNER) == f"@v1{ANN}"
    assert format_tag_line("v1", "2024-01-02T03:04:05Z", PLANNER, "First.") == f"@v1{ANN} # First."
