"""What is packaged: version, commit, time, architecture, and the folders that everything is taken from."""

import dataclasses
import os
import pathlib
import platform
import re
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
VERSION_FILE = ROOT / "Sources" / "PharosDomain" / "PharosVersion.swift"
SUMMARY = "real-time messaging server"
DESCRIPTION = (
    "A back end publishes once, and every connected client gets it, in order, from exactly where it left off: over "
    "WebSocket, HTTP streams, server-sent events and long polls. History, presence, tokens, and several nodes that work as one."
)
# What Debian, OCI images and `uname -m` call the same processor.
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def git(*arguments: str) -> str:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], check=True, capture_output=True, text=True).stdout.strip()


def source_version() -> str:
    """The version that the sources name: the one place where it stands."""
    return re.search(r'current = "([^"]+)"', VERSION_FILE.read_text()).group(1)


@dataclasses.dataclass
class Release:
    # Semantic version: that of the sources at their tag, else with the commit behind it.
    version: str
    commit: str
    # Seconds since 1970: the time of all files.
    epoch: int
    machine: str

    @classmethod
    def of_working_tree(cls) -> "Release":
        version, commit = source_version(), git("rev-parse", "HEAD")
        epoch = int(os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct"))
        changed = bool(git("status", "--porcelain", "--untracked-files=no"))
        if changed or f"v{version}" not in git("tag", "--points-at", "HEAD").split():
            day = time.strftime("%Y%m%d", time.gmtime(epoch))
            version += f"-git.{day}.{commit[:7]}" + (".changed" if changed else "")
        return cls(version, commit, epoch, platform.machine())

    @property
    def debian_version(self) -> str:
        """A `~` sorts before everything: what precedes 0.2.0 is older than 0.2.0."""
        return self.version.replace("-", "~", 1)

    @property
    def debian_architecture(self) -> str:
        return ARCHITECTURES[self.machine]

    @property
    def time(self) -> str:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.epoch))
