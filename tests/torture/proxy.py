"""A stretch of network between a deployer and the server, which can be cut, and can swallow what is sent.

To swallow, it has the kernel drop every packet of the connection before it is acknowledged (socket(7),
SO_ATTACH_FILTER): to the deployer that is a cable that was pulled out somewhere on the way.
"""

from __future__ import annotations

import ctypes
import selectors
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

SO_ATTACH_FILTER = 26
RETURN_NOTHING = struct.pack("HBBI", 0x06, 0, 0, 0)
"""A BPF program of one instruction: let no byte through."""
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def upstream_of(params: Mapping[str, str]) -> tuple[socket.AddressFamily, str | tuple[str, int]]:
    """Where libpq's parameters lead."""
    host, port = params.get("host", "localhost"), int(params.get("port", "5432"))
    if host.startswith("/"):
        return socket.AF_UNIX, f"{host}/.s.PGSQL.{port}"
    return socket.AF_INET, (host, port)


class Proxy(threading.Thread):
    """Passes bytes on between 127.0.0.1:``port`` and the server, one thread for all connections."""

    def __init__(self, params: Mapping[str, str]) -> None:
        super().__init__(daemon=True)
        self._family, self._address = upstream_of(params)
        self._selector = selectors.DefaultSelector()
        self._other: dict[socket.socket, socket.socket] = {}
        self._clients: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._order, self._waker = socket.socketpair()
        self._orders: list[Callable[[], None]] = []
        self._done = threading.Event()
        self._running = True
        self.port = self._listener.getsockname()[1]

    # -- what a test asks for -----------------------------------------------------------------------------------

    def cut(self) -> int:
        """Reset every connection, in both directions; how many there were."""
        return self._ask(self._cut)

    def swallow(self) -> int:
        """Let nothing of the connections that are open now through, and tell nobody; how many there were."""
        return self._ask(self._swallow)

    def hang_up(self) -> int:
        """Let the server notice: what a router does in the end, or the server's own keepalives."""
        return self._ask(self._hang_up)

    def end(self) -> None:
        """Close everything."""
        self._ask(self._stop)
        self.join()

    def _ask(self, order: Callable[[], None]) -> int:
        number = len(self._clients)
        self._done.clear()
        self._orders.append(order)
        self._order.send(b"!")
        assert self._done.wait(10), "the proxy is stuck"
        return number

    # -- its thread ---------------------------------------------------------------------------------------------

    def run(self) -> None:
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._waker, selectors.EVENT_READ)
        while self._running:
            for key, _ in self._selector.select():
                self._serve(key.fileobj)  # type: ignore[arg-type]
        for each in (self._listener, self._order, self._waker):
            each.close()
        self._selector.close()
        self._done.set()

    def _serve(self, ready: socket.socket) -> None:
        if ready is self._listener:
            self._accept()
        elif ready is self._waker:
            self._waker.recv(1)
            self._orders.pop(0)()
            if self._running:
                self._done.set()
        elif ready in self._other:
            self._pass_on(ready)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        server = socket.socket(self._family)
        server.connect(self._address)
        self._clients.append(client)
        for one, other in ((client, server), (server, client)):
            self._other[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _pass_on(self, source: socket.socket) -> None:
        try:
            data = source.recv(65536)
            if data:
                self._other[source].sendall(data)
                return
        except OSError:
            pass  # reset by one of them: the other is told so by closing
        self._close(source)

    def _close(self, one: socket.socket) -> None:
        for each in (one, self._other.get(one)):
            if each is not None:
                if self._other.pop(each, None) is not None and each in self._selector.get_map():
                    self._selector.unregister(each)
                if each in self._clients:
                    self._clients.remove(each)
                each.close()

    def _cut(self) -> None:
        for client in list(self._clients):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self._close(client)

    def _swallow(self) -> None:
        program = ctypes.create_string_buffer(RETURN_NOTHING, len(RETURN_NOTHING))
        for client in self._clients:
            client.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))
            for each in (client, self._other[client]):
                self._selector.unregister(each)

    def _hang_up(self) -> None:
        for client in list(self._clients):
            self._close(client)

    def _stop(self) -> None:
        self._hang_up()
        self._running = False


@contextmanager
def proxy_to(params: Mapping[str, str]) -> Iterator[Proxy]:
    """A proxy to the server that libpq's parameters lead to."""
    proxy = Proxy(params)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.end()
