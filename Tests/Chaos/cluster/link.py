"""What stands between one node and the engine: a connection that can be cut, swallow, or be slow."""

import asyncio
import contextlib
import socket
import struct


class Link:
    """Forwards to `target` on 127.0.0.1."""

    def __init__(self, target: int):
        self.target, self.port = target, 0
        self._is_cut = False
        self._swallows = False
        self._delay = 0.0
        self._writers: set[asyncio.StreamWriter] = set()
        # Connections on which something was swallowed: what follows makes no sense to either end.
        self._spoilt: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> "Link":
        self._loop = asyncio.get_running_loop()
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def stop(self) -> None:
        self._server.close()
        self._reset()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(list(self._tasks), timeout=5)

    # Faults

    def cut(self) -> None:
        """Resets all connections, and refuses new ones until `heal`."""
        self._is_cut = True
        self._reset()

    def blink(self) -> None:
        """Resets all connections; new ones are well."""
        self._reset()

    def swallow(self) -> None:
        """Open connections stay open, new ones are accepted, and nothing passes until `heal`: neither end hears of it."""
        self._swallows = True

    def delay(self, seconds: float) -> None:
        """Everything comes so much later."""
        self._delay = seconds

    def move(self, target: int) -> None:
        """New connections go elsewhere, as with an address that moves; open ones are reset."""
        self.target = target
        self._reset()

    def move_from_thread(self, target: int) -> None:
        """`move`, called beside the event loop."""
        asyncio.run_coroutine_threadsafe(self._move(target), self._loop).result(10)

    async def _move(self, target: int) -> None:
        self.move(target)

    def heal(self) -> None:
        self._is_cut = self._swallows = False
        self._delay = 0.0

    def _reset(self) -> None:
        for writer in list(self._writers):
            # It may have ended by itself a moment ago.
            with contextlib.suppress(OSError, AttributeError):
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    # Forwarding

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        ends = [writer]
        self._writers.add(writer)
        try:
            if self._is_cut:
                self._reset_one(writer)
                return
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
            ends.append(far_writer)
            self._writers.add(far_writer)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, far_writer))
                group.create_task(self._pass(far_reader, writer))
        except (OSError, ExceptionGroup, asyncio.CancelledError):
            # The engine is down, or one of the two ends is: the other is told by what follows.
            for each in ends:
                self._reset_one(each)
        finally:
            for each in ends:
                self._writers.discard(each)
                self._spoilt.discard(each)
                each.close()
            self._tasks.discard(task)

    @staticmethod
    def _reset_one(writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while chunk := await reader.read(65_536):
            if self._swallows or writer in self._spoilt:
                self._spoilt.add(writer)
                continue
            if self._delay:
                await asyncio.sleep(self._delay)
            writer.write(chunk)
            await writer.drain()
        if self._swallows or writer in self._spoilt:
            # Not even the end passes; the other side finds out by itself.
            await asyncio.sleep(3_600)
        # Both links and brokers speak in both directions or not at all.
        raise ConnectionResetError
