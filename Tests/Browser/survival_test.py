"""Pages that survive: an EventSource and a WebSocket page under a running publisher, while the server is killed.

The pages come from a web server of their own, as an application's pages do, so they speak to Pharos across origins.
"""

import functools
import http.server
import pathlib
import threading
from collections.abc import Callable

from playwright.sync_api import Page, sync_playwright

HERE = pathlib.Path(__file__).resolve().parent
SCRIPT = HERE.parents[1] / "Sources" / "PharosAPI" / "Web" / "pharos.js"
PAGES = ("events.html", "websocket.html")
RESTARTS = 3
# Publications between two restarts.
BETWEEN = 60
TIMEOUT_MS = 60_000


class _Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/pharos.js":
            content = SCRIPT.read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        else:
            super().do_GET()

    def log_message(self, *_) -> None:
        pass


class PageServer:
    """Serves the two pages and `pharos.js`."""

    def __enter__(self) -> "PageServer":
        handler = functools.partial(_Handler, directory=str(HERE / "survival"))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.origin = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()


class Publisher:
    """Publishes 1, 2, 3 … and offers each until it is answered for."""

    def __init__(self, publish: Callable[[int], bool]):
        self._publish = publish
        self.answered = 0
        self._ends = threading.Event()
        self._more = threading.Condition()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._ends.is_set():
            if self._publish(self.answered + 1):
                with self._more:
                    self.answered += 1
                    self._more.notify_all()
            self._ends.wait(0.01)

    def reach(self, count: int) -> None:
        with self._more:
            if not self._more.wait_for(lambda: self.answered >= count, TIMEOUT_MS / 1_000):
                raise AssertionError(f"{self.answered} of {count} publications were answered for")

    def end(self) -> int:
        self._ends.set()
        self._thread.join()
        return self.answered


def survive(page: Page, publish: Callable[[int], bool], restart: Callable[[], None]) -> None:
    """Kills and restarts the server three times under the publisher; every number has to be there once, in order."""
    page.wait_for_function("window.continuity.length === 1", timeout=TIMEOUT_MS)
    publisher = Publisher(publish)
    try:
        for number in range(1, RESTARTS + 1):
            publisher.reach(publisher.answered + BETWEEN)
            restart()
            # The page is back before the next restart, or there would be less to survive.
            page.wait_for_function(f"window.continuity.length > {number}", timeout=TIMEOUT_MS)
        publisher.reach(publisher.answered + BETWEEN)
    finally:
        total = publisher.end()
    page.wait_for_function(f"window.seen.at(-1) === {total} || window.problems.length > 0", timeout=TIMEOUT_MS)
    assert page.evaluate("window.problems") == []
    seen = page.evaluate("window.seen")
    expected = list(range(1, total + 1))
    assert seen == expected, f"missing {sorted(set(expected) - set(seen))}, {len(seen) - len(set(seen))} repeated"
    continuity = page.evaluate("window.continuity")
    assert len(continuity) == RESTARTS + 1 and all(continuity[1:]), continuity


def run(name: str, server: str, origin: str, chromium: str, publish: Callable[[int], bool], restart: Callable[[], None]) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{origin}/{name}?server={server}")
        survive(page, publish, restart)
        browser.close()
        assert complaints == []
