"""The JavaScript of the documentation in a real browser, from pages of other ports and other hosts than the server's.

The pages come from a web server of their own, as an application's pages do.
"""

import http.server
import pathlib
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT_MS = 30_000
# Names that the browser is told to look for on this machine; the second does not belong to it.
FOREIGN = "app.example"


def snippet(document: str, beginning: str, language: str = "js") -> str:
    """The one block of code in a document that has `beginning` in its first line."""
    text = (ROOT / document).read_text()
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    found = [block for block in blocks if beginning in block.split("\n", 1)[0]]
    assert len(found) == 1, f"{len(found)} snippets of {document} begin with {beginning!r}"
    return found[0]


class PageServer:
    """Serves one page at every path."""

    def __init__(self, html: str):
        content = html.encode()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> "PageServer":
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()


def module(script: str) -> str:
    return f'<!doctype html><meta charset="utf-8"><title>page</title><script type="module">{script}</script>'


def at(script: str, port: int) -> str:
    """The snippet with the port of the server under test."""
    assert "127.0.0.1:8000" in script
    return script.replace("127.0.0.1:8000", f"127.0.0.1:{port}")


@contextmanager
def opened(chromium: str, html: str, host: str) -> Iterator[tuple[Page, list[str]]]:
    """The page, opened under a host, and what it has written into its console."""
    with PageServer(html) as server, sync_playwright() as playwright:
        # A name of the public network on an address of this machine is what the browser's own guard is for; off, to see ours.
        browser = playwright.chromium.launch(executable_path=chromium, args=[
            "--no-sandbox", f"--host-resolver-rules=MAP {FOREIGN} 127.0.0.1",
            "--disable-features=LocalNetworkAccessChecks,PrivateNetworkAccessSendPreflights,BlockInsecurePrivateNetworkRequests"])
        page = browser.new_page()
        lines: list[str] = []
        page.on("console", lambda entry: lines.append(entry.text))
        page.on("pageerror", lambda error: lines.append(f"error: {error}"))
        page.goto(f"http://{host}:{server.port}/")
        yield page, lines
        browser.close()


def until(page: Page, lines: list[str], condition: Callable[[str], bool], act: Callable[[], None] = lambda: None) -> str:
    """The first line of the console that fits; `act` is repeated meanwhile."""
    for _ in range(TIMEOUT_MS // 100):
        for line in lines:
            if condition(line):
                return line
        act()
        page.wait_for_timeout(100)
    raise AssertionError(f"the console has only: {lines}")


def hears(chromium: str, script: str, host: str, publish: Callable[[str], None]) -> None:
    """A page with this script writes what is published into its console."""
    with opened(chromium, module(script), host) as (page, lines):
        until(page, lines, lambda line: "told from outside" in line, lambda: publish("told from outside"))
        assert not [line for line in lines if line.startswith("error")], lines


def is_refused(chromium: str, script: str, host: str) -> None:
    """A page of a foreign host gets the module, and no connection."""
    watching = script.replace("client.connect()", "client.on('error', (e) => console.log('refused', e.code)); client.connect()")
    assert watching != script
    with opened(chromium, module(watching), host) as (page, lines):
        until(page, lines, lambda line: line.startswith("refused"))
        # The browser itself tells the page's developer, too.
        assert any("403" in line for line in lines), lines
