"""Moving in: configurations of Centrifugo that are imported, and servers that start with them as they are."""

import json
import pathlib
import stat
import subprocess

import cent
import pytest

from harness import tokens
from harness.configuration import API_KEY, HMAC_KEY
from harness.origin import Origin
from harness.server import Server, binary, clean_environment

FIXTURES = pathlib.Path(__file__).parent / "fixtures" / "centrifugo"
# As they are generated, with keys that are known here.
NESTED = {
    "client": {"token": {"hmac_secret_key": HMAC_KEY}, "allowed_origins": []},
    "admin": {"enabled": False, "password": "p4ssw0rd", "secret": "s3cr3t"},
    "http_api": {"key": API_KEY},
}
FLAT = {
    "token_hmac_secret_key": HMAC_KEY, "admin_password": "p4ssw0rd", "admin_secret": "s3cr3t", "api_key": API_KEY,
    "allowed_origins": [], "health": True,
    "namespaces": [{"name": "chat", "presence": True, "history_size": 10, "history_ttl": "60s", "force_recovery": True,
                    "allow_subscribe_for_client": True}],
}


def run(*arguments: str, cwd, environment=None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [binary(), *arguments], cwd=cwd, env=clean_environment() | (environment or {}), capture_output=True, text=True,
        timeout=60)


@pytest.fixture
def serve(tmp_path):
    """Starts a server with a file as it is."""
    servers: list[Server] = []

    def start(path: pathlib.Path, environment: dict | None = None) -> Server:
        directory = tmp_path / f"server{len(servers)}"
        directory.mkdir()
        server = Server(directory, None, environment=environment)
        server.arguments = ["--config", str(path), "--port", str(server.port)]
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.stop()


async def works(server: Server, dial, channel: str | None = None) -> None:
    """A client comes in by a token, and a back end publishes by the API key."""
    peer = await dial(server, connect={"token": tokens.connection("42")})
    api = cent.Client(f"{server.base()}/api", API_KEY)
    assert api.info(cent.InfoRequest()).nodes[0].num_clients == 1
    if channel:
        await peer.subscribe(channel)
        assert api.publish(cent.PublishRequest(channel=channel, data={"n": 1})).offset == 1
        assert (await peer.publication(channel))["data"] == {"n": 1}


@pytest.mark.parametrize("document", [NESTED, FLAT], ids=["version 6", "version 5"])
async def test_a_generated_file_is_imported_and_a_server_runs_with_it(tmp_path, serve, dial, document):
    source, target = tmp_path / "config.json", tmp_path / "pharos.yaml"
    source.write_text(json.dumps(document))
    told = run("config", "import", str(source), "--output", str(target), cwd=tmp_path)
    assert told.returncode == 0, (told.stdout, told.stderr)
    assert f"written: {target}; next: pharos config check --config {target}" in told.stdout
    for secret in (HMAC_KEY, API_KEY, "p4ssw0rd", "s3cr3t"):
        assert secret not in told.stdout + told.stderr
    assert stat.S_IMODE(target.stat().st_mode) == 0o600 and HMAC_KEY in target.read_text()
    assert run("config", "check", "--config", str(target), cwd=tmp_path).returncode == 0
    await works(serve(target), dial, "chat:room" if document is FLAT else None)


@pytest.mark.parametrize("document", [NESTED, FLAT], ids=["version 6", "version 5"])
async def test_a_server_starts_with_such_a_file_as_it_is(tmp_path, serve, dial, document):
    source = tmp_path / "config.json"
    source.write_text(json.dumps(document))
    server = serve(source)
    assert "`pharos config import` writes them as keys of Pharos" in server.log() or document is NESTED
    await works(server, dial, "chat:room" if document is FLAT else None)


async def test_a_server_starts_with_variables_alone_and_ours_win(tmp_path, serve, dial):
    empty = tmp_path / "empty.yaml"
    empty.write_text("")
    variables = {
        "CENTRIFUGO_CLIENT_TOKEN_HMAC_SECRET_KEY": "another", "PHAROS_CLIENT_TOKEN_HMAC_SECRET_KEY": HMAC_KEY,
        "CENTRIFUGO_API_KEY": API_KEY, "CENTRIFUGO_URL": "http://centrifugo/", "CENTRIFUGO_HEALTH": "1",
    }
    server = serve(empty, variables)
    assert "passed over CENTRIFUGO_URL" in server.log()
    assert server.request("GET", "/health").status == 200
    await works(server, dial)
    told = run("config", "import", "--from-env", cwd=tmp_path, environment=variables)
    assert told.returncode == 2 and "CENTRIFUGO_URL" in told.stderr and API_KEY in told.stdout
    assert API_KEY not in told.stderr


async def test_the_statuses_of_an_import(tmp_path):
    def status(*arguments: str) -> tuple[int, str]:
        told = run("config", "import", *arguments, cwd=tmp_path)
        return told.returncode, told.stderr

    (tmp_path / "there.yaml").write_text("")
    (tmp_path / "half.json").write_text(json.dumps({"presence": True, "history_size": 10}))
    assert status(str(FIXTURES / "tls.toml")) [0] == 0
    assert status("nothing.json") == (1, "pharos: nothing.json: cannot be read: No such file or directory\n")
    assert status(str(FIXTURES / "tls.toml"), "--output", "there.yaml") == (
        1, "pharos: cannot write there.yaml: File exists\n")
    code, report = status(str(FIXTURES / "transports.yaml"))
    assert code == 2 and "uni_sse: nearest: `events.enabled`" in report
    code, report = status("half.json")
    assert code == 3 and "to correct in the written file:" in report and "history_ttl" in report
    assert status()[0] == 64


async def test_a_connect_proxy_is_asked_as_before(tmp_path, serve, dial):
    origin = Origin(secret="").start()
    try:
        origin.on("connect", {"result": {"user": "ann"}})
        source = tmp_path / "config.json"
        source.write_text(json.dumps({"client": {"proxy": {"connect": {
            "enabled": True, "endpoint": f"http://127.0.0.1:{origin.port}/connect", "timeout": "5s"}}}}))
        peer = await dial(serve(source), connect={})
        assert peer is not None and len(origin.requests) == 1
    finally:
        origin.stop()


def test_a_key_that_is_not_there_keeps_the_server_from_starting_and_names_the_command(tmp_path):
    source = tmp_path / "config.json"
    source.write_text(json.dumps(NESTED | {"uni_sse": {"enabled": True}}))
    told = run("serve", "--config", str(source), cwd=tmp_path)
    assert told.returncode == 1
    assert "`uni_sse.enabled`: not available in this version; nearest: `events.enabled`" in told.stderr
    assert "pharos config import" in told.stderr and HMAC_KEY not in told.stderr


def test_show_changed_prints_nothing_for_a_file_of_defaults(tmp_path):
    (tmp_path / "pharos.yaml").write_text(run("config", "default", cwd=tmp_path).stdout)
    told = run("config", "show", "--changed", "--config", "pharos.yaml", cwd=tmp_path)
    assert (told.returncode, told.stdout.strip()) == (0, "")
    told = run("config", "show", "--changed", "--config", "pharos.yaml", "--set", "log.level=debug", cwd=tmp_path)
    assert told.stdout.strip() == "log.level = debug  # flag"
