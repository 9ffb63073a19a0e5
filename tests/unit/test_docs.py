"""The documentation speaks of what is there: commands, files, links, code, and the commands in its examples."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, get_type_hints

import pytest

from sqitchpy.cli.app import help_page, load, take_apart
from sqitchpy.cli.arguments import normalize
from sqitchpy.cli.catalog import COMMANDS
from sqitchpy.cli.command import CONNECTION, Command, Option, specs
from sqitchpy.engines.dbapi.backend import Backend
from sqitchpy.engines.dbapi.dialect import Dialect
from sqitchpy.engines.dbapi.statements import Kind
from sqitchpy.engines.protocol import Driver, Opening
from sqitchpy.script.meta import RULES
from sqitchpy.testing.conformance import Subject

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md"), *ROOT.glob("examples/**/*.md")])
ELSEWHERE = {"completion", "help"}
"""Commands about the command line itself: ``sqitchpy help`` explains them, and the quick start."""

FENCE = re.compile(
    r"^```(?P<language>\w*)(?: title=\"(?P<title>[^\"]+)\")?\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    title: str | None
    body: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks() -> Iterator[Block]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            yield Block(page, line, match["language"], match["title"], match["body"])


def shown_commands() -> Iterator[tuple[str, str]]:
    """Every ``$ sqitchpy …`` in a console block, and where it stands."""
    for block in blocks():
        for line in block.body.splitlines() if block.language == "console" else ():
            if line.startswith("$ sqitchpy "):
                yield block.place, line.removeprefix("$ ")


def prose(page: Path) -> str:
    """A page without its fenced blocks and code spans, in which brackets are no links."""
    return re.sub(r"`[^`\n]+`", "", FENCE.sub("", page.read_text(encoding="utf-8")))


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    found = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in found}


def ids(found: list[Block]) -> list[str]:
    return [block.place for block in found]


QUOTES = [block for block in blocks() if block.title]
PYTHON = [block for block in blocks() if block.language == "python"]


@pytest.mark.parametrize("name", sorted({*COMMANDS} - ELSEWHERE))
def test_every_command_has_a_page(name: str) -> None:
    page = DOCS / "commands" / f"{name}.md"
    assert page.read_text(encoding="utf-8").startswith(f"# sqitchpy {name}\n")


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_commands_help_has_an_example_of_it(name: str) -> None:
    _, found, examples = help_page(name).partition("\nExample")
    if name == "embedded":  # click writes this one's
        _, found, examples = help_page(name).partition("Example: ")
    assert found
    assert f"sqitchpy {name}" in examples


@pytest.mark.parametrize("name", sorted({*COMMANDS} - ELSEWHERE - {"embedded"}))
def test_every_option_of_a_command_is_on_its_page(name: str) -> None:
    page = (DOCS / "commands" / f"{name}.md").read_text(encoding="utf-8")
    options = [option for option in load(name).params if isinstance(option, Option) and not option.hidden]
    own = [option for option in options if option.section != CONNECTION]
    assert "--json" in {word for option in own for word in option.opts}
    assert [option.opts for option in own if not any(f"`{word}" in page for word in option.opts)] == []
    assert own == options or "connection options" in page


@pytest.mark.parametrize("block", QUOTES, ids=ids(QUOTES))
def test_a_block_with_a_title_is_a_piece_of_that_file_word_for_word(block: Block) -> None:
    assert block.body in (ROOT / str(block.title)).read_text(encoding="utf-8")


def test_the_tutorial_quotes_the_example() -> None:
    quoted = {block.title for block in QUOTES}
    assert {"sqitch.conf", "plan/sqitch.plan", "deploy/users.sql", "deploy/user_handle/expand.sql"} <= quoted


@pytest.mark.parametrize("block", PYTHON, ids=ids(PYTHON))
def test_python_in_the_documentation_is_python_and_imports_what_is_there(block: Block) -> None:
    tree = ast.parse(block.body)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] == "sqitchpy":
            namespace: dict[str, object] = {}
            exec(ast.unparse(node), namespace)
            assert all(alias.name in namespace for alias in node.names)


@pytest.mark.parametrize(("place", "line"), list(shown_commands()))
def test_a_command_in_the_documentation_is_one_that_the_command_line_understands(place: str, line: str) -> None:
    _, *words = shlex.split(line)
    call = take_apart(words)
    assert call.strangers == ()
    if call.command is not None:
        command = load(call.command)
        assert not isinstance(command, Command) or normalize(call.words, specs(command)).errors == ()
    assert call.command or "--version" in call.core


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in headings(target), link


def test_the_table_of_contents_names_every_page_once() -> None:
    named = re.findall(r": ([\w/]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md"))


def test_the_picture_of_the_house_shows_what_is_there() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    picture = text.partition("    sqitchpy/\n")[2].partition("\n\n")[0]
    rows = re.findall(r"^ {6}(\w+(?:\.py|/)(?: \w+(?:\.py|/))*)", picture, re.MULTILINE)
    shown = {name for row in rows for name in row.split()}
    assert {"model.py", "plan/", "executor.py", "cli/"} <= shown
    assert {name for name in shown if not (ROOT / "sqitchpy" / name).exists()} == set()


def test_files_that_the_architecture_names_are_there() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:[\w.]+/)+[\w.]*)`|`(\w+\.py)`", text))
    paths = {first or second for first, second in named}
    assert "engines/pg/wire.py" in paths
    assert {path for path in paths if not any((base / path).exists() for base in (ROOT, ROOT / "sqitchpy"))} == set()


def test_the_page_on_scripts_has_every_meta_command_in_the_right_table() -> None:
    text = (DOCS / "scripts.md").read_text(encoding="utf-8").partition("## Meta-commands")[2]
    for treatment, heading in (("done", "Done as psql"), ("accepted", "Accepted, without"), ("refused", "Refused:")):
        table = text.partition(heading)[2].partition("\n|")[2].partition("\n\n")[0]
        first_cells = " ".join(row.split(" | ")[0] for row in table.splitlines())
        listed = set(re.findall(r"`\\([^`]+)`", first_cells)) - {"d"}
        assert listed == {name for name, rule in RULES.items() if rule.treatment == treatment}


ENGINES_PAGE = (DOCS / "engines.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", [Opening, Driver, Dialect, Subject])
def test_the_page_on_engines_has_every_field(kind: type) -> None:
    names = get_type_hints(kind)
    assert {name for name in names if f"`{name}`" not in ENGINES_PAGE} == set()


def test_the_page_on_engines_has_every_member_of_a_backend() -> None:
    table = ENGINES_PAGE.partition("## The backend")[2].partition("\n### ")[0]
    cells = " ".join(re.findall(r"^\| (.+?) \| ", table, re.MULTILINE))
    named = set(re.findall(r"`(\w+)(?:\([^`]*\))?`", cells))
    assert named == {name for name in vars(Backend) if not name.startswith("_")}


def test_the_page_on_engines_has_every_kind_of_statement() -> None:
    text = ENGINES_PAGE.partition("### Language")[2].partition("\n### ")[0]
    assert [kind.name for kind in Kind if f"`{kind.name}`" not in text] == []
