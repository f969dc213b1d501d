"""What scripts/package made: installed, started, used, stopped, removed, each in a root with nothing else in it.

PHAROS_DIST is the folder with the packages. Roots and namespaces need root; a machine that has booted needs systemd inside.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile
import time

import pytest

from harness.clean_root import SYSTEM, Machine, Root, debian_tar, layers, why_not
from harness.server import ROOT, free_port, poll

DIST = pathlib.Path(os.environ.get("PHAROS_DIST", ROOT / "dist"))
KEY = "the-key-of-the-packages-story"
# Everything a client can be allowed, and history on the disk.
OPEN = f"""
http_server: {{address: 127.0.0.1, port: 8000}}
http_api: {{key: "{KEY}"}}
client: {{insecure: true}}
health: {{enabled: true}}
store: {{path: /var/lib/pharos}}
channel: {{without_namespace: {{history_size: 10, history_ttl: 1h, force_recovery: true, durability: disk}}}}
"""

needs_roots = pytest.mark.skipif(bool(why_not()), reason=f"SKIP packages: {why_not()}")


def only(pattern: str) -> pathlib.Path:
    found = [path for path in DIST.glob(pattern)]
    assert len(found) == 1, f"{pattern} in {DIST}: {found}"
    return found[0]


def server_package() -> pathlib.Path:
    return only("pharos_*.deb")


def field(package: pathlib.Path, name: str) -> str:
    return subprocess.run(["dpkg-deb", "-f", package, name], check=True, capture_output=True, text=True).stdout.strip()


# What is in dist


def test_every_file_has_the_sum_that_is_written_down():
    lines = (DIST / "SHA256SUMS").read_text().splitlines()
    named = {}
    for line in lines:
        sum_, name = line.split("  ")
        named[name] = sum_
    files = {path.name for path in DIST.iterdir() if path.is_file() and path.name != "SHA256SUMS"}
    assert set(named) == files
    for name, sum_ in named.items():
        assert hashlib.sha256((DIST / name).read_bytes()).hexdigest() == sum_, name


def test_the_packages_belong_to_root_and_hold_nothing_of_the_machine_that_made_them():
    listing = subprocess.run(["dpkg-deb", "-c", server_package()], check=True, capture_output=True, text=True).stdout
    assert all(line.split()[1] == "root/root" for line in listing.splitlines()), listing
    assert re.search(r"^-rwxr-xr-x root/root\s.* \./usr/bin/pharos$", listing, re.MULTILINE)
    archive = subprocess.run(["tar", "-tvzf", only("pharos-*-linux-*[0-9].tar.gz")], check=True, capture_output=True, text=True).stdout
    assert all(line.split()[1] == "root/root" for line in archive.splitlines()), archive


def test_the_executable_is_small_and_its_symbols_stand_beside(tmp_path):
    subprocess.run(["dpkg-deb", "-x", server_package(), tmp_path / "server"], check=True)
    subprocess.run(["dpkg-deb", "-x", only("pharos-dbgsym_*.deb"), tmp_path / "symbols"], check=True)
    executable = tmp_path / "server" / "usr" / "bin" / "pharos"
    assert executable.stat().st_size < 40 * 1024 * 1024
    notes = subprocess.run(["readelf", "-n", executable], check=True, capture_output=True, text=True).stdout
    identity = re.search(r"Build ID: (\w+)", notes).group(1)
    symbols = tmp_path / "symbols" / "usr" / "lib" / "debug" / ".build-id" / identity[:2] / f"{identity[2:]}.debug"
    sections = subprocess.run(["readelf", "-SW", symbols], check=True, capture_output=True, text=True).stdout
    assert ".symtab" in sections and ".debug_line" in sections
    assert ".symtab" not in subprocess.run(["readelf", "-SW", executable], check=True, capture_output=True, text=True).stdout


def test_the_executable_is_hardened_as_far_as_a_linker_can():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run(["dpkg-deb", "-x", server_package(), folder], check=True)
        read = subprocess.run(
            ["readelf", "-hldW", folder / "usr" / "bin" / "pharos"], check=True, capture_output=True, text=True).stdout
    assert "DYN (Position-Independent Executable file)" in read
    assert "GNU_RELRO" in read and re.search(r"FLAGS\s.*BIND_NOW|FLAGS_1.*NOW", read)
    assert re.search(r"GNU_STACK .* RW ", read)
    # It finds its libraries where the system has them; a path beside the executable would find others.
    assert not re.search(r"R(UN)?PATH.*/", read)


def test_the_bill_of_materials_names_all_that_is_linked():
    document = json.loads(only("*.spdx.json").read_text())
    assert document["spdxVersion"] == "SPDX-2.3"
    packages = {each["SPDXID"]: each for each in document["packages"]}
    assert len(packages) == len(document["packages"])
    pins = {each["identity"] for each in json.loads((ROOT / "deploy" / "Package.resolved").read_text())["pins"]}
    by_relation = {}
    for relation in document["relationships"]:
        by_relation.setdefault(relation["relationshipType"], set()).add(packages[relation["relatedSpdxElement"]]["name"])
    assert by_relation["STATIC_LINK"] == pins | {"swift"}
    depends = {each.split()[0] for each in field(server_package(), "Depends").split(", ")}
    assert by_relation["DYNAMIC_LINK"] <= depends
    for each in document["packages"]:
        assert each["versionInfo"] and each["licenseDeclared"]


@pytest.mark.skipif(shutil.which("lintian") is None, reason="SKIP lintian: not found")
def test_lintian_finds_nothing():
    done = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error,warning", server_package(), only("pharos-dbgsym_*.deb")],
        capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_manual_page_names_every_command(tmp_path):
    subprocess.run(["dpkg-deb", "-x", server_package(), tmp_path], check=True)
    page = subprocess.run(["zcat", tmp_path / "usr/share/man/man1/pharos.1.gz"], check=True, capture_output=True, text=True).stdout
    for command in ("serve", "pub", "sub", "token", "config", "bench", "doctor", "health", "version"):
        assert f'.SS "pharos {command}"' in page, command
    if shutil.which("man"):
        warned = subprocess.run(
            ["man", "--warnings", "-l", tmp_path / "usr/share/man/man1/pharos.1.gz"], capture_output=True, text=True,
            env=os.environ | {"LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MANPAGER": "cat"})
        assert warned.returncode == 0 and not warned.stderr, warned.stderr


# The Debian package, on a machine that has booted


@pytest.fixture
def machine(tmp_path):
    """A Debian machine with what the package says that it depends on, and nothing of it installed yet."""
    depends = [each.split()[0] for each in field(server_package(), "Depends").split(", ")]
    root = Root(tmp_path / "root").unpack(debian_tar([*SYSTEM, *depends]))
    (root.path / "tmp").chmod(0o1777)
    for package in (server_package(),):
        shutil.copy(package, root.path / "root" / "pharos.deb")
    with Machine(root) as booted:
        yield booted


def install(machine: Machine) -> str:
    done = machine.run("dpkg", "--install", "/root/pharos.deb", environment={"DEBIAN_FRONTEND": "noninteractive"})
    return done.stdout + done.stderr


def show(machine: Machine, name: str) -> str:
    return machine.run("systemctl", "show", "--property", name, "--value", "pharos.service").stdout.strip()


def open_files(machine: Machine, process: str) -> tuple[int, int]:
    line = re.search(r"^Max open files\s+(\d+)\s+(\d+)", machine.run("cat", f"/proc/{process}/limits").stdout, re.MULTILINE)
    return int(line.group(1)), int(line.group(2))


def is_ready(machine: Machine) -> bool:
    return machine.run("pharos", "health", check=False).returncode == 0


def publish(machine: Machine, data: str) -> None:
    said = machine.run("pharos", "pub", "--api-key", KEY, "news", data)
    assert "offset" in said.stdout, said.stdout


def listener(machine: Machine, path: pathlib.Path, **more):
    """A subscriber of the channel in that machine, which writes what it hears."""
    return machine.start("pharos", "sub", "--json", "news", log=open(path, "ab"), **more)


@needs_roots
@pytest.mark.timeout(600)
def test_installed_used_stopped_removed_and_purged(machine, tmp_path):
    install(machine)
    # It runs, as its own user, with what a fresh installation permits: nothing.
    poll(lambda: is_ready(machine), "the service to be ready")
    assert machine.run("systemctl", "is-enabled", "pharos.service").stdout.strip() == "enabled"
    process = show(machine, "MainPID")
    status = machine.run("cat", f"/proc/{process}/status").stdout
    number = machine.run("id", "-u", "pharos").stdout.strip()
    assert re.search(rf"^Uid:\s+{number}\s+{number}\s+{number}\s+{number}$", status, re.MULTILINE) and number != "0"
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
    assert re.search(r"^Seccomp:\s+2$", status, re.MULTILINE)
    assert re.search(r"^CapBnd:\s+0+$", status, re.MULTILINE)
    # As the unit says, or as many as this machine gives to its first process.
    soft, hard = open_files(machine, process)
    assert soft == hard == min(1048576, max(hard, open_files(machine, "1")[1]))
    refused = machine.run("pharos", "pub", "news", '"hello"', check=False)
    assert refused.returncode == 1, refused.stdout
    secret = machine.root.path / "etc" / "pharos" / "pharos.yaml"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o640 and secret.stat().st_uid == 0

    # Its configuration, and a message through it.
    secret.write_text(OPEN)
    machine.run("systemctl", "restart", "pharos.service")
    poll(lambda: is_ready(machine), "the service to be ready again")
    heard = tmp_path / "heard"
    client = listener(machine, heard)
    poll(lambda: heard.exists() and "news" in heard.read_text(), "the subscription")
    publish(machine, '{"n":1}')
    poll(lambda: '{"n":1}' in heard.read_text().replace(" ", ""), "the publication")

    # Reload reads the certificate again, in the same process.
    process = show(machine, "MainPID")
    machine.run("systemctl", "reload", "pharos.service")
    assert show(machine, "MainPID") == process and show(machine, "ActiveState") == "active"

    # Killed, it comes back by itself with what it had stored, and so does the client.
    machine.run("systemctl", "kill", "--signal=KILL", "pharos.service")
    poll(lambda: show(machine, "MainPID") not in (process, "0") and is_ready(machine), "the service to come back")
    publish(machine, '{"n":2}')
    poll(lambda: '{"n":2}' in heard.read_text().replace(" ", ""), "the publication after the restart")
    data = machine.root.path / "var" / "lib" / "pharos"
    assert stat.S_IMODE(data.stat().st_mode) == 0o750 and any(data.iterdir())

    # Installed once more: the administrator's file stays, the service runs with it.
    install(machine)
    assert secret.read_text() == OPEN and stat.S_IMODE(secret.stat().st_mode) == 0o640
    poll(lambda: is_ready(machine), "the service after an installation over itself")
    publish(machine, '{"n":3}')

    # Stopped: in time, and in order.
    began = time.monotonic()
    machine.run("systemctl", "stop", "pharos.service")
    assert time.monotonic() - began < 40
    assert show(machine, "Result") == "success" and show(machine, "ExecMainStatus") == "0"
    client.kill()
    client.wait()

    # Removed: the service is gone, configuration and data stay, and serve again.
    machine.run("systemctl", "start", "pharos.service")
    process = show(machine, "MainPID")
    assert process != "0"
    machine.run("dpkg", "--remove", "pharos")
    assert not (machine.root.path / "usr" / "bin" / "pharos").exists()
    assert machine.run("test", "-e", f"/proc/{process}", check=False).returncode == 1
    assert secret.exists() and any(data.iterdir())
    install(machine)
    poll(lambda: is_ready(machine), "the service after a removal")
    publish(machine, '{"n":4}')

    # Purged: nothing is left but the user, whose number must not come to mean another.
    machine.run("dpkg", "--purge", "pharos")
    assert not data.exists() and not secret.parent.exists()
    assert machine.run("systemctl", "cat", "pharos.service", check=False).returncode != 0
    assert machine.run("dpkg-query", "-W", "pharos", check=False).returncode != 0
    assert machine.run("id", "-u", "pharos").stdout.strip() == number
    left = [line for line in machine.run("find", "/etc", "/usr", "/lib", "/var/lib", "-xdev", "-iname", "*pharos*").stdout.splitlines()]
    assert left == [], left
    install(machine)
    poll(lambda: is_ready(machine), "the service after a purge")


@needs_roots
@pytest.mark.timeout(600)
def test_systemd_finds_nothing_wrong_with_the_unit(machine):
    install(machine)
    verified = machine.run("systemd-analyze", "verify", "--man=no", "/lib/systemd/system/pharos.service", check=False)
    assert verified.returncode == 0 and not verified.stderr.strip(), verified.stderr
    # Exposure from 0 to 10, in tenths.
    judged = machine.run("systemd-analyze", "security", "--threshold=15", "--no-pager", "pharos.service", check=False)
    assert judged.returncode == 0, judged.stdout
    assert int(show(machine, "TimeoutStopUSec").removesuffix("s")) > 30


# The image and the tarball, each in a root that holds nothing else


def configured(root: pathlib.Path, port: int, user: int) -> None:
    text = OPEN.replace("port: 8000", f"port: {port}")
    (root / "etc" / "pharos").mkdir(parents=True, exist_ok=True)
    (root / "etc" / "pharos" / "pharos.yaml").write_text(text)
    data = root / "var" / "lib" / "pharos"
    data.mkdir(parents=True, exist_ok=True)
    os.chown(data, user, user)


def ask(executable: list[str], *words: str, **more) -> subprocess.CompletedProcess:
    return subprocess.run([*executable, *words], capture_output=True, text=True, timeout=60, **more)


@contextlib.contextmanager
def started(root: Root, words: list[str], log_path: pathlib.Path, environment=None):
    with open(log_path, "ab") as log:
        process = root.start(*words, environment=environment, writable=["var/lib/pharos"], log=log)
    try:
        def listens() -> bool:
            assert process.poll() is None, log_path.read_text()
            return "listening on" in log_path.read_text()

        poll(listens, "the server to listen")
        yield process
        process.terminate()
        assert process.wait(40) == 0, log_path.read_text()
    finally:
        process.kill()
        process.wait()


def message_goes_through(client: list[str], port: int, path: pathlib.Path) -> None:
    """`client` starts the pharos that is tried, as a client of itself."""
    with open(path, "ab") as log:
        hears = subprocess.Popen(
            [*client, "sub", "--json", "--url", f"ws://127.0.0.1:{port}/connection/websocket", "news"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        poll(lambda: "news" in path.read_text(), "the subscription")
        told = ask([*client], "pub", "--url", f"http://127.0.0.1:{port}", "--api-key", KEY, "news", '{"n":1}')
        assert told.returncode == 0, told.stderr
        poll(lambda: '{"n":1}' in path.read_text().replace(" ", ""), "the publication")
    finally:
        hears.kill()
        hears.wait()


@needs_roots
def test_the_image_serves_in_a_root_with_nothing_but_its_layers(tmp_path):
    layout = next(path for path in DIST.glob("pharos-*-oci-*") if path.is_dir())
    root = Root(tmp_path / "root")
    image = layers(layout, root.path)
    settings, port = image["config"], free_port()
    assert settings["User"] == "65532:65532"
    assert not (root.path / "usr/bin/sh").exists() and not (root.path / "bin/sh").exists()
    configured(root.path, port, 65532)
    environment = dict(each.split("=", 1) for each in settings["Env"]) | {"PHAROS_HTTP_SERVER_ADDRESS": "127.0.0.1"}
    with started(root, settings["Entrypoint"] + settings["Cmd"], tmp_path / "log", environment) as process:
        inside = root.beside(process)
        message_goes_through([*inside, "/usr/bin/pharos"], port, tmp_path / "heard")
        # The check of the image's health is the program itself: there is no other one.
        check = settings["Healthcheck"]["Test"]
        assert check[0] == "CMD"
        asked = ask(inside, *check[1:], env={"PHAROS_HTTP_SERVER_PORT": str(port), "PATH": os.environ["PATH"]})
        assert asked.returncode == 0, asked.stderr
        asked = ask(inside, *check[1:], env={"PHAROS_HTTP_SERVER_PORT": str(free_port()), "PATH": os.environ["PATH"]})
        assert asked.returncode == 1
    # It trusts the authorities that are inside: what it says of a server without a name it knows is not "no authorities".
    assert (root.path / "etc/ssl/certs/ca-certificates.crt").read_text().count("BEGIN CERTIFICATE") > 100


@needs_roots
@pytest.mark.skipif(not (shutil.which("podman") and shutil.which("runc")), reason="SKIP podman: podman or runc not found")
def test_the_image_runs_in_a_container(tmp_path):
    """Without the network's and the groups' part, which are the host's: with its user, its root, its end."""
    # A path of at most 50 characters.
    short = tempfile.mkdtemp(prefix="ph", dir="/tmp")
    podman = ["podman", "--root", f"{short}/images", "--runroot", f"{short}/run", "--storage-driver", "vfs",
              "--cgroup-manager", "cgroupfs", "--events-backend", "file", "--runtime", "runc"]

    def run(*words: str, check: bool = True) -> str:
        done = subprocess.run([*podman, *words], capture_output=True, text=True, timeout=120)
        assert not check or done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout.strip() + done.stderr

    run("load", "-i", str(only("pharos-*-oci-*.tar")))
    version = only("pharos-*-oci-*.tar").name.split("-oci-")[0].removeprefix("pharos-")
    port = free_port()
    (tmp_path / "etc" / "pharos").mkdir(parents=True)
    (tmp_path / "etc" / "pharos" / "pharos.yaml").write_text(OPEN.replace("port: 8000", f"port: {port}"))
    client = [*podman, "exec", "pharos-test", "/usr/bin/pharos"]
    try:
        run("run", "--detach", "--name", "pharos-test", "--network", "host", "--read-only", "--cap-drop", "ALL",
            "--ulimit", "nofile=4096:4096", "--ulimit", "nproc=1000:1000", "--security-opt", "no-new-privileges",
            "--volume", f"{tmp_path}/etc/pharos:/etc/pharos:ro", "--volume", "data:/var/lib/pharos",
            "--env", "PHAROS_HTTP_SERVER_ADDRESS=127.0.0.1", "--env", f"PHAROS_HTTP_SERVER_PORT={port}", f"localhost/pharos:{version}")
        poll(lambda: ask(client, "health").returncode == 0, "the container to be ready")
        message_goes_through(client, port, tmp_path / "heard")
        run("stop", "--time", "40", "pharos-test")
        assert run("inspect", "--format", "{{.State.ExitCode}}", "pharos-test") == "0"
    finally:
        run("rm", "--force", "--time", "0", "pharos-test", check=False)
        shutil.rmtree(short, ignore_errors=True)


