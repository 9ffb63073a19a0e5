"""Command line words. What is expected is what Perl's Getopt::Long made of the same words with the same options."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sqitchpy.cli.arguments import OptionSpec, normalize

OPTIONS = (
    OptionSpec(("target", "t"), "text"),
    OptionSpec(("to-change", "to", "change"), "text"),
    OptionSpec(("mode",), "text"),
    OptionSpec(("set", "s"), "pair"),
    OptionSpec(("log-only",)),
    OptionSpec(("lock-timeout",), "integer"),
    OptionSpec(("verify",), negatable=True),
    OptionSpec(("y",)),
    OptionSpec(("modified", "m")),
    OptionSpec(("max-count", "n"), "integer"),
    OptionSpec(("no-color",)),
    OptionSpec(("color",), "text"),
)
CORE = (
    OptionSpec(("chdir", "cd", "C"), "text"),
    OptionSpec(("etc-path",)),
    OptionSpec(("no-pager",)),
    OptionSpec(("quiet",)),
    OptionSpec(("verbose", "V", "v")),
    OptionSpec(("help",)),
    OptionSpec(("man",)),
    OptionSpec(("version",)),
)
OURS = (
    OptionSpec(("target", "t"), "text"),
    OptionSpec(("registry",), "text"),
    OptionSpec(("runner",), "text", ours=True),
    OptionSpec(("reverse",), ours=True),
    OptionSpec(("tar",), ours=True),
    OptionSpec(("json",), ours=True),
)


@pytest.mark.parametrize(
    ("words", "options"),
    [
        (["-t", "x"], ["--target=x"]),
        (["-tx"], ["--target=x"]),
        (["--target", "x"], ["--target=x"]),
        (["--target=x"], ["--target=x"]),
        (["--targ", "x"], ["--target=x"]),
        (["--t", "x"], ["--target=x"]),
        (["--TARGET", "x"], ["--target=x"]),
        (["-my"], ["--modified", "-y"]),
        (["-ym", "-n5y"], ["-y", "--modified", "--max-count=5", "-y"]),
        (["-n", "5"], ["--max-count=5"]),
        (["-n+5"], ["--max-count=5"]),
        (["--max=007"], ["--max-count=7"]),
        (["--n=1_000"], ["--max-count=1000"]),
        (["--verify"], ["--verify"]),
        (["--no-verify"], ["--no-verify"]),
        (["--noverify"], ["--no-verify"]),
        (["--nov"], ["--no-verify"]),
        (["--no-v"], ["--no-verify"]),
        (["-s", "a=b", "--set", "c=d=e"], ["--set=a=b", "--set=c=d=e"]),
        (["--set=a="], ["--set=a="]),
        (["--to-", "x"], ["--to-change=x"]),
        (["--ch=x"], ["--to-change=x"]),
        (["--to=x"], ["--to-change=x"]),
        (["-y", "--y"], ["-y", "-y"]),
        (["--m"], ["--modified"]),
        (["--mode", "-y"], ["--mode=-y"]),
    ],
)
def test_options_are_read_as_getopt_long_reads_them(words: list[str], options: list[str]) -> None:
    assert normalize(words, OPTIONS) == (tuple(options), (), ())


@pytest.mark.parametrize(
    ("words", "options", "rest"),
    [
        (["a", "--mode", "tag", "b"], ["--mode=tag"], ["a", "b"]),
        (["a", "--", "--mode", "b"], [], ["a", "--mode", "b"]),
        (["--mode", "--", "b"], ["--mode=--"], ["b"]),
        (["-"], [], ["-"]),
        (["", "x"], [], ["", "x"]),
    ],
)
def test_arguments_may_stand_between_options(words: list[str], options: list[str], rest: list[str]) -> None:
    assert normalize(words, OPTIONS) == (tuple(options), tuple(rest), ())


@pytest.mark.parametrize(
    ("words", "complaints"),
    [
        (["--foo"], ["Unknown option: foo"]),
        (["-z"], ["Unknown option: z"]),
        (["--=x"], ["Unknown option: =x"]),
        (["--no"], ["Option no is ambiguous (no-color, no-verify, noverify)"]),
        (["--l"], ["Option l is ambiguous (lock-timeout, log-only)"]),
        (["--c", "x"], ["Option c is ambiguous (change, color)"]),
        (["--log-only=1"], ["Option log-only does not take an argument"]),
        (["--v=1"], ["Option verify does not take an argument"]),
        (["--no-verify=1"], ["Option no-verify does not take an argument"]),
        (["--mode"], ["Option mode requires an argument"]),
        (["--mode="], ["Option mode requires an argument"]),
        (["-t"], ["Option t requires an argument"]),
        (["-n", "x"], ['Value "x" invalid for option n (number expected)']),
        (["--lock", "1.5"], ['Value "1.5" invalid for option lock-timeout (number expected)']),
        (["-s", "x"], ['Option s, key "x", requires a value']),
        (["--set", "x", "--foo"], ['Option set, key "x", requires a value', "Unknown option: foo"]),
    ],
)
def test_what_cannot_be_read_is_complained_about_in_getopt_longs_words(words: list[str], complaints: list[str]) -> None:
    assert normalize(words, OPTIONS).errors == tuple(complaints)


def test_the_rest_of_a_bundle_is_read_behind_an_unknown_letter() -> None:
    read = normalize(["-yzm"], OPTIONS)
    assert (read.options, read.errors) == (("-y", "--modified"), ("Unknown option: z",))


def test_a_number_ends_where_its_digits_end() -> None:
    read = normalize(["-n5x"], OPTIONS)
    assert (read.options, read.errors) == (("--max-count=5",), ("Unknown option: x",))


@pytest.mark.parametrize(
    ("words", "options", "rest"),
    [
        (["-VV", "deploy"], ["--verbose", "--verbose"], ["deploy"]),
        (["deploy", "-vV", "x", "--quiet"], ["--verbose", "--verbose", "--quiet"], ["deploy", "x"]),
        (["deploy", "--to", "x", "-C", "dir"], ["--chdir=dir"], ["deploy", "--to", "x"]),
        (["-Cdir", "deploy"], ["--chdir=dir"], ["deploy"]),
        (["--cd=dir", "deploy", "--nop"], ["--chdir=dir"], ["deploy", "--nop"]),  # the dash counts
        (["--c", "x"], ["--chdir=x"], []),
        (["deploy", "--no-verify", "--no"], ["--no-pager"], ["deploy", "--no-verify"]),
        (["--ver", "deploy"], [], ["--ver", "deploy"]),
        (["--vers"], ["--version"], []),
        (["-yV"], [], ["-yV"]),
        (["-Vy"], ["--verbose"], ["-y"]),
        (["deploy", "--", "-V"], [], ["deploy", "--", "-V"]),
        (["deploy", "--he"], ["--help"], ["deploy"]),
        (["deploy", "-C"], [], ["deploy", "-C"]),
        (["--quiet=1"], [], ["--quiet=1"]),
        (["deploy", "-n5V"], [], ["deploy", "-n5V"]),
    ],
)
def test_core_options_are_picked_out_and_the_rest_is_left_alone(
    words: list[str], options: list[str], rest: list[str]
) -> None:
    assert normalize(words, CORE, pass_through=True) == (tuple(options), tuple(rest), ())


@pytest.mark.parametrize(
    ("word", "option"),
    [
        ("--r=x", "--registry=x"),  # not ambiguous: in Sqitch's table there is one
        ("--ru=x", "--runner=x"),
        ("--rev", "--reverse"),
        ("--targ=x", "--target=x"),
        ("--tar", "--tar"),  # a whole name is that option, whoever has it
        ("--ta=x", "--target=x"),
        ("--j", "--json"),
    ],
)
def test_abbreviations_are_sqitchs_first_and_ours_after(word: str, option: str) -> None:
    assert normalize([word], OURS) == ((option,), (), ())


def test_an_empty_value_can_be_given_as_a_word_of_its_own() -> None:
    assert normalize(["-t", ""], OPTIONS) == (("--target=",), (), ())


@given(st.lists(st.text(alphabet="-=ntsmyzV5 ax", max_size=8), max_size=6))
def test_what_was_read_once_reads_the_same_again(words: list[str]) -> None:
    once = normalize(words, OPTIONS)
    assume(not any(option.endswith("=") for option in once.options))  # an empty value cannot be written so
    assert normalize([*once.options, "--", *once.rest], OPTIONS) == (once.options, once.rest, ())


@given(st.lists(st.text(max_size=8), max_size=6))
def test_passing_through_never_complains_and_keeps_every_argument(words: list[str]) -> None:
    flags = [spec for spec in CORE if spec.kind == "flag"]
    read = normalize(words, flags, pass_through=True)
    assert read.errors == ()
    assert [word for word in read.rest if not word.startswith("-")] == [w for w in words if not w.startswith("-")]


def test_what_must_be_typed_in_full_has_no_abbreviation() -> None:
    specs = (OptionSpec(("yes-really",), "text", ours=True, whole=True),)
    assert normalize(["--yes", "db"], specs).errors == ("Unknown option: yes",)
    assert normalize(["--yes-really", "db"], specs).options == ("--yes-really=db",)


def test_an_option_of_two_words_takes_the_next_two() -> None:
    specs = (OptionSpec(("rename",), "two", ours=True), OptionSpec(("y",), ours=True))
    assert normalize(["--rename", "a", "-b", "-y", "x"], specs) == (("--rename=a", "-b", "-y"), ("x",), ())
    assert normalize(["--ren=a", "b"], specs) == (("--rename=a", "b"), (), ())
    assert normalize(["--rename", "a"], specs).errors == ("Option rename requires an argument",)
