"""A stretch of network: passes bytes on after a delay, and counts how often the client had to wait for an answer.

    python benchmarks/proxy.py PORT [MILLISECONDS]

A proxy to 127.0.0.1:PORT; its own port is the first line it prints. Every packet is held back for MILLISECONDS in
either direction, and any number of them may be on their way, as in a cable. On standard input each line asks for the
round trips since the last one. A round trip is counted when the client sends something after the server has answered.
"""

from __future__ import annotations

import asyncio
import socket
import sys


class Proxy:
    """Listens; every connection is passed on to ``port``."""

    def __init__(self, port: int, delay: float) -> None:
        self._port = port
        self._delay = delay
        self.round_trips = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on in both directions, until either end closes it."""
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._port)
        answered = True

        def asked() -> None:
            nonlocal answered
            self.round_trips += answered
            answered = False

        def has_answered() -> None:
            nonlocal answered
            answered = True

        await asyncio.gather(
            self._pass_on(reader, server_writer, asked), self._pass_on(server_reader, writer, has_answered)
        )

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen) -> None:  # type: ignore[no-untyped-def]
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop = asyncio.get_running_loop()
        while data := await _read(reader):
            seen()
            if self._delay:
                loop.call_later(self._delay, writer.write, data)
            else:
                writer.write(data)
        loop.call_later(self._delay, writer.close)


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(65536)
    except ConnectionError:
        return b""


async def main(port: int, milliseconds: float) -> None:
    proxy = Proxy(port, milliseconds / 1000)
    listener = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    print(listener.sockets[0].getsockname()[1], flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(proxy.round_trips, flush=True)
        proxy.round_trips = 0


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]) if sys.argv[2:] else 0))
