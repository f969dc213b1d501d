"""The application as a process that can be killed, and the journal that outlives it."""

import dataclasses
import json
import pathlib
import shutil
import socket
import subprocess
import time

from harness.server import free_port

SOURCE = pathlib.Path(__file__).resolve().parents[3] / "Benchmarks" / "origin" / "origin.c"
# Swift brings the first.
COMPILERS = ("clang", "cc", "gcc")
READY_SECONDS = 20


@dataclasses.dataclass
class Entry:
    """One request as the application had it: the journal is in the order in which it took them."""

    path: str
    subject: str
    sequence: str
    body: str

    @property
    def json(self) -> dict:
        return json.loads(self.body)


class Application:
    """The test origin of the benchmarks with a journal, on the same port through all its lives."""

    def __init__(self, directory: pathlib.Path):
        self.journal = directory / "journal"
        self.port = free_port()
        self.process: subprocess.Popen | None = None
        self._program = directory / "origin"
        self._read = 0
        compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
        if compiler is None:
            raise FileNotFoundError(f"no C compiler, looked for {', '.join(COMPILERS)}")
        subprocess.run([compiler, "-O2", "-std=c17", "-o", str(self._program), str(SOURCE)], check=True)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def start(self, last: int = 0) -> None:
        """With `last` it dies by itself: it has taken so many requests, and has not answered the last one."""
        self.process = subprocess.Popen([str(self._program), str(self.port), str(self.journal), str(last)])
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None and last:
                return
            time.sleep(0.002)
        raise AssertionError(f"the application does not start: {self.process.poll()}")

    def kill(self) -> None:
        """`kill -9`: in the middle of whatever it is doing."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def news(self) -> list[Entry]:
        """What has been added to the journal since the last call."""
        if not self.journal.exists():
            return []
        with open(self.journal, "rb") as file:
            file.seek(self._read)
            whole = file.read()
        # The last line may be under way.
        whole = whole[: whole.rfind(b"\n") + 1]
        self._read += len(whole)
        return [Entry(*line.decode().split(" ", 3)) for line in whole.splitlines()]
