"""The facts for operators: in the log, the metrics, `config check` and `doctor`."""

import asyncio
import json
import os
import re
import shutil
import socket
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from harness import tokens
from harness.asking import asking
from harness.configuration import BASE, PUBLISH_ONLY_KEY, merged
from harness.server import ROOT, Server, binary, clean_environment, free_port, poll

DISK = {"channel": {"namespaces": [{"name": "kept", "history_size": 9, "history_ttl": "60s", "durability": "disk"}]}}


def run(*arguments: str, cwd, environment=None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [binary(), *arguments], cwd=cwd, env=clean_environment() | (environment or {}), capture_output=True, text=True,
        timeout=60)


# The environment


def service_links(service: str) -> dict[str, str]:
    """What Kubernetes sets for a Service."""
    return {
        f"{service}_SERVICE_HOST": "10.96.7.1", f"{service}_SERVICE_PORT": "8000", f"{service}_SERVICE_PORT_HTTP": "8000",
        f"{service}_PORT": "tcp://10.96.7.1:8000", f"{service}_PORT_8000_TCP": "tcp://10.96.7.1:8000",
        f"{service}_PORT_8000_TCP_PROTO": "tcp", f"{service}_PORT_8000_TCP_PORT": "8000",
        f"{service}_PORT_8000_TCP_ADDR": "10.96.7.1",
    }


@pytest.mark.parametrize("service", ["PHAROS", "PHAROS_HTTP", "PHAROS_HTTP_SERVER"])
def test_a_service_of_the_servers_own_name_does_not_keep_it_from_starting(launch, service):
    server = launch(environment=service_links(service))
    name = service.lower().replace("_", "-")
    assert f"a Service called {name};" in server.log()
    path = str(server.directory / "pharos.yaml")
    for command in (["config", "check"], ["doctor"]):
        told = run(*command, "--config", path, cwd=server.directory, environment=service_links(service))
        assert told.returncode == 0, (command, told.stdout, told.stderr)
        assert f"a Service called {name};" in told.stdout, (command, told.stdout)


def test_a_mistake_in_a_variable_is_still_an_error(tmp_path):
    for variable, value in (("PHAROS_HTTP_PORT", "9000"), ("PHAROS_HTTP_SERVER_PROT", "9000")):
        for command in ("config check", "doctor", "serve"):
            told = run(*command.split(), cwd=tmp_path, environment={variable: value})
            assert told.returncode == 1 and variable in told.stdout + told.stderr, (command, told.stdout, told.stderr)


# The doctor


def doctor(server: Server, *arguments: str) -> subprocess.CompletedProcess:
    return run("doctor", "--config", str(server.directory / "pharos.yaml"), *arguments, cwd=server.directory)


def test_the_doctor_takes_a_running_pharos_for_what_it_is(launch):
    server = launch(merged(DISK, {}))
    told = doctor(server)
    assert told.returncode == 0, told.stdout
    assert f"port {server.port} is served by a running Pharos, pharos (pid {server.pid}), which is well" in told.stdout
    assert f"port {server.tls_port} is served by the same" in told.stdout
    assert f"{server.directory}/pharos-data is in use by the running Pharos (process {server.pid})" in told.stdout
    # Another one would not start beside it.
    told = doctor(server, "--port", str(free_port()), "--set", "http_server.tls.enabled=false")
    assert told.returncode == 1 and "is in use by another server" in told.stdout, told.stdout


def test_the_doctor_knows_a_running_pharos_without_health(launch):
    server = launch({"health": {"enabled": False}})
    told = doctor(server)
    assert told.returncode == 0 and "is served by a running Pharos" in told.stdout, told.stdout


