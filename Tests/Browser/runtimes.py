"""Places where the browser client runs: pages and workers of a real browser, Node and Deno.

Each runs the same story and tells what happens to its client.
"""

import functools
import http.server
import json
import pathlib
import queue
import shutil
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Callable

from playwright.sync_api import sync_playwright

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WEB = ROOT / "Sources" / "PharosAPI" / "Web"
STORY = HERE / "story"
PATIENCE = 40


class PageServer:
    """Serves the story's pages, the client's files, and further files by name, as an application's server does."""

    TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".html": "text/html; charset=utf-8"}

    def __init__(self, **files: pathlib.Path):
        self._files = {f"/{path.name}": path for folder in (STORY, WEB) for path in folder.iterdir()}
        self._files |= {f"/{name}": path for name, path in files.items()}

    def __enter__(self) -> "PageServer":
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, files=self._files))
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, *arguments, files: dict[str, pathlib.Path]):
        self.files = files
        super().__init__(*arguments)

    def do_GET(self) -> None:
        path = self.files.get(self.path.split("?")[0])
        content = path.read_bytes() if path else b""
        self.send_response(200 if path else 404)
        self.send_header("Content-Type", PageServer.TYPES.get(path.suffix, "text/plain") if path else "text/plain")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_) -> None:
        pass


class Told:
    """Everything that the story has told so far."""

    def __init__(self):
        self.events: list[dict] = []

    def of(self, name: str) -> list:
        return [event[name] for event in self.events if name in event]

    def _listen(self) -> None:
        """Lets events arrive for a moment."""
        raise NotImplementedError

    def until(self, condition: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, f"no {what}; the last events: {self.events[-12:]}"
            assert not self.of("problem"), self.of("problem")
            self._listen()

    def until_subscribed(self, count: int = 1) -> None:
        self.until(lambda: len(self.of("subscribed")) >= count, f"subscription number {count}")

    def until_seen(self, total: int) -> None:
        """All numbers have come, each once and in order, and each return said so."""
        self.until(lambda: total in self.of("seen"), f"publication {total}")
        seen = self.of("seen")
        assert seen == list(range(1, total + 1)), f"missing {sorted(set(range(1, total + 1)) - set(seen))}: {seen}"
        assert all(self.of("subscribed")), self.events


class Tab(Told):
    """A tab of headless Chromium."""

    def __init__(self, chromium: str, origin: str):
        super().__init__()
        self._playwright = sync_playwright().start()
        self.browser = self._playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        self.page = self.browser.new_page()
        self.origin = origin
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.expose_function("tell", lambda event: self.events.append(event))

    def open(self, setup: dict, file: str = "page.html", **parameters: str) -> "Tab":
        query = urllib.parse.urlencode({"setup": json.dumps({"module": "/pharos.js"} | setup)} | parameters)
        self.page.goto(f"{self.origin}/{file}?{query}")
        return self

    def _listen(self) -> None:
        assert not self.errors, self.errors
        self.page.wait_for_timeout(30)

    def close(self) -> None:
        self.browser.close()
        self._playwright.stop()
        assert not self.errors, self.errors


class Program(Told):
    """A process of Node or Deno, with the client as an installed package."""

    def __init__(self, command: list[str], folder: pathlib.Path, setup: dict):
        super().__init__()
        shutil.copy(STORY / "story.js", folder / "story.mjs")
        shutil.copy(STORY / "program.mjs", folder / "program.mjs")
        self._process = subprocess.Popen(
            [*command, "program.mjs", json.dumps(setup)], cwd=folder, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in self._process.stdout:
            self._lines.put(line)

    def _listen(self) -> None:
        assert self._process.poll() is None, self._process.stderr.read()[-3000:]
        try:
            self.events.append(json.loads(self._lines.get(timeout=0.05)))
        except queue.Empty:
            pass

    def close(self) -> None:
        """Disconnects; nothing may keep the program alive after that."""
        self._process.stdin.close()
        try:
            status = self._process.wait(20)
        finally:
            self._process.kill()
        assert status == 0, self._process.stderr.read()[-3000:]


def install(folder: pathlib.Path, build: pathlib.Path) -> None:
    """Puts the package into the folder, as a package manager does."""
    package = folder / "node_modules" / "pharos-client"
    subprocess.run([build, "--package", str(package)], check=True, capture_output=True)
