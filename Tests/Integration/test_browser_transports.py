"""The browser client over each of its transports, in pages, workers, Node and Deno, against the real server.

Each story cuts the connection by killing the server, and counts what arrives: every publication once, in order.
"""

import gzip
import json
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Iterator

import playwright
import pytest

from harness import tokens
from harness.configuration import BASE, OPEN, merged
from harness.server import ROOT, Server, poll
from test_browser import chromium, deno, load

WEB = ROOT / "Sources" / "PharosAPI" / "Web"
BUILD = ROOT / "scripts" / "build-client"
KEPT = {"name": "kept", **OPEN, "history_size": 10_000, "durability": "disk", "allowed_delta_types": ["fossil"],
        "delta_publish": True}
# What each story is called: transport, and how messages are written.
EVERYWHERE = ["http_stream", "http_stream-protobuf", "sse", "long_poll"]
IN_PAGES = ["websocket", "websocket-protobuf", "eventsource", *EVERYWHERE]
LIMIT = 12_000


@pytest.fixture
def runtimes():
    return load("runtimes")


@pytest.fixture
def refusing():
    return load("refusing_proxy").RefusingProxy


@pytest.fixture
def pages(runtimes):
    with runtimes.PageServer() as server:
        yield server


@pytest.fixture
def tab(runtimes, pages):
    tab = runtimes.Tab(chromium("the client's transports"), pages.origin)
    yield tab
    tab.close()


@pytest.fixture
def server(tmp_path, pages, request):
    """All transports are on, and publications outlive the process."""
    server = make_server(tmp_path, pages.origin)
    request.node.log_of = server.log
    server.start()
    yield server
    server.stop()


def make_server(tmp_path, origin: str, streams: bool = True, **client) -> Server:
    return Server(tmp_path, merged(BASE, {
        "client": {"allowed_origins": [origin], **client},
        "channel": {"namespaces": [KEPT]},
        "store": {"path": str(tmp_path / "store")},
        "http_stream": {"enabled": streams},
        "sse": {"enabled": streams},
        "poll": {"enabled": True},
    }))


def publish(server: Server, first: int, last: int) -> None:
    for number in range(first, last + 1):
        server.publish("kept:x", {"n": number, "text": "a text that is long enough to be worth a difference " * 3})


def setup(server: Server, way: str, **options) -> dict:
    transport, _, codec = way.partition("-")
    return {
        "url": f"{server.base()}/connection/websocket", "channel": "kept:x", "codec": codec or None,
        "options": {"transports": [transport], **options}}


def survive(told, server: Server) -> None:
    """Publications before a kill, at the moment of the kill, and after; then all of them have been seen once."""
    told.until_subscribed()
    publish(server, 1, 20)
    told.until_seen(20)
    server.kill()
    told.until(lambda: told.of("connecting"), "loss of the connection")
    server.start()
    publish(server, 21, 40)
    told.until_seen(40)
    publish(server, 41, 60)
    told.until_seen(60)
    assert len(told.of("connected")) == 2, told.events


@pytest.mark.parametrize("way", IN_PAGES)
def test_a_page_recovers_exactly_over(way, server, tab):
    module = "/pharos.min.js" if way in ("websocket", "http_stream", "long_poll") else "/pharos.js"
    tab.open(setup(server, way) | {"module": module})
    survive(tab, server)
    assert set(tab.of("connected")) == {way.partition("-")[0]}


@pytest.mark.parametrize("way", ["websocket", "websocket-protobuf", "http_stream"])
def test_differences_arrive_whole_over(way, server, tab):
    """Publications that come as differences are the same ones, before and after a cut."""
    tab.open(setup(server, way, delta="fossil"))
    survive(tab, server)


@pytest.mark.parametrize("way", ["websocket", "http_stream", "long_poll"])
@pytest.mark.parametrize("kind", ["worker", "service-worker"])
def test_a_worker_recovers_exactly_over(kind, way, server, tab):
    tab.open(setup(server, way), "worker.html", kind=kind)
    survive(tab, server)


def nodes() -> dict[str, str]:
    """Programs called node: that of the system, and the newer one that comes with Playwright."""
    bundled = os.path.join(os.path.dirname(playwright.__file__), "driver", "node")
    found = {"system": shutil.which("node"), "newer": bundled if os.path.exists(bundled) else None}
    return {name: path for name, path in found.items() if path}


