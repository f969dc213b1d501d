"""The servers that are compared: how each is found or installed, started, published to and stopped."""

import os
import pathlib
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "Benchmarks"
VENV = ROOT / ".tools" / "bench-venv"
SERVER_CPU = "0"
READY_SECONDS = 20
# Channels of this namespace keep history, as long polls need it: see pharos.yaml.
KEPT = "kept:"


class Missing(Exception):
    """A server is not here and could not be installed."""


class Running:
    """A started server with a folder and a port of its own; leaving the context ends exactly this process.

    settings: keys and values besides those of the peer's file; {folder} in a value is the server's own folder.
    """

    def __init__(self, peer, settings=None, tls=False):
        self.peer = peer
        self.settings = settings or {}
        self.port = free_port()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-"))
        self.tls_port = self.certificate = self.tls = None
        if tls:
            self.tls_port = free_port(self.port + 1)
            self.certificate, key = self.folder / "certificate.pem", self.folder / "key.pem"
            make_certificate(self.certificate, key)
            self.tls = (self.tls_port, self.certificate, key)

    def __enter__(self):
        # nginx's worker gives up its rights and still has to reach the folder.
        self.folder.chmod(0o755)
        settings = {key: value.replace("{folder}", str(self.folder)) for key, value in self.settings.items()}
        command = ["taskset", "-c", SERVER_CPU] + self.peer.command(self.folder, self.port, settings, self.tls)
        self.log = open(self.folder / "log", "wb")
        began = time.monotonic()
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT)
        self.pid = self.process.pid
        try:
            self._wait_until_accepting(began)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _wait_until_accepting(self, began):
        deadline = began + READY_SECONDS
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    self.start_ms = (time.monotonic() - began) * 1000
                    self.start_rss_kb = resident_kb(self.pid)
                    return
            if self.process.poll() is not None or time.monotonic() > deadline:
                text = (self.folder / "log").read_text(errors="replace")[-2000:]
                sys.exit(f"bench: {self.peer.name} does not start:\n{text}")
            time.sleep(0.001)

    def __exit__(self, *_):
        self.process.send_signal(self.peer.stop_signal)
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Pharos:
    name, title, stop_signal = "pharos", "Pharos", 9

    def __init__(self):
        self.binary = os.environ.get("PHAROS_BIN", str(ROOT / ".build" / "release" / "pharos"))
        self.serve = os.environ.get("PHAROS_SERVE")

    def prepare(self, install):
        if self.serve is None and not os.access(self.binary, os.X_OK):
            raise Missing(f"{self.binary} is not there: swift build -c release, or set PHAROS_BIN")

    def command(self, folder, port, settings, tls=None):
        if tls:
            settings = dict(settings, **{
                "http_server.tls.enabled": "true", "http_server.tls.port": tls[0],
                "http_server.tls.cert_pem_file": tls[1], "http_server.tls.key_pem_file": tls[2]})
        if self.serve:
            if settings:
                raise Missing("settings of its own, which a whole command (PHAROS_SERVE) does not take")
            return shlex.split(self.serve.replace("{port}", str(port)))
        command = [self.binary, "serve", "--config", str(FOLDER / "pharos.yaml")]
        for key, value in {"http_server.port": port, **settings}.items():
            command += ["--set", f"{key}={value}"]
        return command

    def version(self):
        if self.serve:
            return self.serve.split("/")[-1]
        return output([self.binary, "--version"])

    def fanload_subscriber(self, port, transport):
        if transport == "events":
            return ["--url", f"http://127.0.0.1:{port}/events?channel={{topic}}", "--expect", '"subscriptions"']
        if transport == "poll":
            # The cursor of an answer's body goes into the next request; empty in the first, which is the same as none.
            return [
                "--url", f"lp://127.0.0.1:{port}/poll?channel={KEPT}{{topic}}&cursor={{cursor}}",
                "--cursor", 'body:"cursor":".."', "--settle", "1s",
            ]
        return [
            "--url", f"ws://127.0.0.1:{port}/connection/websocket",
            # Both commands in one message, as clients of the protocol do.
            "--send", '{"id":1,"connect":{}}{x0a}{"id":2,"subscribe":{"channel":"{topics}"}}', "--expect", '"subscribe":',
            "--reply-to", "{}", "{}",
        ]

    def fanload_publisher(self, port, transport):
        kept = KEPT if transport == "poll" else ""
        return [
            "--pub", f"http://127.0.0.1:{port}/api/publish", "--pub-header", "Content-Type: application/json",
            "--body", '{"channel":"' + kept + '{topic}","data":{"m":"{mark}{fill}"}}', "--pub-fail", '"error"',
        ]


