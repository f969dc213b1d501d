"""`serve --dev`, as a newcomer meets it: what it prints works."""

import asyncio
import json
import re
import shlex
import subprocess

from harness.server import ROOT, Server


async def test_the_curl_that_is_printed_publishes(development, dial):
    output = development.log()
    assert f"http://127.0.0.1:{development.port}/" in output and "--dev" in output
    command = next(line for line in output.splitlines() if line.strip().startswith("curl "))
    channel = json.loads(shlex.split(command)[-1])["channel"]
    peer = await dial(development, connect={})
    await peer.subscribe(channel)
    run = await asyncio.to_thread(
        subprocess.run, command.strip() + " -s --fail", shell=True, capture_output=True, text=True, timeout=30)
    assert run.returncode == 0, run.stderr
    assert "result" in json.loads(run.stdout)
    assert (await peer.publication(channel))["data"]["text"]


async def test_the_machines_load_is_published(development, dial):
    """An example publisher feeds the demo page through the public API."""
    page = development.request("GET", "/demo.js").body.decode()
    channel = re.search(r"""['"](load[^'"]*)['"]""", page).group(1)
    peer = await dial(development, connect={})
    await peer.subscribe(channel)
    for _ in range(2):
        assert isinstance((await peer.publication(channel))["data"], dict)


def test_pages_of_this_machine_may_connect_and_others_may_not(development):
    upgrade = {
        "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    for origin, status in (
        (f"http://127.0.0.1:{development.port}", 101), (f"http://localhost:{development.port}", 101),
        ("http://localhost:5173", 101), ("https://[::1]:8443", 101), ("http://app.localhost:3000", 101),
        ("http://evil.example", 403), ("http://127.0.0.1.evil.example", 403), ("null", 403)):
        answer = development.request("GET", "/connection/websocket", headers=upgrade | {"Origin": origin})
        assert answer.status == status, origin


def test_pages_of_others_cannot_call_the_api_that_needs_no_key(development):
    """What a browser sends without asking first: `text/plain`, and the page's origin."""
    body = b'{"all":true}'
    for headers, status in (
        ({"Origin": "https://evil.example"}, 403), ({"Origin": "null"}, 403), ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Host": "evil.example"}, 403), ({"Host": f"evil.example:{development.port}"}, 403),
        ({"Origin": f"http://localhost:{development.port}"}, 200), ({"Host": "localhost:1234"}, 200), ({}, 200)):
        answer = development.request(
            "POST", "/api/disconnect", body, headers={"Content-Type": "text/plain"} | headers)
        assert answer.status == status, headers
    # A name that was made to lead here reads nothing either: not even where a page asks as if it were of the server.
    for path in ("/poll?channel=load&wait=0", "/events?channel=load", "/metrics", "/"):
        answer = development.request("GET", path, headers={"Host": "evil.example"})
        assert answer.status == 403, path


def test_the_examples_of_the_documentation_start(tmp_path):
    examples = sorted((ROOT / "docs" / "examples").glob("*.yaml"))
    assert examples
    for example in examples:
        directory = tmp_path / example.stem
        directory.mkdir()
        server = Server(directory, None)
        server.arguments = ["--config", str(example), "--port", str(server.port)]
        server.start()
        server.stop()
