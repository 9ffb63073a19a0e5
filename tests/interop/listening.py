"""A server that only listens: what the real psql sends for a script, byte for byte, with no database behind it.

It speaks as much of PostgreSQL's protocol (version 3) as psql needs: it agrees to everything, returns no rows, follows
SET standard_conforming_strings and SET client_encoding, and takes COPY data.
"""

from __future__ import annotations

import os
import re
import socket
import struct
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_COPY = re.compile(rb"(?:\s|--.*|/\*.*\*/)*COPY\b(?!\s*\().*\bFROM\s+STD(IN|OUT)\b", re.IGNORECASE | re.DOTALL)
_SETTING = re.compile(rb"\s*SET\s+(standard_conforming_strings|client_encoding)\s*(?:=|TO)\s*'?(\w+)", re.IGNORECASE)


class ListeningServer:
    """``heard`` are its queries, ``data`` what came with each COPY."""

    def __init__(self, folder: Path, version: str, settings: Mapping[str, str]) -> None:
        self.heard: list[bytes] = []
        self.data: list[bytes] = []
        self._settings = {"server_version": version, "client_encoding": "UTF8", "standard_conforming_strings": "on"}
        self._settings |= settings
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(folder / ".s.PGSQL.5432"))
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream, suppress(BrokenPipeError):
            (size,) = struct.unpack("!i", stream.read(4))
            stream.read(size - 4)
            greeting = _message(b"R", struct.pack("!i", 0))
            greeting += b"".join(_setting(name, value) for name, value in self._settings.items())
            connection.sendall(greeting + _READY)
            while (kind := stream.read(1)) not in (b"", b"X"):
                (size,) = struct.unpack("!i", stream.read(4))
                connection.sendall(self._answer(kind, stream.read(size - 4)))

    def _answer(self, kind: bytes, body: bytes) -> bytes:
        if kind == b"d":
            self.data[-1] += body
            return b""
        if kind in _EXTENDED:
            if kind == b"P":
                self.heard.append(body.split(b"\0")[1])
            return _EXTENDED[kind]
        if kind != b"Q":
            return _message(b"C", b"COPY 0\0") + _READY
        query = body[:-1]
        self.heard.append(query)
        if _COPY.match(query):
            self.data.append(b"")
            return _message(b"G", b"\0\0\0")
        answer = b""
        if match := _SETTING.match(query):
            answer = _setting(match[1].decode().lower(), match[2].decode())
        return answer + _message(b"C", b"SET\0") + _READY


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _setting(name: str, value: str) -> bytes:
    return _message(b"S", name.encode() + b"\0" + value.encode() + b"\0")


_READY = _message(b"Z", b"I")
# Parse, Bind, Describe, Execute, Close, Flush, Sync: for \\gdesc and \\bind.
_EXTENDED = {
    b"P": _message(b"1", b""),
    b"B": _message(b"2", b""),
    b"D": _message(b"t", b"\0\0") + _message(b"n", b""),
    b"E": _message(b"C", b"SET\0"),
    b"C": _message(b"3", b""),
    b"H": b"",
    b"S": _READY,
}
MARKER = b"SELECT 'next script'"


def listen_to(
    psql: str,
    folder: Path,
    scripts: Sequence[bytes],
    variables: Mapping[str, str] | None = None,
    settings: Mapping[str, str] | None = None,
    data: list[bytes] | None = None,
) -> list[list[bytes]]:
    """What psql sends for each of the scripts, run one after the other by one psql. ``data`` takes the COPY data."""
    command = [psql, "-X", "-q", "-h", str(folder), "-p", "5432", "-U", "any", "-d", "any"]
    for name, value in (variables or {}).items():
        command += ["-v", f"{name}={value}"]
    for number, script in enumerate(scripts):
        file = folder / f"{number}.sql"
        file.write_bytes(script)
        command += ["-f", str(file), "-c", MARKER.decode()]
    version = subprocess.run([psql, "--version"], capture_output=True, check=True, text=True).stdout.split()[2]
    server = ListeningServer(folder, version, settings or {})
    try:
        encoding = {"PGCLIENTENCODING": (settings or {}).get("client_encoding", "UTF8")}
        subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, env=os.environ | encoding, check=False
        )
    finally:
        server.close()
        (folder / ".s.PGSQL.5432").unlink()
    if data is not None:
        data += server.data
    heard: list[list[bytes]] = [[]]
    for query in server.heard:
        if query == MARKER:
            heard.append([])
        else:
            heard[-1].append(query)
    assert len(heard) == len(scripts) + 1, "psql did not run all scripts"
    return heard[:-1]
