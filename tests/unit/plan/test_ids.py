"""Identity. The golden vectors are in test_golden.py; here are the rules for any plan."""

from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from sqitchpy.model import Person
from sqitchpy.plan import format_change_line, parse_plan, script_hash

text = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"], exclude_characters="<>#[]@:\\"), min_size=1)
notes = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).map(str.strip)


def restated(kind: str, lines: list[str]) -> str:
    """The rule once more, from the specification."""
    data = "\n".join(lines).encode()
    return hashlib.sha1(f"{kind} {len(data)}".encode() + b"\0" + data).hexdigest()


@given(st.lists(st.tuples(text, text, notes), min_size=1, max_size=6))
def test_every_id_is_the_hash_of_its_text_and_of_the_id_before(entries: list[tuple[str, str, str]]) -> None:
    body = [
        format_change_line(f"c{n}", "2024-01-02T03:04:05Z", Person(f"x{planner}", email), note)
        for n, (planner, email, note) in enumerate(entries)
    ]
    plan = parse_plan("%project=p\n%uri=http://ex.com/\n\n" + "".join(f"{line}\n" for line in body), "f")
    parent: list[str] = []
    for n, (planner, email, note) in enumerate(entries):
        lines = ["project p", "uri http://ex.com/", f"change c{n}", *parent, f"planner x{planner} <{email}>"]
        lines += ["date 2024-01-02T03:04:05Z", *(["", note] if note not in ("", "0") else [])]
        assert plan.changes[n].id == restated("change", lines)
        parent = [f"parent {plan.changes[n].id}"]


def test_a_script_is_hashed_as_it_is() -> None:
    assert script_hash(b"CREATE TABLE users(id int);\n") == "fefa06b649ec4b47ad425c78f6ed53a1c8fc52b0"
    assert script_hash(b"") == "da39a3ee5e6b4b0d3255bfef95601890afd80709"