def test_the_doctor_does_not_take_another_server_for_pharos(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        told = run("doctor", "--port", str(other.getsockname()[1]), cwd=tmp_path)
    assert told.returncode == 1 and "is taken by" in told.stdout, told.stdout


def test_the_doctor_looks_at_the_stores_directory_as_serve_uses_it(tmp_path):
    port = str(free_port())
    server = Server(tmp_path, merged(merged(BASE, DISK), {}))

    def told(*arguments: str) -> subprocess.CompletedProcess:
        return doctor(server, "--port", port, *arguments)

    fresh = told()
    assert fresh.returncode == 0 and f"{tmp_path}/pharos-data can be made" in fresh.stdout, fresh.stdout
    assert "MiB free" in fresh.stdout
    assert not (tmp_path / "pharos-data").exists()
    (tmp_path / "file").write_text("")
    for path in ("file", "file/below"):
        wrong = told("--set", f"store.path={path}")
        assert wrong.returncode == 1 and f"{tmp_path}/file" in wrong.stdout, wrong.stdout
    assert told("--set", "store.path=/proc/nothing").returncode == 1
    assert "can be made" not in told("--set", "store.path=").stdout


# Origins in the configuration


def test_an_origin_that_can_never_match_is_refused_with_its_spelling(tmp_path):
    server = Server(tmp_path, merged(BASE, {"client": {"allowed_origins": ["https://a.example/"]}}))
    server.spawn()
    assert server.wait() != 0
    assert "client.allowed_origins" in server.log() and "`https://a.example`" in server.log()


# The form of the log


def is_rfc3339(text: str) -> bool:
    return re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text) is not None


def lines_of(text: str) -> list[dict]:
    """Each line as JSON; the story fails at the first that is none."""
    lines = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        assert is_rfc3339(line["time"]) and line["level"] and line["message"], line
    return lines


