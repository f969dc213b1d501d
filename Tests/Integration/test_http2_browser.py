"""Headless Chromium over TLS: it chooses HTTP/2 by itself, for pages, event streams and WebSockets."""

import os
import shutil

import pytest

from harness.configuration import OPEN, merged
from harness.everywhere import EVERYWHERE
from harness.server import poll

TALK = """async (streams) => {
  const seen = new Set();
  const all = Promise.withResolvers();
  const opened = [];
  for (let number = 0; number < streams; number++) {
    const source = new EventSource(`/events?channel=page${number}`);
    opened.push(new Promise((done) => { source.onopen = done; }));
    source.addEventListener(`page${number}`, (event) => {
      seen.add(JSON.parse(event.data).number);
      if (seen.size === streams) all.resolve();
    });
  }
  await Promise.all(opened);
  const socket = new WebSocket(`wss://${location.host}/connection/websocket`);
  const replies = [];
  const connected = Promise.withResolvers();
  socket.onmessage = (event) => { replies.push(...event.data.split('\\n')); if (replies.length >= 2) connected.resolve(); };
  socket.onerror = () => connected.reject(new Error('the WebSocket failed'));
  socket.onopen = () => socket.send('{"id":1,"connect":{}}\\n{"id":2,"subscribe":{"channel":"page0"}}');
  await connected.promise;
  for (let number = 0; number < streams; number++) {
    socket.send(JSON.stringify({ id: 3 + number, publish: { channel: `page${number}`, data: { number } } }));
  }
  await all.promise;
  const health = await fetch('/health');
  const protocols = performance.getEntriesByType('resource').map((entry) => entry.nextHopProtocol);
  return { seen: seen.size, health: health.status, protocols, replies };
}"""


@pytest.fixture
def page():
    playwright = pytest.importorskip("playwright.sync_api")
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("SKIP HTTP/2 in a browser: chromium not found, looked for chromium")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser.new_context(ignore_https_errors=True).new_page()
        browser.close()


def test_twenty_event_streams_a_websocket_and_requests_over_one_connection(launch, page):
    server = launch(merged(EVERYWHERE, {
        "channel": {"without_namespace": OPEN}, "client": {"allowed_origins": ["self"]}}))
    page.set_default_timeout(60_000)
    page.goto(f"https://localhost:{server.tls_port}/health")
    result = page.evaluate(TALK, 20)
    assert result["seen"] == 20
    assert result["health"] == 200
    assert "h2" in result["protocols"]
    assert server.metric("pharos_transport_http2_connections") == 1
    assert server.metric("pharos_transport_http2_websockets") == 1
    assert server.metric("pharos_transport_http2_streams") >= 21
    page.goto("about:blank")
    poll(lambda: server.metric("pharos_transport_http2_websockets") == 0, "the end of the WebSocket")
