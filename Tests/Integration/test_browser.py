"""The browser client in deno and the demo page in headless Chromium, against the real server."""

import importlib.util
import os
import shutil
import subprocess
import sys

import pytest

from harness.server import ROOT, Server

BROWSER = ROOT / "Tests" / "Browser"


@pytest.fixture
def development(tmp_path, request):
    server = Server(tmp_path, None)
    server.arguments = ["--dev", "--port", str(server.port)]
    request.node.log_of = server.log
    server.start()
    yield server
    server.stop()


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


def test_the_browser_client_by_itself():
    run_deno("pharos_test.js")


def test_the_browser_client_against_the_server(development):
    run_deno("pharos_live_test.js", PHAROS_URL=development.base())


def test_the_demo_page(development):
    """Two tabs talk to each other and count each other, the charts fill, and the page survives a restart."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("SKIP demo page: chromium not found, looked for chromium")
    specification = importlib.util.spec_from_file_location("demo_page_test", BROWSER / "demo_page_test.py")
    page = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(page)
    page.CHROMIUM = chromium

    def restart() -> None:
        development.stop()
        development.start()

    page.run(development.base() + "/", restart)