@needs_roots
def test_the_image_is_the_same_in_one_file(tmp_path):
    layout = next(path for path in DIST.glob("pharos-*-oci-*") if path.is_dir())
    subprocess.run(["tar", "-C", tmp_path, "-xf", only("pharos-*-oci-*.tar")], check=True)
    ours = {path.relative_to(layout): path.read_bytes() for path in layout.rglob("*") if path.is_file()}
    assert {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == ours


@needs_roots
def test_the_tarball_serves_in_a_root_with_nothing_but_the_libraries_that_it_names(tmp_path):
    root = Root(tmp_path / "root").unpack(only("pharos-*-linux-*[0-9].tar.gz"))
    folder = next(root.path.iterdir())
    for line in (folder / "LIBRARIES").read_text().splitlines():
        name = line.split()[0]
        found = next(path for path in map(pathlib.Path, [
            f"/lib64/{name}", f"/lib/{os.uname().machine}-linux-gnu/{name}", f"/usr/lib/{os.uname().machine}-linux-gnu/{name}",
            f"/lib/{name}"]) if path.exists())
        target = root.path / str(found).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(found.resolve(), target)
        target.chmod(0o755)
    port = free_port()
    configured(root.path, port, 65532)
    program = f"/{folder.name}/bin/pharos"
    with started(root, [program, "serve", "--config", "/etc/pharos/pharos.yaml"], tmp_path / "log") as process:
        message_goes_through([*root.beside(process), program], port, tmp_path / "heard")