async def test_with_log_format_json_every_line_is_json(tmp_path, dial):
    server = Server(tmp_path, None, environment={"PHAROS_HTTP_PORT": "tcp://10.0.0.1:80"})
    server.arguments = ["--dev", "--port", str(server.port), "--set", "log.format=json", "--set", "log.level=trace"]
    server.start()
    try:
        peer = await dial(server, connect={})
        await peer.send_raw("nonsense")
        await peer.ended()
        # Requests that are given up in every state.
        for request in (b"POST /api/publish HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", b"GET /nothing HT",
                        b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /api/nothing HTTP/1.1\r\nHost: x\r\n"
                        b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"):
            with socket.create_connection(("127.0.0.1", server.port)) as client:
                client.sendall(request)
        await asyncio.to_thread(server.request, "GET", "/metrics")
    finally:
        server.stop()
    lines = lines_of(server.log())
    messages = [line["message"] for line in lines]
    assert any("listening on" in message for message in messages)
    assert any("a Service called pharos-http" in message for message in messages)
    assert not [line for line in lines if line["level"] in ("error", "critical")], lines


def test_a_start_that_fails_is_said_in_json_too(tmp_path):
    for arguments in (["--set", "log.format=json", "--set", "node.name="],
                      ["--set", "log.format=json", "--set", "http_server.prot=1"],
                      ["--set", "log.format=json", "--config", "/nowhere/pharos.yaml"]):
        told = run("serve", *arguments, cwd=tmp_path)
        assert told.returncode == 1
        assert [line["level"] for line in lines_of(told.stderr)] == ["critical"] and not told.stdout
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        told = run("serve", "--set", "log.format=json", "--port", str(port), cwd=tmp_path)
    assert told.returncode == 1
    assert "in use" in lines_of(told.stdout + told.stderr)[-1]["message"]


# Who was refused, and what came to nothing


class Watched:
    """A server whose log is read line by line as JSON, and whose counters are read beside it."""

    def __init__(self, server: Server):
        self.server = server

    def lines(self, message: str) -> list[dict]:
        lines = [json.loads(line) for line in self.server.log()[self.server.log_start :].splitlines()]
        return [line for line in lines if line["message"].startswith(message)]

    async def told(self, counter: str, label: str, value: str, message: str, **fields) -> dict:
        """The line of a refusal that has been counted under `value`, once it is there, with these fields."""
        sample = f'pharos_{counter}{{{label}="{value}"}}'

        def found():
            return [line for line in self.lines(message) if line.get(label) == value]

        lines = await asyncio.to_thread(poll, found, f"the log to tell of {sample}")
        assert (await asyncio.to_thread(self.server.metrics))[sample] >= 1
        line = lines[-1]
        assert fields.items() <= line.items(), (fields, line)
        assert line["address"] == "127.0.0.1" and is_rfc3339(line["time"]), line
        return line


@pytest.fixture
def watch(launch):
    def start(changes: dict | None = None, **options) -> Watched:
        return Watched(launch(merged({"log": {"format": "json", "level": "info"}}, changes or {}), **options))

    return start


EVERYTHING = {name: {"enabled": True} for name in ("http_stream", "sse", "events", "poll")}
UPGRADE = {
    "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


@pytest.mark.parametrize("way", ["ws", "wss"])
@pytest.mark.parametrize("path", [
    "/connection/websocket", "/connection/http_stream", "/connection/sse", "/events", "/poll", "/connection/poll"])
async def test_a_refused_origin_is_told_with_the_key_that_would_admit_it(watch, path, way):
    watched = watch(EVERYTHING)
    headers = (UPGRADE if path.endswith("websocket") else {}) | {
        "Origin": "https://evil.example", "Cookie": "session=a-secret-cookie"}
    answer = watched.server.request("GET", path + "?token=a-secret-token&channel=open:x", headers=headers, scheme=way)
    assert answer.status == 403
    line = await watched.told(
        "origins_refused_total", "reason", "not_allowed", "origin refused", origin="https://evil.example", path=path)
    assert "client.allowed_origins" in line["message"]
    assert "a-secret" not in watched.server.log()


@pytest.mark.parametrize("way", ["ws", "wss"])
async def test_a_refused_api_key_is_told_without_the_key(watch, way):
    watched = watch()
    api = watched.server.api
    assert api("publish", {"channel": "open:x", "data": 1}, key="a-secret-key", scheme=way).status == 401
    await watched.told("api_keys_refused_total", "reason", "wrong", "API key refused", path="/api/publish")
    assert api("info", key=None, scheme=way).status == 401
    await watched.told("api_keys_refused_total", "reason", "missing", "API key refused", path="/api/info")
    assert api("info", key=PUBLISH_ONLY_KEY, scheme=way).status == 403
    await watched.told("api_keys_refused_total", "reason", "scope", "API key refused", path="/api/info")
    assert "a-secret" not in watched.server.log()


@pytest.mark.parametrize("way", ["ws", "wss"])
async def test_a_refused_token_is_told_with_the_reason(watch, dial, wire, way):
    watched = watch(EVERYTHING)
    forged = tokens.signed({"sub": "7"}, key="another key, of the same length as the right one, since it is checked")
    peer = await dial(watched.server, way, wire)
    await peer.send({"id": 1, "connect": {"token": forged}})
    assert await peer.ended() == 3500
    line = await watched.told(
        "tokens_refused_total", "reason", "signature", "token refused", use="connection")
    assert line["client"] and line["why"]
    peer = await dial(watched.server, way, wire, connect={"token": tokens.connection("ann")})
    await peer.send({"id": 5, "subscribe": {"channel": "locked:x", "token": tokens.subscription("locked:x", "bob")}})
    assert await peer.ended() == 3500
    await watched.told(
        "tokens_refused_total", "reason", "mismatch", "token refused", use="subscription", user="ann", client=peer.client)
    peer = await dial(watched.server, way, wire, connect={"token": tokens.connection("ann")})
    await peer.send({"id": 5, "refresh": {"token": "nonsense"}})
    assert await peer.ended() == 3500
    await watched.told("tokens_refused_total", "reason", "malformed", "token refused", use="refresh", user="ann")
    before = len(watched.lines("token refused"))
    late = tokens.connection("ann", expires_in=-10)
    assert (await (await dial(watched.server, way, wire)).refused("connect", token=late)) == 109
    assert watched.server.metrics()['pharos_tokens_refused_total{reason="expired"}'] == 1
    # Of every day: counted only.
    assert len(watched.lines("token refused")) == before
    for path in ("/poll?channel=open:x&token=", "/events?channel=open:x&token="):
        count = watched.server.metric("pharos_tokens_refused_total")
        assert watched.server.request("GET", path + forged, scheme=way).status in (401, 403)
        assert watched.server.metric("pharos_tokens_refused_total") == count + 1


async def test_a_key_set_out_of_reach_is_told_and_so_are_its_clients(watch, dial):
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}/keys.json"
    watched = watch({"client": {"token": {"jwks_public_endpoint": endpoint + "?key=a-secret"}}})

    def failed():
        return watched.lines("key set out of reach")

    line = (await asyncio.to_thread(poll, failed, "the key set to be missed"))[-1]
    assert line["endpoint"] == endpoint and line["reason"] == "unreachable" and line["why"], line
    assert watched.server.metrics()['pharos_key_set_failures_total{reason="unreachable"}'] >= 1
    token = tokens.signed({"sub": "7"}, key=ec.generate_private_key(ec.SECP256R1()), algorithm="ES256")
    peer = await dial(watched.server)
    assert await peer.refused("connect", token=token) == 100
    await watched.told("tokens_refused_total", "reason", "keys_unavailable", "token refused", use="connection")
    assert "a-secret" not in watched.server.log()


async def test_an_unknown_namespace_is_told(watch, dial, wire):
    watched = watch(EVERYTHING)
    peer = await dial(watched.server, "ws", wire, connect={"token": tokens.connection("ann")})
    assert await peer.refused("subscribe", channel="nowhere:x") == 102
    line = await watched.told(
        "unknown_namespaces_total", "method", "subscribe", "unknown channel", channel="nowhere:x", user="ann",
        client=peer.client)
    assert "channel.namespaces" in line["message"]
    assert await peer.refused("publish", channel="nowhere:x", data=1) == 102
    await watched.told("unknown_namespaces_total", "method", "publish", "unknown channel", channel="nowhere:x")
    assert watched.server.api("publish", {"channel": "nowhere:y", "data": 1}).error["code"] == 102
    await watched.told("unknown_namespaces_total", "method", "api", "unknown channel", channel="nowhere:y", call="publish")
    assert watched.server.request("GET", "/poll?channel=nowhere:z").status == 404
    await watched.told("unknown_namespaces_total", "method", "poll", "unknown channel", channel="nowhere:z")


async def test_what_a_client_was_denied_is_told(watch, dial, wire):
    watched = watch(EVERYTHING | {"client": {"allow_anonymous_connect_without_token": False}})
    assert await (await dial(watched.server, "ws", wire)).refused("connect") == 103
    await watched.told("commands_denied_total", "method", "connect", "permission denied")
    peer = await dial(watched.server, "ws", wire, connect={"token": tokens.connection("ann")})
    for method, fields in (("subscribe", {}), ("publish", {"data": 1}), ("history", {}), ("presence", {})):
        assert await peer.refused(method, channel="locked:x", **fields) == 103
        await watched.told(
            "commands_denied_total", "method", method, "permission denied", channel="locked:x", user="ann",
            client=peer.client)
    token = tokens.connection("bob")
    assert watched.server.request("GET", f"/poll?channel=locked:x&token={token}").status == 403
    await watched.told(
        "commands_denied_total", "method", "poll", "permission denied", channel="locked:x", user="bob")


async def test_a_hook_that_failed_is_told_with_its_status(watch, dial, origin):
    changes = asking(origin, "connect", "rpc", "subscribe")
    watched = watch(changes)
    origin.on("connect", {"result": {"user": "ann"}})
    origin.on("rpc", 502)
    peer = await dial(watched.server, connect={})
    assert await peer.refused("rpc", method="app:x", data=1) == 100
    await watched.told(
        "hook_failures_total", "reason", "status_5xx", "hook failed", hook="rpc", origin="rpc", status="502", user="ann",
        client=peer.client)
    origin.on("rpc", {"error": {"code": 103, "message": "permission denied"}})
    assert await peer.refused("rpc", method="app:x", data=1) == 103
    await watched.told("commands_denied_total", "method", "rpc", "permission denied", user="ann", client=peer.client)
    origin.stop()
    assert await peer.refused("rpc", method="app:x", data=1) == 100
    line = await watched.told("hook_failures_total", "reason", "unreachable", "hook failed", hook="rpc", user="ann")
    assert "status" not in line


async def test_an_address_behind_a_trusted_proxy_is_the_clients(watch, dial):
    watched = watch({"edge": {"trusted_proxies": ["127.0.0.0/8"]}})
    server = watched.server
    server.request(
        "GET", "/connection/websocket", headers=UPGRADE | {"Origin": "https://evil.example", "X-Forwarded-For": "10.1.2.3"})
    peer = await dial(server, connect={}, headers={"X-Forwarded-For": "10.1.2.4"})
    assert await peer.refused("subscribe", channel="nowhere:x") == 102
    for message, address in (("origin refused", "10.1.2.3"), ("unknown channel", "10.1.2.4")):
        line = (await asyncio.to_thread(poll, lambda: watched.lines(message), message))[0]
        assert line["address"] == address, line


async def test_a_flood_of_refusals_writes_few_lines_and_is_counted_whole(watch):
    watched = watch()
    for _ in range(60):
        assert watched.server.api("info", key="wrong").status == 401
    assert watched.server.metrics()['pharos_api_keys_refused_total{reason="wrong"}'] == 60
    lines = await asyncio.to_thread(
        poll, lambda: [line for line in watched.lines("API key refused") if "suppressed" in line], "the rest to be told", 60)
    told = [line for line in watched.lines("API key refused") if "reason" in line]
    assert len(told) + sum(int(line["suppressed"]) for line in lines) == 60
    assert len(told) <= 30


@pytest.mark.parametrize("form", ["text", "json"])
async def test_foreign_text_never_forges_a_line(launch, dial, form):
    server = launch({"log": {"format": form, "level": "trace"}})
    forged = "\n2026-01-01T00:00:00.000Z error forged\r\n{\"level\":\"error\",\"message\":\"forged\"}\u2028\u0085\x1b[2J"
    user = "ann" + forged
    peer = await dial(server, connect={"token": tokens.connection(user)})
    assert await peer.refused("subscribe", channel="nowhere:x" + forged) == 102
    assert await peer.refused("subscribe", channel="locked:" + forged) == 103
    server.request("GET", "/connection/websocket", headers=UPGRADE | {"Origin": "https://a\tb\x1b[2J\x85"})
    await asyncio.to_thread(poll, lambda: server.log().count("forged") >= 2, "the refusals")
    for line in server.log().split("\n"):
        assert not line.startswith(("2026-01-01", '{"level":"error"')) and '"message":"forged"}' != line, line
        assert not any(character in line for character in "\x1b\r\u2028\u0085"), line
        if form == "json" and line:
            json.loads(line)


# Metrics


@pytest.fixture
def promtool() -> str:
    program = os.environ.get("PROMTOOL") or shutil.which("promtool")
    if program is None:
        pytest.skip("SKIP promtool: promtool not found, looked for promtool and in PROMTOOL")
    return program


async def test_the_metrics_of_a_busy_server_pass_promtool(launch, dial, origin, promtool):
    server = launch(merged(asking(origin, "rpc"), EVERYTHING))
    peers = [await dial(server, wire=wire, connect={"token": tokens.connection(str(n))})
             for n, wire in enumerate(("json", "protobuf") * 3)]
    for peer in peers:
        await peer.subscribe("open:x")
        await peer.ask("publish", channel="open:x", data={"n": 1})
        await peer.refused("subscribe", channel="locked:x")
        await peer.refused("subscribe", channel="nowhere:x")
        await peer.ask("rpc", method="app:x", data=1)
        await peer.ask("history", channel="open:x", limit=5)
    origin.on("rpc", 500)
    await peers[0].refused("rpc", method="app:x", data=1)
    server.publish("open:x", {"n": 2})
    server.api("info", key="wrong")
    server.request("GET", "/connection/websocket", headers=UPGRADE | {"Origin": "https://evil.example"})
    server.request("GET", "/nothing")
    text = await asyncio.to_thread(lambda: server.request("GET", "/metrics").body)
    checked = await asyncio.to_thread(
        subprocess.run, [promtool, "check", "metrics"], input=text, capture_output=True, timeout=60)
    assert checked.returncode == 0 and not checked.stderr.strip() and not checked.stdout.strip(), (
        checked.stdout, checked.stderr, text.decode())


def test_every_refusal_has_a_counter_from_the_start(launch):
    server = launch()
    names = re.findall(r"\| `(pharos_\w+)` \| `(\w+)`: (.*) \|", (ROOT / "docs" / "operating.md").read_text())
    assert len(names) >= 7
    samples = server.metrics()
    for name, label, values in names:
        for value in re.findall(r"`(\w+)`", values):
            assert f'{name}{{{label}="{value}"}}' in samples