def programs() -> Iterator[tuple[str, str]]:
    """Each program with the transports that it has: older Node.js knows no WebSocket."""
    for name, path in nodes().items():
        has = subprocess.run([path, "-p", "typeof WebSocket"], capture_output=True, text=True).stdout
        for way in ["websocket", "websocket-protobuf"] if "function" in has else []:
            yield name, way
        for way in EVERYWHERE:
            yield name, way
    for way in ["websocket", "websocket-protobuf", *EVERYWHERE]:
        yield "deno", way


@pytest.mark.parametrize(("which", "way"), programs())
def test_a_program_recovers_exactly_over(which, way, server, runtimes, tmp_path):
    """The package, installed."""
    if which == "deno":
        command = [deno(), "run", "-A", "--quiet", "--no-remote", "--node-modules-dir=manual"]
    else:
        command = [nodes()[which]]
    folder = tmp_path / "program"
    folder.mkdir()
    runtimes.install(folder, BUILD)
    (folder / "package.json").write_text(json.dumps({"type": "module", "dependencies": {"pharos-client": "*"}}))
    program = runtimes.Program(command, folder, setup(server, way))
    try:
        survive(program, server)
    finally:
        program.close()


def test_node_without_a_websocket(server, runtimes, tmp_path):
    """The default order begins with what there is."""
    node = nodes().get("system")
    if node is None:
        pytest.skip("SKIP browser client in Node: node not found, looked for node")
    runtimes.install(tmp_path, BUILD)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "without.mjs").write_text("delete globalThis.WebSocket;")
    plain = setup(server, "websocket")
    del plain["options"]["transports"]
    program = runtimes.Program([node, "--import", "./without.mjs"], tmp_path, plain)
    try:
        program.until_subscribed()
        assert program.of("connected") == ["http_stream"]
    finally:
        program.close()


DOCUMENT = "docs/browser-client.md"


def page_of(snippets, script: str, server: Server) -> str:
    """A snippet of the documentation in a page, against the server under test."""
    script = script.replace("'/connection/websocket'", f"'{server.base()}/connection/websocket'")
    return snippets.module(f"import {{ Pharos }} from '{server.base()}/pharos.js';\n{script}")


def test_the_documents_way_to_go_on_after_a_reload(development):
    """What is published while the page is away is shown when it is opened again, once."""
    snippets = load("snippets_test")
    script = f"""
        const shown = (window.shown = []);
        const show = ({{ n }}) => shown.push(n);
        const client = new Pharos('/connection/websocket');
        client.connect();
        {snippets.snippet(DOCUMENT, "let position")}
        news.on('subscribed', () => (window.isReady = true));
        news.subscribe();"""
    with snippets.opened(chromium("the document's snippets"), page_of(snippets, script, development), "127.0.0.1") as (page, lines):
        def shows(numbers: list[int]) -> None:
            page.wait_for_function(f"window.isReady && shown.length >= {len(numbers)}")
            assert (page.evaluate("shown"), lines) == (numbers, [])

        shows([])
        for number in (1, 2, 3):
            development.publish("news", {"n": number})
        shows([1, 2, 3])
        address = page.url
        page.goto("about:blank")
        for number in (4, 5):
            development.publish("news", {"n": number})
        page.goto(address)
        shows([4, 5])
        development.publish("news", {"n": 6})
        shows([4, 5, 6])


def test_the_documents_transport_of_ones_own(development):
    snippets = load("snippets_test")
    script = snippets.snippet(DOCUMENT, "class Logged") + """
        client.on('connected', ({ transport }) => console.log(`by ${transport}`));
        client.connect();"""
    with snippets.opened(chromium("the document's snippets"), page_of(snippets, script, development), "127.0.0.1") as (page, lines):
        snippets.until(page, lines, lambda line: line == "by logged")
        assert '"connect"' in lines[0], lines


@pytest.mark.parametrize("leaves", ["disconnects", "is-left"])
@pytest.mark.parametrize("way", ["websocket", "http_stream", "sse", "long_poll"])
def test_a_page_is_gone_for_others_at_once_when_it(way, leaves, server, tab):
    """A poll that does not come back would be waited for; the client says that it leaves."""
    tab.open(setup(server, way))
    tab.until_subscribed()
    assert len(server.api("presence", {"channel": "kept:x"}).result["presence"]) == 1
    if leaves == "disconnects":
        tab.page.evaluate("client.disconnect()")
    else:
        tab.page.goto("about:blank")
    poll(lambda: not server.api("presence", {"channel": "kept:x"}).result["presence"], "the page to be gone", 20)


