"""nginx, HAProxy and Caddy in front of nodes, with the configurations that docs/deployment.md shows."""

import os
import pathlib
import re
import shutil
import subprocess

from .cluster import Cluster, listens
from .server import ROOT, free_port, poll

PAGE = ROOT / "docs" / "deployment.md"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What the page says, and what stands for it in a story.
LISTENS, FIRST, SECOND = "8080", "127.0.0.1:8001", "127.0.0.1:8002"


def shown(language: str) -> str:
    """The configuration that the page shows."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1, f"{len(blocks)} blocks of {language} in {PAGE}"
    return blocks[0]


def program(name: str) -> str | None:
    return shutil.which(name, path=SYSTEM_PATH)


class Proxy:
    """A proxy in a process of its own in front of two nodes."""

    name = ""

    def __init__(self, directory: pathlib.Path, nodes, timeout: str | None = None):
        self.directory, self.port = directory, free_port()
        directory.mkdir(parents=True)
        text = shown(self.name)
        for written, meant in ((FIRST, f"127.0.0.1:{nodes[0].port}"), (SECOND, f"127.0.0.1:{nodes[1].port}")):
            assert text.count(written) == 1, written
            text = text.replace(written, meant)
        assert len(re.findall(rf"\b{LISTENS}\b", text)) == 1
        text = re.sub(rf"(\S*?){LISTENS}\b", lambda found: self.address(found.group(1)), text)
        if timeout is not None:
            text, count = re.subn(r"\b75s", timeout, text)
            assert count or self.name == "caddy"
        self.configure(text)
        self.process: subprocess.Popen | None = None

    def address(self, before: str) -> str:
        """The words for "this machine only, at this story's port"; `before` is what the page has in front of the port."""
        raise NotImplementedError

    def configure(self, text: str) -> None:
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> "Proxy":
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={"PATH": SYSTEM_PATH, "HOME": str(self.directory), "XDG_DATA_HOME": str(self.directory),
                     "XDG_CONFIG_HOME": str(self.directory)})

        def is_up() -> bool:
            assert self.process.poll() is None, self.log()
            return listens(self.port)

        poll(is_up, f"{self.name} to listen")
        return self

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")


class Nginx(Proxy):
    name = "nginx"

    def address(self, before: str) -> str:
        return f"{before}127.0.0.1:{self.port}"

    def configure(self, text: str) -> None:
        folders = "".join(
            f"{kind}_temp_path {self.directory}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;\n" if os.geteuid() == 0 else ""
        (self.directory / "nginx.conf").write_text(
            f"{user}daemon off;\npid {self.directory}/pid;\nerror_log stderr info;\nevents {{}}\n"
            f"http {{\naccess_log off;\n{folders}{text}}}\n")

    def command(self) -> list[str]:
        return [program("nginx"), "-p", str(self.directory), "-c", str(self.directory / "nginx.conf")]


class HAProxy(Proxy):
    name = "haproxy"

    def address(self, before: str) -> str:
        return f"127.0.0.1:{self.port}"

    def configure(self, text: str) -> None:
        (self.directory / "haproxy.cfg").write_text(text)

    def command(self) -> list[str]:
        return [program("haproxy"), "-db", "-f", str(self.directory / "haproxy.cfg")]


class Caddy(Proxy):
    name = "caddy"

    def address(self, before: str) -> str:
        return f"http://127.0.0.1:{self.port}"

    def configure(self, text: str) -> None:
        (self.directory / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https off\n}\n" + text)

    def command(self) -> list[str]:
        return [program("caddy"), "run", "--adapter", "caddyfile", "--config", str(self.directory / "Caddyfile")]


PROXIES = {each.name: each for each in (Nginx, HAProxy, Caddy)}


class Behind(Cluster):
    """Two nodes with a proxy in front."""

    def __init__(self, directory: pathlib.Path, name: str, changes: dict, timeout: str | None = None):
        super().__init__(directory, "topic", 2, changes)
        self.proxy = PROXIES[name](directory / name, self.nodes, timeout)

    def start(self) -> "Behind":
        super().start()
        self.proxy.start()
        return self

    def stop(self) -> None:
        self.proxy.stop()
        super().stop()
