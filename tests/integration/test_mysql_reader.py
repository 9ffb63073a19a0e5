"""Scripts are read as the real mysql client reads them: the server's log says what the client sends."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sqitchpy.engines.dbapi.statements import Statement
from sqitchpy.engines.mysql.language import read_script
from sqitchpy.engines.protocol import Script
from sqitchpy.errors import ScriptError
from sqitchpy.script.source import Source
from tests.conftest import need
from tests.mariadb import MariaDatabase, MariaServer

FILES = {
    "included.sql": b"select 'included';\nselect 'not finished'",
    "delimits.sql": b"delimiter //\nselect 'd'//\n",
    "quits.sql": b"select 'q';\nquit\nselect 'never';",
}
SCRIPTS = [
    b"select 1;\n\nselect\n2 ;  \n -- c\nselect 3 -- trailing\n;select 4/*x*/+/*y*/5;select/**/6;select /* a\nb */ 7;",
    b"select 8 # hash\n;select '#', '-- ', \"/*\", `a` from (select 1 as `a`) x;",
    b"select 'a\\\nb', 'c\r\nd';\r\nselect 2\r\n",
    b"\xef\xbb\xbfselect 1;",
    b"select 'x\\'y', \"a\\\"b\", `c\\` from (select 1 as `c\\`) t;",
    b"delimiter //\nselect 1;select 2//\ndelimiter ;\nselect 3;\n",
    b"DELIMITER\t$$\nselect 1$$\n  delimiter ; \nselect 2;",
    b"delimiter '//'\nselect 1//",
    b"delimiter $$;\nselect 1;$$;select 2$$;",
    b"\\d //\nselect 1//\\d ;\nselect 2;",
    b"delimiter end\nselect 1 as `end`, 'end' end select 2 end",
    b"delimiter 12345678901234567890\nselect 1 123456789012345",
    b"delimiter /*\nselect 1/*select 2/*",
    b"delimiter --\nselect 1-- select 2 --",
    b"delimiter ;;\nselect 1;;select 2;\nselect 3;;delimiter ;\nselect 4;",
    b"select 1; delimiter //\nselect 2;// delimiter ;\nselect 3;",
    b"select 1 as delimiter from dual;\nselect 1 as\ndelimiter\n, 2 as b;\nselect 2;",
    b"delimiter\nselect 1;",
    b"/*!40101 select 1 */;select /*! 'a;b' */;select 1 /*M! + 1 */;/*!999999 select 3 */;",
    b"/*!50003 select 1 */ ;;\n/*M!100000 select 1 /* y */ */;select 2;",
    b"select 1 /*! + 1 /* x\n */ + 2 */;\nselect 2;\n",
    b"select 1 /*! + 1 /* x */ + 2 */;\nselect 2;\n",
    b"select /*!40000 1 # c */ \n */;select /*!40000 2 -- c\n */;select 3 /*+ hint */;",
    b"select 1 /**/;select 2/***/;select 3/*/;*/;select 4 /* a /*/ ; */ ;select 5;",
    b"select 1\\g select 2\\G select 3\\gselect 4;",
    b"go\nselect 1;\nego\nselect 2\\c select 3;clear\n;",
    b"use mysql;\nselect database();select 1;use mysql; select 2;\nUSE `mysql`\nuse\tmysql\n\\u mysql\nselect 3;",
    b"use;\nuse mysql select 2;\nselect 1;use mysql\\g select 2;",
    b"charset latin1\nselect 1;\n\\C utf8mb4\nselect 2;charset latin1;select 3;",
    b"source included.sql\nselect 2;",
    b"source included.sql ; select 3;\nselect 2;\\. included.sql\nselect 4;",
    b"select 1;source delimits.sql;\nselect 2;//select 3//",
    b"source   quits.sql  \nselect 2;",
    b"select 1;\nquit\nselect 2;",
    b"select 1;exit;\nselect 2;",
    b"select 1 \\q\nselect 2;",
    b"prompt x\nselect 1;prompt y;select 2;\\R z;\nselect 3;",
    b"notee\nnowarning\nrehash\npager less\n\\n\\t\\w\\#select 1;",
    b"--z\nselect 1;--z;select 2;\nselect 3;--z\n;select 4--1;\n---\nselect 5;\n--\nselect\n--\n6;",
    b"select 1",
    b"select 'not closed",
    b"select 1 /* not closed\n; select 2;",
    b"/* not closed select 1",
    b"  \n\n;;\nselect 1;;;\n",
    b"select 1 \\",
    b"select 1 \\\n+1;select \\N;",
    b"set sql_mode='ansi';select 'a' as \"b\\\";select 2;set sql_mode='no_backslash_escapes';select 'a\\';select 3;",
    b'set @old=@@sql_mode, sql_mode=\'ansi\';select \'a\' as "b\\";set sql_mode=@old;select "a\\"";select 3;',
    b"set session sql_mode=concat(@@sql_mode, ',ANSI_QUOTES');select 'a' as \"b\\\";"
    b'set sql_mode=default;select "\\"";',
    b'/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE=\'NO_AUTO_VALUE_ON_ZERO\' */;\nselect "\\"";\n'
    b"/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;select 2;",
    b"select 'a\tb', '\xc3\xa9', \"\xe2\x82\xac\";",
    b"select 1;\x01\n",
    b"/*M!999999\\- enable the sandbox mode */ \nselect 1;\n",
    b"\\--\n1;",
    b"\\s\nselect 1;",
    b"delimiter--\nselect",
    b"use mysql;delimiter\nprompt x\n",
    b"select\\cdelimiter\nselect",
    b"delimiter //\\\nuse mysql;select 1;",
    b"/*/*!*/select 1;\n*/select 2;",
]
PIECES = [
    b"select", b" ", b"\n", b"\r\n", b"\t", b";", b"1", b"'", b'"', b"`", b"\\", b"\\\\", b"\\'", b"'a;b'",
    b"--", b"-- ", b"#", b"/*", b"*/", b"/*!", b"/*!40000 ", b"/*M!", b"\\g", b"\\G", b"\\c", b"delimiter",
    b"delimiter //", b"\ndelimiter ;\n", b"\ndelimiter //\n", b"//", b"/", b"\nuse mysql\n", b"use mysql;",
    b"\\N", b"a", b"x\xc3\xa9", b"\nprompt x\n", b"$$", b"quit",
]  # fmt: skip
UNCOMPARED = re.compile(rb"SELECT DATABASE\(\)\Z|show warnings\Z|select (?:DATABASE\(\), USER\(\)|@@.*) limit 1\Z")
"""What the client asks by itself."""


@dataclass(frozen=True)
class Sent:
    statements: list[bytes]
    failed: bool
    words: str


Client = Callable[[bytes], Sent]


def trimmed(text: bytes) -> bytes:
    """The server takes off blanks at both ends, and semicolons, before it writes its log."""
    return re.sub(rb"[;\s\0]+\Z", b"", text.lstrip(b" \t\n\v\f\r"))


@pytest.fixture
def client(mysql_server: MariaServer, mysql_database: MariaDatabase, tmp_path: Path) -> Iterator[Client]:
    program = shutil.which("mariadb")
    need("mariadb", program is not None)
    for name, text in FILES.items():
        (tmp_path / name).write_bytes(text)
    words = [str(program), "--no-defaults", *mysql_database.client_options, f"--database={mysql_database.name}"]
    words += ["--silent", "--skip-column-names", "--abort-source-on-error", "--execute", "source s.sql"]
    with closing(mysql_database.connect(database=None)) as own:
        ask = own.cursor()
        ask.execute("SET GLOBAL log_output = 'TABLE'")

        def run(script: bytes) -> Sent:
            (tmp_path / "s.sql").write_bytes(script)
            ask.execute("SET GLOBAL general_log = OFF")
            ask.execute("TRUNCATE mysql.general_log")
            ask.execute("SET GLOBAL general_log = ON")
            done = subprocess.run(words, cwd=tmp_path, capture_output=True, stdin=subprocess.DEVNULL, timeout=30)
            ask.execute("SET GLOBAL general_log = OFF")
            ask.execute(
                "SELECT command_type, CONVERT(argument USING binary) FROM mysql.general_log "
                "WHERE thread_id <> CONNECTION_ID() AND command_type IN ('Query', 'Init DB')"
            )
            rows = [b"USE `%b`" % text if kind == "Init DB" else trimmed(text) for kind, text in ask.fetchall()]
            rows = [text for text in rows if not UNCOMPARED.match(text)]
            return Sent(rows, done.returncode != 0, done.stderr.decode("utf-8", "replace"))

        yield run
        ask.execute("SET GLOBAL log_output = 'FILE'")


def ours(directory: Path) -> tuple[list[bytes], str]:
    """The statements that we read, up to what cannot be run, and what is said of that."""
    found: list[bytes] = []
    try:
        for item in read_script(Script(Source("s.sql", directory), {})):
            if isinstance(item, Statement):
                found.append(trimmed(item.text))
    except ScriptError as error:
        return found, str(error)
    return found, ""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: repr(script[:40]))
def test_the_statements_are_the_clients(client: Client, tmp_path: Path, script: bytes) -> None:
    sent = client(script)
    found, refused = ours(tmp_path)
    assert not refused
    assert (found[: len(sent.statements)] if sent.failed else found) == sent.statements


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(script=st.lists(st.sampled_from(PIECES), max_size=25).map(b"".join))
def test_they_are_so_for_whatever_stands_in_a_script(client: Client, tmp_path: Path, script: bytes) -> None:
    (tmp_path / "s.sql").write_bytes(script)
    found, refused = ours(tmp_path)
    sent = client(script)
    if "quotes that hold nothing" in refused:  # the client sends such a line, in ways of its own
        return
    if refused:
        assert sent.failed
        assert refused in sent.words or found[: len(sent.statements)] == sent.statements
    else:
        assert (found[: len(sent.statements)] if sent.failed else found) == sent.statements


@pytest.mark.parametrize(
    "script",
    [
        b"select 1;\n\\z\nselect 2;",
        b"select 1;\n\nsource nowhere.sql\n",
        b"source\n",
        b"\\-\nsource included.sql\n",
    ],
    ids=["unknown command", "missing file", "no file", "in a sandbox"],
)
def test_what_the_client_refuses_is_refused_in_its_words(client: Client, tmp_path: Path, script: bytes) -> None:
    sent = client(script)
    assert sent.failed
    assert ours(tmp_path)[1] == sent.words.strip()