@pytest.mark.parametrize("swallows", [False, True], ids=["refuses", "swallows"])
def test_a_page_behind_a_proxy_that_lets_no_websocket_through(swallows, server, tab, refusing):
    """It falls back, and neither after a cut nor after a reload does it knock there again."""
    with refusing(server.port, swallows=swallows) as proxy:
        story = setup(server, "websocket", timeout=4000)
        story["url"] = f"ws://127.0.0.1:{proxy.port}/connection/websocket"
        del story["options"]["transports"]
        tab.open(story)
        tab.until_subscribed()
        assert (tab.of("connected"), proxy.upgrades) == (["http_stream"], 1)
        publish(server, 1, 5)
        tab.until_seen(5)
        proxy.cut()
        tab.until_subscribed(2)
        publish(server, 6, 10)
        tab.until_seen(10)
        tab.events.clear()
        tab.page.reload()
        tab.until_subscribed()
        assert (tab.of("connected"), proxy.upgrades) == (["http_stream"], 1)


def test_a_page_falls_through_to_the_transport_that_is_on(tmp_path, pages, tab, refusing, request):
    """A server without streams, behind such a proxy: polls are left."""
    server = make_server(tmp_path, pages.origin, streams=False)
    request.node.log_of = server.log
    server.start()
    try:
        with refusing(server.port) as proxy:
            story = setup(server, "websocket")
            # The address of a server as a whole.
            story["url"] = f"http://127.0.0.1:{proxy.port}"
            del story["options"]["transports"]
            tab.open(story)
            tab.until_subscribed()
            assert tab.of("connected") == ["long_poll"]
            publish(server, 1, 5)
            tab.until_seen(5)
    finally:
        server.stop()


def test_a_tab_that_was_frozen_comes_back_with_everything_and_a_fresh_token(tmp_path, pages, tab, request):
    """Its timers stood still while the token expired and the server gave the connection up."""
    server = make_server(tmp_path, pages.origin, ping_interval="1s", pong_timeout="500ms")
    request.node.log_of = server.log
    server.start()
    handed: list[str] = []

    def token() -> str:
        handed.append(tokens.connection("42", expires_in=8))
        return handed[-1]

    try:
        tab.page.expose_function("token", token)
        tab.open(setup(server, "websocket", maxServerPingDelay=500) | {"asksForTokens": True})
        tab.until_subscribed()
        publish(server, 1, 5)
        tab.until_seen(5)
        devtools = tab.page.context.new_cdp_session(tab.page)
        # A page without a window is never frozen by its life cycle; a debugger stops its timers and events all the same.
        devtools.send("Debugger.enable")
        devtools.send("Debugger.pause")
        # Whatever was on its way has arrived by then.
        tab.page.wait_for_timeout(500)
        frozen_with = len(handed)
        publish(server, 6, 10)
        # Longer than the token, and until the server has let go of the client that does not answer.
        tab.page.wait_for_timeout(8_000)
        server.wait_until_empty()
        publish(server, 11, 15)
        assert len(handed) == frozen_with, "a frozen tab asks for nothing"
        devtools.send("Debugger.resume")
        tab.until_subscribed(2)
        tab.until_seen(15)
        assert len(handed) > frozen_with
        publish(server, 16, 20)
        tab.until_seen(20)
    finally:
        server.stop()


def test_a_page_that_goes_offline_and_online(server, tab):
    """The browser says so, and the client neither waits nor tries meanwhile."""
    tab.open(setup(server, "websocket"))
    tab.until_subscribed()
    publish(server, 1, 5)
    tab.until_seen(5)
    tab.page.context.set_offline(True)
    tab.until(lambda: tab.of("connecting"), "loss of the connection")
    publish(server, 6, 10)
    tab.page.context.set_offline(False)
    tab.until_subscribed(2)
    tab.until_seen(10)


REACT = pathlib.Path("/usr/share/nodejs")


