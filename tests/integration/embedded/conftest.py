"""Projects for the tests of the embedded server; whatever they start is stopped and deleted afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from sqitchpy import embedded
from sqitchpy.errors import EmbeddedError

ROOT_OF_PACKAGE = Path(embedded.__file__).parents[2]

MakeProject = Callable[[str], Path]
Ask = Callable[..., str]
StartInChild = Callable[[Path], "subprocess.Popen[str]"]


@pytest.fixture(autouse=True, scope="session")
def wheel() -> None:
    try:
        embedded.bin_dir()
    except EmbeddedError as error:
        if "embedded" in os.environ.get("SQITCHPY_REQUIRE", ""):
            raise
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in place of /var/lib/sqitchpy that everybody can enter (tmp_path is closed to others)."""
    folder = Path(tempfile.mkdtemp(prefix="sqitchpy-test-"))
    folder.chmod(0o755)
    monkeypatch.setenv("SQITCHPY_EMBEDDED_HOME", str(folder))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def make_project(tmp_path: Path, home: Path) -> Iterator[MakeProject]:
    made: list[Path] = []

    def make(name: str) -> Path:
        path = tmp_path / name
        path.mkdir()
        made.append(path)
        return path

    yield make
    for path in made:
        if path.exists():
            embedded.remove(path)


@pytest.fixture
def project(make_project: MakeProject) -> Path:
    return make_project("project")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[embedded.Server]:
    """One server for all the tests of a file that neither stop nor break it."""
    folder = Path(tempfile.mkdtemp(prefix="sqitchpy-test-"))
    folder.chmod(0o755)
    project = tmp_path_factory.mktemp("shared")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SQITCHPY_EMBEDDED_HOME", str(folder))
        server = embedded.ensure_running(project, settings={"fsync": "off"})
    yield server
    embedded.remove(project)
    shutil.rmtree(folder)


@pytest.fixture
def ask() -> Ask:
    """The first value that a query answers."""

    def answer(server: embedded.Server, query: str, dbname: str = "postgres") -> str:
        with psycopg.connect(**server.params(dbname), autocommit=True) as connection:
            row = connection.execute(query).fetchone()
        assert row is not None
        return str(row[0])

    return answer


@pytest.fixture
def postmaster() -> Callable[[embedded.Server], int]:
    """The number of the server's process."""
    return lambda server: int((server.data_directory / "postmaster.pid").read_text().split()[0])


@pytest.fixture
def start_in_child() -> Iterator[StartInChild]:
    """Another command, that starts a project's server and prints the number of its process."""
    code = (
        "import sys; from pathlib import Path; from sqitchpy import embedded\n"
        "server = embedded.ensure_running(Path(sys.argv[1]), settings={'fsync': 'off'})\n"
        "print((server.data_directory / 'postmaster.pid').read_text().split()[0])\n"
    )
    children: list[subprocess.Popen[str]] = []

    def start(project: Path) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-c", code, str(project)], cwd=ROOT_OF_PACKAGE, stdout=subprocess.PIPE, text=True
        )
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.communicate()


@pytest.fixture
def stranger(account_arguments: dict[str, object]) -> Iterator[subprocess.Popen[bytes]]:
    """A living process of the server's own account that has nothing to do with the server."""
    with subprocess.Popen(["sleep", "300"], **account_arguments) as process:  # type: ignore[call-overload]
        yield process
        process.kill()


@pytest.fixture
def account_arguments() -> dict[str, object]:
    """What makes subprocess run something as the server's account."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
