"""docs/tokens.md: its programs make tokens that the server takes, and its tables hold what the server knows."""

import json
import pathlib
import re
import shutil
import subprocess
import time

import jwt
import pytest

from harness.configuration import HMAC_KEY
from harness.peer import Peer
from harness.server import binary, clean_environment

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "tokens.md").read_text()
VARIABLE = "PHAROS_CLIENT_TOKEN_HMAC_SECRET_KEY"


def program(language: str) -> str:
    """The document's program in a language, without the indent of the list that it is in."""
    text = re.search(rf"^   ```{language}\n(.*?)^   ```$", DOCUMENT, re.MULTILINE | re.DOTALL)[1]
    return "".join(line.removeprefix("   ") + "\n" for line in text.splitlines())


def claims_of(title: str) -> list[str]:
    part = DOCUMENT.split(f"## {title}\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in part.splitlines() if line.startswith("| `")]
    return [claim for row in rows for claim in re.findall(r"`([^`]+)`", row)]


async def is_user(server, token: str, user: str) -> None:
    peer = await Peer.open(server)
    await peer.connect(token=token)
    await peer.subscribe("open:x")
    members = server.api("presence", {"channel": "open:x"}).result["presence"]
    assert members[peer.client]["user"] == user
    await peer.close()


async def test_the_python_program_makes_a_token(launch, monkeypatch):
    monkeypatch.setenv(VARIABLE, HMAC_KEY)
    names: dict = {}
    exec(program("python"), names)
    await is_user(launch(), names["connection_token"]("42"), "42")


async def test_the_node_program_makes_a_token(launch, tmp_path):
    runtime = next((found for found in (shutil.which("node"), shutil.which("deno")) if found), None)
    if runtime is None:
        pytest.skip("neither node nor deno is here")
    (tmp_path / "token.mjs").write_text(program("js") + "console.log(connectionToken('42'));\n")
    command = [runtime, *(["run", "-A"] if runtime.endswith("deno") else []), str(tmp_path / "token.mjs")]
    made = subprocess.run(
        command, env=clean_environment() | {VARIABLE: HMAC_KEY}, capture_output=True, text=True, check=True, timeout=60)
    await is_user(launch(), made.stdout.strip(), "42")


def test_the_servers_own_command_makes_and_inspects_tokens():
    environment = clean_environment() | {VARIABLE: HMAC_KEY}
    token = subprocess.run(
        [binary(), "token", "create", "--user", "42"], env=environment, capture_output=True, text=True, check=True).stdout.strip()
    said = subprocess.run([binary(), "token", "inspect", token], env=environment, capture_output=True, text=True, check=True)
    assert "42" in said.stdout
    other = subprocess.run([binary(), "token", "inspect", token], env=environment | {VARIABLE: "x" * 32}, capture_output=True)
    assert other.returncode == 1


# A value of the wrong type for each claim that has a type; the server refuses the token.
WRONG = {
    "sub": 5, "exp": "soon", "expire_at": "soon", "nbf": "soon", "b64info": 5, "channels": "news", "subs": [], "meta": 5,
    "channel": "open:x"}


@pytest.mark.parametrize("claim", claims_of("Claims of a connection token"))
async def test_each_claim_of_a_connection_token_is_read(launch, claim):
    """A wrong value of a claim that the document lists is not passed over: so the server reads it."""
    settings = {"client": {"token": {"hmac_secret_key": HMAC_KEY, "audience": "a", "issuer": "i"}}}
    server = launch(settings)
    right = {"sub": "42", "exp": int(time.time()) + 600, "aud": "a", "iss": "i"}
    peer = await Peer.open(server)
    await peer.connect(token=jwt.encode(right, HMAC_KEY, algorithm="HS256"))
    await peer.close()
    if claim == "info":
        # Any JSON will do: it shows in presence.
        peer = await Peer.open(server)
        await peer.connect(token=jwt.encode(right | {"info": {"name": "Ann"}}, HMAC_KEY, algorithm="HS256"))
        await peer.subscribe("open:x")
        members = server.api("presence", {"channel": "open:x"}).result["presence"]
        assert members[peer.client]["conn_info"] == {"name": "Ann"}
        return await peer.close()
    wrong = right | {claim: WRONG.get(claim, "another")}
    refused = await Peer.open(server)
    # PyJWT will not sign some of them itself.
    token = jwt.api_jws.encode(json.dumps(wrong).encode(), HMAC_KEY, algorithm="HS256")
    await refused.send({"id": 1, "connect": {"token": token}})
    assert await refused.ended() == 3500


async def test_each_claim_of_a_subscription_token_is_known():
    """The names in the document are those that the sources read."""
    sources = "".join(path.read_text() for path in (ROOT / "Sources" / "PharosAuth" / "Claims").glob("*.swift"))
    known = set(re.findall(r'"(\w+)"', sources))
    for claim in claims_of("Claims of a subscription token") + claims_of("Claims of a connection token"):
        if not claim.startswith("{"):
            assert claim in known, claim
