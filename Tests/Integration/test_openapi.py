"""The description at `/openapi.json` is true: what schemathesis makes of it is answered as it says."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from harness.configuration import API_KEY


def explore(server, directory, *options: str) -> None:
    """A fixed seed, so that the same requests are made in each run.

    Two checks are left out, since they read success off the HTTP status: by the protocol an error is a body with status
    200, and what a schema allows may be refused by the configuration, such as a channel of an unknown namespace.
    """
    program = shutil.which("schemathesis", path=os.path.dirname(sys.executable))
    if program is None:
        pytest.skip("SKIP openapi: schemathesis not found, looked for schemathesis")
    run = subprocess.run(
        [program, "run", f"{server.base()}/openapi.json", "--seed", "20", "--max-examples", "25", "--no-color",
         "--header", f"X-API-Key: {API_KEY}", "--workers", "1",
         "--exclude-checks", "negative_data_rejection,positive_data_acceptance", *options],
        cwd=directory, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=300)
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]


def test_the_description_is_true(pharos, tmp_path):
    explore(pharos, tmp_path)


def test_the_description_of_raw_connections_is_true(launch, tmp_path):
    server = launch({"raw": [{"path": "/hear", "open": True}]})
    paths = server.request("GET", "/openapi.json").json["paths"]
    assert set(paths["/@connections/{id}"]) == {"get", "post", "delete"} and set(paths["/sr"]) == {"post"}
    explore(server, tmp_path, "--include-path-regex", "^/(sr|@connections)")


def test_it_names_every_method(pharos):
    document = pharos.request("GET", "/openapi.json").json
    paths = {path.removeprefix("/api/") for path in document["paths"] if path.startswith("/api/")}
    assert {"publish", "broadcast", "subscribe", "unsubscribe", "disconnect", "refresh", "presence", "presence_stats",
            "history", "history_remove", "channels", "info", "batch", "send", "connections"} <= paths
    assert document["openapi"].startswith("3.") and json.dumps(document)
