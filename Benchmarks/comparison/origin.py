"""Rows about the application behind Pharos: what a hook costs, and raw messages beside Pushpin's."""

import http.client
import json
import shutil
import socket
import statistics
import subprocess
import time

from .load import LOAD_CPU, Failed, Noted, drive
from .peers import FOLDER, ROOT, SYSTEM_PATH, Missing, Pharos, Running, free_port, install_debian, output

SOURCE = FOLDER / "origin" / "origin.c"
CLIENTS, CYCLES = 5_000, 4
ECHOING, ECHO_SECONDS = 100, 10
STRANGERS = 200


class Origin:
    """The test origin as a process of its own, on the load's processor."""

    def __enter__(self):
        self.port = free_port()
        self.process = subprocess.Popen(["taskset", "-c", LOAD_CPU, str(program()), str(self.port)])
        wait_for(self.port, self.process)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def url(self, path):
        return f"http://127.0.0.1:{self.port}/{path}"

    def asked(self):
        """How many requests it has had."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("POST", "/asked", b"")
        found = json.loads(connection.getresponse().read())
        connection.close()
        return found["result"]["requests"]


def program():
    """The origin, built if its source is newer."""
    target = ROOT / ".tools" / "bench-origin"
    if not target.exists() or target.stat().st_mtime < SOURCE.stat().st_mtime:
        compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
        if compiler is None:
            raise Missing("a C compiler for Benchmarks/origin/origin.c")
        target.parent.mkdir(exist_ok=True)
        subprocess.run([compiler, "-O2", "-std=c17", "-o", str(target), str(SOURCE)], check=True)
    return target


def wait_for(port, process):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.005)
    raise Failed("the test origin does not start")


class WithOrigin(Pharos):
    """Pharos with a configuration of its own: `connect` and `raw` are addresses of the origin, "" without."""

    def __init__(self, connect="", raw=""):
        super().__init__()
        self.origins = {name: url for name, url in (("connect", connect), ("raw", raw)) if url}

    def command(self, folder, port, settings, tls=None):
        if self.serve:
            raise Missing("a configuration of its own, which a whole command (PHAROS_SERVE) does not take")
        configuration = {
            "http_server": {"address": "127.0.0.1", "port": port},
            "http_api": {"insecure": True},
            "client": {"stale_close_delay": "60s", "allow_anonymous_connect_without_token": True},
            "channel": {"without_namespace": {
                "allow_subscribe_for_client": True, "allow_subscribe_for_anonymous": True}},
            "edge": {"shards": 1},
        }
        if self.origins:
            # A load of thousands at once on one processor has to wait; that is no failure.
            configuration["origins"] = [
                {"name": name, "url": url, "timeout": "20s"} for name, url in self.origins.items()]
        if "connect" in self.origins:
            configuration["hooks"] = {"connect": "connect"}
        if "raw" in self.origins:
            configuration["raw"] = [{"path": "/raw", "origin": "raw", "open": True}]
        file = folder / "pharos.yaml"
        # JSON is YAML too.
        file.write_text(json.dumps(configuration))
        return [self.binary, "serve", "--config", str(file)]


class Pushpin:
    """Pushpin of Debian, with WebSocket-over-HTTP to the origin; `port` is the origin's."""

    name, title, stop_signal = "pushpin", "Pushpin", 15

    def __init__(self, port=0):
        self.port = port

    def prepare(self, install):
        if self._missing() and install:
            install_debian(["pushpin", "condure", "zurl"])
        if missing := self._missing():
            raise Missing(", ".join(missing))

    def _missing(self):
        return [each for each in ("pushpin", "condure", "zurl") if shutil.which(each, path=SYSTEM_PATH) is None]

    def command(self, folder, port, settings, tls=None):
        text = (FOLDER / "peers" / "pushpin.conf").read_text()
        # Everything else of it listens on sockets in the folder.
        control = free_port(port + 1)
        text = text.replace("FOLDER", str(folder)).replace("PORT", str(port)).replace("CONTROL", str(control))
        (folder / "pushpin.conf").write_text(text)
        (folder / "routes").write_text(f"* 127.0.0.1:{self.port},over_http\n")
        return [shutil.which("pushpin", path=SYSTEM_PATH), f"--config={folder / 'pushpin.conf'}"]

    def version(self):
        return output(["dpkg-query", "-W", "-f", "${Version}", "pushpin"])


# The connect hook


def connect_hook(peer, generator, quick):
    """Connects per second with the hook, divided by those without; each client is asked about once."""
    cycles = 2 if quick else CYCLES
    rates, costs = {True: [], False: []}, {True: [], False: []}
    with Origin() as origin:
        for hooked in (False, True) if quick else (False, True, True, False):
            before = origin.asked()
            with Running(WithOrigin(connect=origin.url("connect") if hooked else "")) as server:
                found = generator.connect(server, CLIENTS, cycles)
            rates[hooked].append(found.connects_per_s)
            costs[hooked].append(found.connect_cpu_us)
            asked, wanted = origin.asked() - before, CLIENTS * cycles if hooked else 0
            if asked != wanted:
                raise Failed(f"the origin was asked {asked} times about {wanted} connects")
        with Running(WithOrigin(connect=origin.url("refuse"))) as server:
            drive(server, "refused", "-n", STRANGERS)
    rate, plain = statistics.mean(rates[True]), statistics.mean(rates[False])
    cost, plain_cost = statistics.mean(costs[True]), statistics.mean(costs[False])
    return Noted(rate / plain, (
        f"{rate:,.0f} connects/s with the hook, {plain:,.0f} without; {cost:.0f} us of server CPU per connect with it, "
        f"{plain_cost:.0f} without: a hook costs {cost - plain_cost:.0f} us. Each of the {CLIENTS:,} was asked about once "
        f"and got in; of {STRANGERS} that the origin refused, none"))


# Raw messages


def raw_echo(peer, generator, quick):
    """Server CPU per echo through the origin: Pharos divided by Pushpin."""
    costs, rates = {"pharos": [], "pushpin": []}, {"pharos": [], "pushpin": []}
    with Origin() as origin:
        contenders = [WithOrigin(raw=origin.url("raw")), Pushpin(origin.port)]
        for contender in contenders if quick else contenders + contenders[::-1]:
            with Running(contender) as server:
                found = generator.echo(server, "/raw", ECHOING, 4 if quick else ECHO_SECONDS)
            costs[contender.name].append(found.cpu_us)
            rates[contender.name].append(found.per_s)
    cost = {name: statistics.mean(values) for name, values in costs.items()}
    rate = {name: statistics.mean(values) for name, values in rates.items()}
    return Noted(cost["pharos"] / cost["pushpin"], (
        f"{cost['pharos']:.0f} us at {rate['pharos']:,.0f} round trips/s; Pushpin {Pushpin().version()}, all its "
        f"processes: {cost['pushpin']:.0f} us at {rate['pushpin']:,.0f}/s"))
