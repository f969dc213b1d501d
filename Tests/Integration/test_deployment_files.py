"""The files below deploy that no other test reads: what the server thinks of them, and that they agree with the pages."""

import os
import re
import subprocess

import yaml

from harness.proxies import FIRST, SECOND, shown
from harness.server import ROOT, binary, clean_environment

DOCKER = ROOT / "deploy" / "docker"


def check(path, environment=None) -> str:
    told = subprocess.run(
        [binary(), "config", "check", "-c", str(path)], capture_output=True, text=True, timeout=60,
        env=clean_environment() | (environment or {}))
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


def version() -> str:
    source = (ROOT / "Sources" / "PharosDomain" / "PharosVersion.swift").read_text()
    return re.search(r'current = "([^"]+)"', source).group(1)


def test_the_packages_own_configuration_opens_nothing():
    said = check(ROOT / "deploy" / "pharos.yaml")
    for closed in ("no key for tokens", "no allowed origins", "no API key"):
        assert closed in said


def test_what_it_has_in_comments_is_understood_too(tmp_path):
    """Every line that looks like a key, without its mark."""
    text = (ROOT / "deploy" / "pharos.yaml").read_text()
    opened = re.sub(r"^#(?=[a-z ] |[a-z_]+:)", "", text, flags=re.MULTILINE)
    assert set(yaml.safe_load(opened)) == {"http_server", "store", "health", "http_api", "client", "channel", "edge"}
    (tmp_path / "pharos.yaml").write_text(opened)
    check(tmp_path / "pharos.yaml")


def test_the_nodes_of_the_compose_file_are_configured():
    compose = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    for name in ("a", "b"):
        node = compose["services"][name]
        assert node["image"] == f"pharos:{version()}"
        variables = {key: re.sub(r"^\$\{\w+:\?\}$", "x" * 32, value) for key, value in node["environment"].items()}
        assert variables["PHAROS_NODE_NAME"] == name
        said = check(DOCKER / "pharos.yaml", variables)
        assert "no key for tokens" not in said and "no API key" not in said
        assert node["read_only"] is True and node["cap_drop"] == ["ALL"]


def test_the_proxy_of_the_compose_file_is_that_of_the_page():
    written = (DOCKER / "nginx.conf").read_text().split("\n", 1)[1]
    assert written == shown("nginx").replace(FIRST, "a:8000").replace(SECOND, "b:8000")


def test_the_version_stands_in_one_place_and_all_others_agree():
    done = subprocess.run([str(ROOT / "scripts" / "version"), "check"], capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert subprocess.run([str(ROOT / "scripts" / "version")], capture_output=True, text=True).stdout.strip() == version()


def test_the_program_says_its_version_and_the_same_with_the_option():
    said = [subprocess.run([binary(), word], capture_output=True, text=True).stdout for word in ("version", "--version")]
    assert said[0] == said[1] and re.fullmatch(rf"pharos {re.escape(version())}( \([0-9a-f]{{12}}(-changed)?\))?\n", said[0]), said


def test_the_page_names_the_version_that_is_packed():
    page = (ROOT / "docs" / "deployment.md").read_text()
    assert set(re.findall(r"pharos[-_:](\d+\.\d+\.\d+)", page)) == {version()}
