"""A proxy in front of the server that lets no WebSocket through, as some companies have it."""

import contextlib
import socket
import threading


class RefusingProxy:
    """Passes every connection on, unless its first request asks for an upgrade: that is refused, or never answered."""

    def __init__(self, target: int, *, swallows: bool = False):
        self._target, self._swallows = target, swallows
        self.upgrades = 0
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> "RefusingProxy":
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Ends all connections."""
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._sockets.clear()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._sockets.append(near)
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        with contextlib.suppress(OSError), near:
            head = b""
            while b"\r\n\r\n" not in head:
                chunk = near.recv(65_536)
                if not chunk:
                    return
                head += chunk
            if b"\r\nupgrade: websocket\r\n" in head.lower():
                self.upgrades += 1
                if self._swallows:
                    near.recv(1)
                else:
                    near.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                return
            with socket.create_connection(("127.0.0.1", self._target)) as far:
                self._sockets.append(far)
                far.sendall(head)
                back = threading.Thread(target=self._pass, args=(far, near), daemon=True)
                back.start()
                self._pass(near, far)
                back.join()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65_536):
                target.sendall(chunk)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