def test_the_react_hooks(runtimes, tmp_path, request):
    """In strict mode, with two lists of one channel, through a kill of the server, until the last list is gone."""
    if not (REACT / "react-dom" / "umd").exists():
        pytest.skip("SKIP React hooks: React not found, looked for Debian's node-react and node-react-dom")
    files = {
        "react.js": ROOT / "Examples" / "browser" / "react.js",
        "react.development.js": REACT / "react" / "umd" / "react.development.js",
        "react-dom.development.js": REACT / "react-dom" / "umd" / "react-dom.development.js"}
    with runtimes.PageServer(**files) as pages:
        server = make_server(tmp_path, pages.origin)
        request.node.log_of = server.log
        server.start()
        tab = runtimes.Tab(chromium("React hooks"), pages.origin)
        try:
            tab.open(setup(server, "websocket"), "react.html")

            def presence() -> int:
                return len(server.api("presence", {"channel": "kept:x"}).result["presence"])

            def shows(last: int) -> None:
                tab.until(lambda: tab.page.evaluate(f"list0.lastChild?.textContent === '{last}'"), f"item {last}")
                for name in ("list0", "list1"):
                    items = tab.page.evaluate(f"[...{name}.children].map((each) => Number(each.textContent))")
                    assert items == list(range(1, last + 1))

            tab.until(lambda: presence() == 1, "subscription")
            publish(server, 1, 10)
            shows(10)
            server.kill()
            tab.until(lambda: tab.of("connecting"), "loss of the connection")
            assert tab.page.evaluate("document.querySelector('main').className") == "connecting"
            server.start()
            publish(server, 11, 20)
            shows(20)
            tab.page.evaluate("show(1)")
            tab.until(lambda: tab.page.evaluate("!document.getElementById('list1')"), "one list")
            publish(server, 21, 22)
            tab.until(lambda: tab.page.evaluate("list0.lastChild.textContent === '22'"), "item 22")
            tab.page.evaluate("show(0)")
            tab.until(lambda: presence() == 0, "end of the subscription")
        finally:
            tab.close()
            server.stop()


def test_the_clients_by_hand_moved_clocks():
    program = deno()
    run = subprocess.run(
        [program, "test", "-A", "--no-remote", "--no-check", *(
            str(ROOT / "Tests" / "Browser" / name) for name in (
            "transports_test.js", "calls_test.js", "codec_test.js", "examples_test.js"))],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300, cwd=ROOT, env=os.environ | {"NO_COLOR": "1"})
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-3000:]


def test_the_declarations_and_the_sources_pass_the_compiler():
    """Deno's compiler reads the sources and a program; an old one, where it is installed, the program."""
    program = deno()
    sources = ROOT / "Clients" / "js"
    for command in (
        [program, "check", "--no-remote", "--config", str(sources / "deno.json"), *map(str, (sources / "src").rglob("*.js"))],
        [program, "test", "-A", "--no-remote", "Tests/Browser/types_test.ts"],
        *([["tsc", "--strict", "--noEmit", "--target", "es2022", "--module", "esnext", "--moduleResolution", "node", "--lib",
            "es2022,dom,dom.iterable", "Tests/Browser/types_test.ts"]] if shutil.which("tsc") else []),
    ):
        run = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300, cwd=ROOT,
                             env=os.environ | {"NO_COLOR": "1"})
        assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-3000:]


def test_the_files_of_the_client_are_current_and_small():
    run = subprocess.run([sys.executable, BUILD, "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert len(gzip.compress((WEB / "pharos.min.js").read_bytes(), 9)) <= LIMIT


def test_the_package_has_what_it_names(tmp_path):
    """Node finds every entry, and each comes with its declarations."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("SKIP the package: node not found, looked for node")
    package = tmp_path / "node_modules" / "pharos-client"
    subprocess.run([BUILD, "--package", str(package)], check=True, capture_output=True)
    manifest = json.loads((package / "package.json").read_text())
    for entry in manifest["exports"].values():
        for target in entry.values() if isinstance(entry, dict) else [entry]:
            assert (package / target).is_file(), target
    assert manifest["sideEffects"] is False and manifest["type"] == "module"
    assert [path for path in package.iterdir() if path.name.count(".") == 3], "no file with a hash in its name"
    (tmp_path / "all.mjs").write_text("""
        import { Pharos } from 'pharos-client';
        import { Pharos as Small } from 'pharos-client/min';
        import { protobuf } from 'pharos-client/protobuf';
        for (const Each of [Pharos, Small]) console.log(new Each('wss://a/', { codec: protobuf }).state);
        """)
    run = subprocess.run([node, "all.mjs"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert run.stdout.split() == ["disconnected"] * 2, run.stderr