class Nchan:
    name, title, stop_signal = "nchan", "nchan", 15
    module_folders = ["/usr/lib/nginx/modules", "/usr/lib64/nginx/modules"]

    def prepare(self, install):
        if not self._is_here() and install:
            install_debian(["nginx-light", "libnginx-mod-nchan"])
        if not self._is_here():
            raise Missing("nginx with libnginx-mod-nchan")

    def _is_here(self):
        return shutil.which("nginx", path=SYSTEM_PATH) is not None and self._modules() is not None

    def _modules(self):
        for folder in self.module_folders:
            if os.path.exists(f"{folder}/ngx_nchan_module.so"):
                return folder
        return None

    def command(self, folder, port, settings, tls=None):
        text = (FOLDER / "peers" / "nchan.conf").read_text()
        secure = "" if not tls else (
            f"listen 127.0.0.1:{tls[0]} ssl backlog=4096; ssl_certificate {tls[1]}; ssl_certificate_key {tls[2]}; "
            "ssl_protocols TLSv1.2 TLSv1.3;")
        text = text.replace("SECURE", secure)
        text = text.replace("MODULES", self._modules()).replace("PREFIX", str(folder)).replace("PORT", str(port))
        (folder / "nchan.conf").write_text(text)
        return [shutil.which("nginx", path=SYSTEM_PATH), "-p", str(folder), "-c", str(folder / "nchan.conf")]

    def version(self):
        module = output(["dpkg-query", "-W", "-f", "${Version}", "libnginx-mod-nchan"])
        server = subprocess.run(
            [shutil.which("nginx", path=SYSTEM_PATH), "-v"], capture_output=True, text=True).stderr.strip()
        return f"{module} in {server.replace('nginx version: ', '')}"

    def fanload_subscriber(self, port, transport):
        if transport == "events":
            return ["--url", f"http://127.0.0.1:{port}/events?id={{topic}}", "--header", "Accept: text/event-stream"]
        if transport == "poll":
            return ["--url", f"lp://127.0.0.1:{port}/poll?id={{topic}}", "--cursor", "etag", "--settle", "1s"]
        return ["--url", f"ws://127.0.0.1:{port}/sub?id={{topic}}"]

    def fanload_publisher(self, port, transport):
        return ["--pub", f"http://127.0.0.1:{port}/{'pubkept' if transport == 'poll' else 'pub'}?id={{topic}}"]


class MicroWebSockets:
    name, title, stop_signal = "uws", "uWebSockets", 9
    package = "socketify==0.0.31"

    def prepare(self, install):
        if not self._is_here() and install:
            print("bench: installing socketify (uWebSockets) into .tools/bench-venv", file=sys.stderr)
            subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=False)
            subprocess.run([str(VENV / "bin" / "pip"), "install", "--quiet", self.package], check=False)
        if not self._is_here():
            raise Missing("socketify of PyPI, which brings uWebSockets")
        self.program = self._build() or (install and self._with_libraries()) or None
        if self.program is None:
            raise Missing("libuv and zlib, which socketify's library wants, or a C compiler for our part of it")

    def _library(self):
        return next(VENV.glob("lib/python3*/site-packages/socketify/libsocketify_linux_amd64.so"), None)

    def _is_here(self):
        return self._library() is not None

    def _build(self):
        """Our handlers over the library that the package brings: nothing of Python runs."""
        compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
        if compiler is None:
            return None
        program, library = VENV / "uws_server", self._library()
        built = subprocess.run(
            [compiler, "-O2", "-std=c17", "-o", str(program), str(FOLDER / "peers" / "uws_server.c"), str(library),
             f"-Wl,-rpath,{library.parent}"], capture_output=True, text=True)
        return program if built.returncode == 0 else None

    def _with_libraries(self):
        install_debian(["libuv1", "zlib1g", "gcc", "libc6-dev"])
        return self._build()

    def command(self, folder, port, settings, tls=None):
        return [str(self.program), str(port)] + [str(each) for each in tls or ()]

    def version(self):
        return "through " + self.package.replace("==", " ") + " of PyPI"

    def fanload_subscriber(self, port, transport):
        return ["--url", f"ws://127.0.0.1:{port}/", "--sub", "sub {topic}", "--expect", "ok", "--times", "K"]

    def fanload_publisher(self, port, transport):
        return ["--pub", f"http://127.0.0.1:{port}/pub?topic={{topic}}"]


SYSTEM_PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def prepare(names, install):
    """The wanted servers that are here, in the order wanted; what is missing is said loudly."""
    known = {peer.name: peer for peer in (Pharos(), Nchan(), MicroWebSockets())}
    unknown = [name for name in names if name not in known]
    if unknown:
        sys.exit(f"bench: no such server: {', '.join(unknown)}")
    ready = []
    for name in names:
        try:
            known[name].prepare(install)
            ready.append(known[name])
        except Missing as missing:
            print(f"SKIP {name}: not found: {missing}", file=sys.stderr)
    return ready


def install_debian(packages):
    """Installs packages so that no service starts: the daemon's own script is told no for the time."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return
    print(f"bench: installing {' '.join(packages)}", file=sys.stderr)
    policy = pathlib.Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        install = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
        environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        if subprocess.run(install, env=environment, stdout=subprocess.DEVNULL).returncode != 0:
            subprocess.run(["apt-get", "update"], stdout=subprocess.DEVNULL)
            subprocess.run(install, env=environment, stdout=subprocess.DEVNULL)
    finally:
        if ours:
            policy.unlink()


def make_certificate(certificate, key):
    """A self-signed certificate for 127.0.0.1, with the same kind of key for all servers."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    # nginx reads it before it gives up its rights, uWebSockets and we as ourselves.
    key.chmod(0o644)


def free_port(first=None):
    """A free port, below the range of outgoing connections."""
    for port in range(first or 20000 + os.getpid() % 5000, 32000):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    sys.exit("bench: no free port")


def resident_kb(pid):
    """Resident memory of a process in kB; 0 when it has ended."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def output(command):
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()
