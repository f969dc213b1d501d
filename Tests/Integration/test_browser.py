"""The browser client in deno and the demo page in headless Chromium, against the real server."""

import http.client
import importlib.util
import os
import shutil
import subprocess
import sys

import pytest

from harness.configuration import BASE, OPEN, merged
from harness.made_cluster import MadeCluster
from harness.server import ROOT, Server

BROWSER = ROOT / "Tests" / "Browser"


def deno() -> str:
    program = shutil.which("deno") or shutil.which("deno", path=os.path.dirname(sys.executable))
    if program is None:
        pytest.skip("SKIP browser client: deno not found, looked for deno")
    return program


def run_deno(name: str, **environment) -> None:
    run = subprocess.run(
        [deno(), "test", "-A", "--no-remote", "--no-check", str(BROWSER / name)], capture_output=True, text=True,
        stdin=subprocess.DEVNULL, timeout=300, cwd=ROOT, env=os.environ | {"NO_COLOR": "1"} | environment)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-3000:]


def chromium(what: str) -> str:
    program = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip(f"SKIP {what}: chromium not found, looked for chromium")
    return program


def load(name: str):
    """A module of Tests/Browser."""
    specification = importlib.util.spec_from_file_location(name, BROWSER / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_browser_client_by_itself():
    run_deno("pharos_test.js")


def test_the_browser_client_against_the_server(development):
    run_deno("pharos_live_test.js", PHAROS_URL=development.base())


def test_the_browser_client_in_node_without_a_websocket(tmp_path, development):
    """A program that wants nothing else is told what to pass, as one that was started in a terminal shows it."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("SKIP browser client in Node: node not found, looked for node")
    shutil.copy(ROOT / "Sources" / "PharosAPI" / "Web" / "pharos.js", tmp_path / "pharos.mjs")
    script = tmp_path / "page.mjs"
    script.write_text(f"""
        delete globalThis.WebSocket;
        const {{ Pharos }} = await import('./pharos.mjs');
        new Pharos('{development.base().replace("http", "ws")}/connection/websocket', {{ transports: ['websocket'] }}).connect();
        """)
    run = subprocess.run([node, str(script)], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    assert run.returncode != 0
    assert "this platform has no WebSocket" in run.stderr and "new Pharos(url, { WebSocket })" in run.stderr, run.stderr


README = ("README.md", "127.0.0.1:8000/pharos.js")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_readmes_javascript_from_a_page_of_another_port(development, host):
    """What is copied from the README into a page of one's own works against `serve --dev`."""
    snippets = load("snippets_test")
    script = snippets.at(snippets.snippet(*README), development.port)
    snippets.hears(
        chromium("README's JavaScript"), script, host, lambda text: development.publish("chat", {"text": text}))


def test_a_page_of_another_host_is_refused_in_development(development):
    snippets = load("snippets_test")
    script = snippets.at(snippets.snippet(*README), development.port)
    snippets.is_refused(chromium("a foreign page"), script, snippets.FOREIGN)


def test_a_page_of_another_host_that_the_configuration_names(tmp_path, request):
    """The module is for everybody, the connection for whom `client.allowed_origins` names."""
    snippets = load("snippets_test")
    program = chromium("a page of another host")
    server = Server(tmp_path, merged(BASE, {"client": {"allowed_origins": [f"http://{snippets.FOREIGN}:*"]}}))
    request.node.log_of = server.log
    server.start()
    try:
        script = snippets.at(snippets.snippet(*README), server.port)
        snippets.hears(program, script, snippets.FOREIGN, lambda text: server.publish("chat", {"text": text}))
    finally:
        server.stop()


def test_the_demo_page(development):
    """Two tabs talk to each other and count each other, the charts fill, and the page survives a restart."""
    page = load("demo_page_test")
    page.CHROMIUM = chromium("demo page")

    def restart() -> None:
        development.stop()
        development.start()

    page.run(development.base() + "/", restart)


def test_the_demo_page_on_three_nodes(tmp_path, request, monkeypatch):
    """The tabs see each other with their nodes; that of a killed node comes back on another one and says so."""
    monkeypatch.syspath_prepend(BROWSER)
    page = load("cluster_page_test")
    page.CHROMIUM = chromium("demo page on three nodes")
    cluster = MadeCluster(tmp_path, "topic")
    request.node.log_of = cluster.logs

    def call(*arguments: str) -> None:
        run = cluster.call(*arguments)
        assert run.returncode == 0, run.stderr

    try:
        cluster.start()
        page.run([node.base() + "/" for node in cluster.nodes], lambda: call("kill", "2"), lambda: call("start", "2"))
    finally:
        cluster.stop_if_running()


@pytest.mark.parametrize("name", ["events.html", "websocket.html"])
def test_a_page_survives_three_kills(tmp_path, request, name):
    """Under a running publisher the server is killed and started again: the page misses nothing and repeats nothing."""
    survival = load("survival_test")
    program = chromium("survival of a page")
    kept = {"name": "kept", **OPEN, "history_size": 10_000, "durability": "disk"}
    with survival.PageServer() as pages:
        changes = {
            "client": {"allowed_origins": [pages.origin]},
            "channel": {"namespaces": [kept]},
            "store": {"path": str(tmp_path / "store")},
        } | ({"events": {"enabled": True}} if name == "events.html" else {})
        server = Server(tmp_path, merged(BASE, changes))
        request.node.log_of = server.log
        server.start()

        def publish(number: int) -> bool:
            try:
                return "result" in server.api(
                    "publish", {"channel": "kept:x", "data": {"n": number}, "idempotency_key": str(number)}).json
            except (OSError, http.client.HTTPException, ValueError):
                # Killed before it answered: the same number is offered again.
                return False

        def restart() -> None:
            server.kill()
            server.start()

        try:
            survival.run(name, server.base(), pages.origin, program, publish, restart)
        finally:
            server.stop()
