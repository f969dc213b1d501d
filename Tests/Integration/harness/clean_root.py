"""Roots with nothing in them but what a package asks for: to install into, to start in, and to boot with systemd."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tarfile
import tempfile
import time

from .server import ROOT, poll

# Kept between runs: making it takes a minute or two.
CACHE = ROOT / ".build" / "package-roots"
# What the machine of a user has beside the packages that ours depends on.
SYSTEM = ["systemd", "systemd-sysv", "init-system-helpers"]

BOOT = """
set -e
root=$1
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for each in null zero full random urandom tty; do
    touch "$root/dev/$each"
    mount --bind "/dev/$each" "$root/dev/$each"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs tmpfs "$root/dev/shm"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
ip link set lo up 2>/dev/null || true
cd "$root"
pivot_root . mnt
umount -l /mnt
exec env -i container=pharos-test PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --show-status=0
"""


def why_not() -> str:
    """What this machine lacks for roots; empty: nothing."""
    if os.geteuid() != 0:
        return "only root may make roots and namespaces"
    for tool in ("mmdebstrap", "unshare", "nsenter", "chroot"):
        if shutil.which(tool) is None:
            return f"{tool} not found"
    if subprocess.run(["unshare", "--mount", "--pid", "--fork", "true"], capture_output=True).returncode != 0:
        return "namespaces are not permitted here"
    return "" if control_groups() else "no cgroup2 is mounted"


def control_groups() -> pathlib.Path | None:
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2":
            return pathlib.Path(place)
    return None


def debian_tar(packages: list[str]) -> pathlib.Path:
    """A Debian system of this machine's release with these packages, and with what they need themselves."""
    CACHE.mkdir(parents=True, exist_ok=True)
    name = "-".join(sorted(packages))[:200]
    made = CACHE / f"{name}.tar"
    if not made.exists():
        release = subprocess.run(
            ["bash", "-c", ". /etc/os-release && echo $VERSION_CODENAME"], check=True, capture_output=True, text=True).stdout.strip()
        sources = [str(path) for path in sorted(pathlib.Path("/etc/apt/sources.list.d").glob("debian*.sources"))]
        if not sources:
            sources = ["/etc/apt/sources.list"]
        partial = made.with_suffix(".partial.tar")
        done = subprocess.run(
            ["mmdebstrap", "--variant=essential", f"--include={','.join(packages)}", "--skip=check/empty", release,
             str(partial), *sources], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]
        partial.rename(made)
    return made


class Root:
    """A folder that becomes `/` of what is started in it."""

    def __init__(self, path: pathlib.Path):
        self.path = path

    def unpack(self, archive: pathlib.Path) -> "Root":
        self.path.mkdir(parents=True, exist_ok=True)
        subprocess.run(["tar", "-C", str(self.path), "-xf", str(archive)], check=True)
        return self

    def start(self, *words: str, user: int = 65532, environment=None, writable=(), log) -> subprocess.Popen:
        """A process of that user in namespaces of its own, for which everything but `writable` is read-only."""
        # A container always has /proc: the words of a command are read from it.
        (self.path / "proc").mkdir(exist_ok=True)
        script = ['mount --make-rprivate /', 'mount --bind "$1" "$1"', 'mount --bind /proc "$1/proc"']
        script += [f'mount --bind "$1/{each}" "$1/{each}"' for each in writable]
        script += ['mount -o remount,bind,ro "$1"', 'root=$1', 'shift',
                   f'exec {shutil.which("chroot")} --userspec={user}:{user} "$root" "$@"']
        return subprocess.Popen(
            ["unshare", "--mount", "bash", "-ec", "\n".join(script), "bash", str(self.path), *words],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={"PATH": os.environ["PATH"]} | (environment or {}))


    def beside(self, process: subprocess.Popen, user: int = 65532) -> list[str]:
        """What precedes a command that is to run where `process` does."""
        return ["nsenter", "-t", str(process.pid), "--mount", "--", "chroot", f"--userspec={user}:{user}", str(self.path)]


class Machine:
    """A root that systemd has booted, with network and processes of its own."""

    def __init__(self, root: Root):
        self.root = root
        self.log_path = root.path.parent / "boot.log"
        self.group = control_groups() / f"pharos-test-{os.getpid()}-{time.monotonic_ns()}"
        self.process: subprocess.Popen | None = None
        self.init = 0

    def __enter__(self) -> "Machine":
        self.group.mkdir()

        def join_group():
            (self.group / "cgroup.procs").write_text("0")

        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                ["unshare", "--fork", "--pid", "--kill-child", "--mount", "--uts", "--ipc", "--net", "--cgroup", "bash", "-c", BOOT,
                 "bash", str(self.root.path)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=join_group)
        try:
            self.init = poll(self._child, "the first process of the machine")
            poll(self._has_booted, "systemd to have booted", 90)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _child(self) -> int:
        assert self.process.poll() is None, self.log_path.read_text()
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0]) if children else 0

    def _has_booted(self) -> bool:
        return self.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded")

    def run(self, *words: str, check: bool = True, environment=None) -> subprocess.CompletedProcess:
        done = subprocess.run(
            ["nsenter", "-t", str(self.init), "--all", "--", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL,
            timeout=120, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"} | (environment or {}))
        assert not check or done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def start(self, *words: str, log) -> subprocess.Popen:
        return subprocess.Popen(
            ["nsenter", "-t", str(self.init), "--all", "--", *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})

    def __exit__(self, *_) -> None:
        # With the first process of its namespace every other one ends.
        if self.init:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.init, 9)
        if self.process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(30)
        for folder in sorted(self.group.rglob("*"), reverse=True):
            if folder.is_dir():
                with contextlib.suppress(OSError):
                    folder.rmdir()
        with contextlib.suppress(OSError):
            self.group.rmdir()


def layers(layout: pathlib.Path, root: pathlib.Path) -> dict:
    """Unpacks the layers of an image in the OCI layout, each of which must have the sum that names it; its configuration."""
    import hashlib
    import json

    def blob(digest: str) -> pathlib.Path:
        path = layout / "blobs" / digest.replace(":", "/")
        assert "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest() == digest
        return path

    index = json.loads((layout / "index.json").read_text())
    manifest = json.loads(blob(index["manifests"][0]["digest"]).read_text())
    configuration = json.loads(blob(manifest["config"]["digest"]).read_text())
    root.mkdir(parents=True)
    for layer in manifest["layers"]:
        path = blob(layer["digest"])
        assert path.stat().st_size == layer["size"]
        with tempfile.TemporaryDirectory():
            subprocess.run(["tar", "-C", str(root), "--numeric-owner", "-xzpf", str(path)], check=True)
        with tarfile.open(path) as archive:
            assert not [entry.name for entry in archive if entry.name.startswith(("/", ".."))]
    return configuration
