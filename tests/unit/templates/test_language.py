"""The language of templates: what each piece of it makes of a text."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sqitchpy.errors import SqitchpyError
from sqitchpy.templates import Value, render_template

VARIABLES: dict[str, Value] = {
    "change": "users",
    "Owner": "ann",
    "zero": "0",
    "empty": "",
    "list": ("a", "b"),
    "none": (),
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("", ""),
        ("no tags\n", "no tags\n"),
        ("[% change %]", "users"),
        ("[%change%] [%+ change +%]", "users users"),
        ("[% Owner | upper %]", "ANN"),
        ("[% Owner | upper | lcfirst %]", "aNN"),
        ("[% nothing %].", "."),
        ("[% list.0 %][% list.1 %][% list.2 %][% change.0 %]", "ab"),
        ("[% list %]", "a b"),
        ("[% IF change %]yes[% ELSE %]no[% END %]", "yes"),
        ("[% IF zero %]yes[% ELSE %]no[% END %]", "no"),
        ("[% IF empty %]yes[% END %]", ""),
        ("[% IF none %]yes[% END %]", "yes"),
        ("[% UNLESS nothing %]none[% ELSE %]some[% END %]", "none"),
        ("[% FOREACH x IN list %]<[% x %]>[% END %]", "<a><b>"),
        ("[% FOR x = list %]<[% x %]>[% END %]", "<a><b>"),
        ("[% FOREACH x IN change %]<[% x %]>[% END %]", "<users>"),
        ("[% FOREACH x IN nothing %]<[% x %]>[% END %]", ""),
        ("[% FOREACH x IN list %][% FOREACH y IN list %][% x %][% y %] [% END %][% END %]", "aa ab ba bb "),
        ("[% FOREACH x IN list -%]\n- [% x %]\n[% END -%]\n.", "- a\n- b\n."),
        ("a\n  [%- change -%]  \nb", "ausersb"),
        ("a [%- change -%] b", "a users b"),
        ("a \n\n [%~ change ~%] \n\n b", "ausersb"),
        ("[%# a comment, [% %]b", "b"),
        ("IN: [% INdex %]", "IN: "),
    ],
)
def test_a_template_is_filled_in(template: str, expected: str) -> None:
    assert render_template(template, VARIABLES) == expected


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("\n\n[% IF change %]", "line 3: IF has no END"),
        ("[% END %]", "line 1: [% END %]"),
        ("[% ELSE %]", "line 1: [% ELSE %]"),
        ("a\n[% IF change == 'x' %][% END %]", "line 2: [% IF change == 'x' %]"),
        ("[% change | shout %]", "line 1: unknown filter shout"),
        ("[% INCLUDE other %]", "line 1: [% INCLUDE other %]"),
        ("[% %]", "line 1: [% %]"),
    ],
)
def test_what_is_not_understood_is_an_error_that_says_where(template: str, told: str) -> None:
    with pytest.raises(SqitchpyError) as caught:
        render_template(template, VARIABLES, "mine.tmpl")
    assert caught.value.message == f"Error executing mine.tmpl: {told}"
    assert caught.value.hint is not None


@given(st.text().filter(lambda text: "[%" not in text))
def test_a_text_without_tags_stays_what_it_is(text: str) -> None:
    assert render_template(text, VARIABLES) == text


@given(st.text(alphabet="[%-~+ ]\nIFENDELSchange|#"))
def test_any_template_ends_with_a_text_or_an_error_of_ours(text: str) -> None:
    with suppress(SqitchpyError):
        assert isinstance(render_template(text, VARIABLES), str)
