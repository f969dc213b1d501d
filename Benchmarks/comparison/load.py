"""The load generators: our own `pharos bench`, or fanload where `FANLOAD` names it. Both give the same numbers."""

import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LOAD_CPU = "1"
RUN_SECONDS = 180


class Failed(Exception):
    """A run that measured nothing usable; the text says why."""


class Result:
    """The result of one run of load, of any runner; None where it does not apply.

    cpu_us: server CPU per delivery; connect_cpu_us: server CPU per connection until subscribed; idle_bytes: the server's
    PSS per connection; peak_rss_kb: the largest resident memory seen; per_s: deliveries per second; connects_per_s:
    connections that became subscribed per second.
    """

    def __init__(self, cpu_us=None, connect_cpu_us=None, idle_bytes=None, peak_rss_kb=None, per_s=None,
                 connects_per_s=None):
        self.cpu_us = cpu_us
        self.connects_per_s = connects_per_s
        self.connect_cpu_us = connect_cpu_us
        self.idle_bytes = idle_bytes
        self.peak_rss_kb = peak_rss_kb
        self.per_s = per_s


class Noted(float):
    """A value with the figures behind it, which stand below the table."""

    def __new__(cls, value, note):
        made = super().__new__(cls, value)
        made.note = note
        return made


class Fanload:
    title = "fanload"

    def __init__(self, program):
        self.program = program

    def publish(self, server, connections, channels, count, outstanding):
        return self._run(server, "pub", [
            "-n", connections, "--topics", channels, "--count", count, "--closed", outstanding,
            "--pub-depth", outstanding,
        ])

    def idle(self, server, connections, channels):
        return self._run(server, "idle", ["-n", connections, "--topics", channels, "--hold", "1s"])

    def connect(self, server, connections, cycles):
        return self._run(server, "connect", [
            "-n", connections, "--topics", "100", "--cycles", cycles,
        ])

    def slow(self, server, connections, stalled, count, size, outstanding):
        return self._run(server, "slow", [
            "-n", connections, "--slow", stalled, "--count", count, "--size", size, "--closed", outstanding,
            "--pub-depth", outstanding,
        ])

    def stream(self, server, transport, connections, count):
        """Fan-out to one channel over another transport than WebSocket: "events" or "poll"."""
        return self._run(server, "pub", ["-n", connections, "--count", count, "--closed", 1], transport)

    def idle_streams(self, server, connections):
        return self._run(server, "idle", ["-n", connections, "--hold", "1s"], "events")

    def echo(self, server, path, connections, seconds):
        """Each connection sends one message after the other and waits for each to come back."""
        command = [
            self.program, "--mode", "echo", "--cpu", LOAD_CPU, "--pid", str(server.pid), "--json", "-", "--quiet",
            "--url", f"ws://127.0.0.1:{server.port}{path}", "-n", str(connections), "--duration", f"{seconds}s",
            "--settle", "1s", "--conn-rate", "0"]
        found = run_json(command)
        if not found.get("clean"):
            raise Failed(problems(found))
        return Result(cpu_us=found["cpu"]["server_s_per_million"], per_s=found["delivery"]["per_s"])

    def _run(self, server, mode, flags, transport="websocket"):
        publishes = mode in ("pub", "slow")
        command = [self.program, "--mode", mode, "--cpu", LOAD_CPU, "--pid", str(server.pid), "--json", "-", "--quiet"]
        command += ["--conn-rate", "0", "--handshakes", "200"] + server.peer.fanload_subscriber(server.port, transport)
        if publishes:
            command += server.peer.fanload_publisher(server.port, transport)
        found = run_json(command + [str(flag) for flag in flags])
        if not found.get("clean"):
            raise Failed(problems(found))
        memory = found["memory"]
        return Result(
            cpu_us=found["cpu"]["server_s_per_million"] if publishes else None,
            connect_cpu_us=found["connect"].get("server_cpu_us_per_conn"),
            idle_bytes=memory.get("pss_per_conn"), peak_rss_kb=memory.get("rss_peak_kb"),
            per_s=found["delivery"]["per_s"] if publishes else None, connects_per_s=found["connect"]["per_s"])


class PharosBench:
    title = "pharos bench"

    def __init__(self, program):
        self.program = program

    def publish(self, server, connections, channels, count, outstanding):
        return self._run(server, [
            "--connections", connections, "--channels", channels, "--count", count, "--closed", outstanding,
        ])

    def idle(self, server, connections, channels):
        return self._run(server, ["--connections", connections, "--channels", channels, "--count", 0])

    def connect(self, server, connections, cycles):
        return self._run(server, [
            "--connections", connections, "--channels", 100, "--count", 0, "--cycles", cycles,
        ])

    def slow(self, server, connections, stalled, count, size, outstanding):
        return self._run(server, [
            "--connections", connections, "--stalled", stalled, "--count", count, "--size", size,
            "--closed", outstanding,
        ])

    def stream(self, server, transport, connections, count):
        found = drive(server, "fanout", "--transport", transport, "-n", connections, "--count", count)
        return Result(cpu_us=found["cpu_us_per_delivery"])

    def idle_streams(self, server, connections):
        found = drive(server, "idle", "--transport", "events", "-n", connections)
        return Result(idle_bytes=found["bytes_per_connection"])

    def echo(self, server, path, connections, seconds):
        found = drive(server, "echo", "--path", path, "-n", connections, "--seconds", seconds)
        return Result(cpu_us=found["cpu_us"], per_s=found["per_s"])

    def _run(self, server, flags):
        command = ["taskset", "-c", LOAD_CPU, self.program, "bench", "--peer", server.peer.name, "--json"]
        command += ["--url", f"http://127.0.0.1:{server.port}", "--pid", str(server.pid)]
        if server.tls_port:
            command += ["--tls-port", str(server.tls_port), "--ca", str(server.certificate)]
        found = run_json(command + [str(flag) for flag in flags])
        if not found["clean"]:
            raise Failed(found.get("problem", "not clean"))
        server_found = found["server"]
        return Result(
            cpu_us=server_found.get("cpu_us_per_delivery"), connect_cpu_us=server_found.get("cpu_us_per_connection"),
            idle_bytes=server_found.get("bytes_per_connection"), peak_rss_kb=server_found.get("peak_rss_kb"),
            per_s=found["deliveries_per_s"],
            connects_per_s=found["connected"] / found["connect_seconds"] if found["connect_seconds"] else None)


def drive(server, mode, *flags, seconds=RUN_SECONDS):
    """Our own driver, for what neither generator does; see driver.py."""
    command = ["taskset", "-c", LOAD_CPU, sys.executable, "-m", "comparison.driver", mode]
    command += ["--peer", server.peer.name, "--port", str(server.port), "--pid", str(server.pid)]
    found = run_json(command + [str(flag) for flag in flags], seconds, ROOT / "Benchmarks")
    if "problem" in found:
        raise Failed(found["problem"])
    return found


def choose():
    """fanload where it is named, otherwise our own."""
    if program := os.environ.get("FANLOAD"):
        return Fanload(program)
    return own()


def own():
    """`pharos bench`: the one that speaks TLS."""
    program = os.environ.get("PHAROS_BIN", str(ROOT / ".build" / "release" / "pharos"))
    if not os.access(program, os.X_OK):
        sys.exit(f"bench: {program} is not there: swift build -c release, or set PHAROS_BIN or FANLOAD")
    return PharosBench(program)


def run_json(command, seconds=RUN_SECONDS, folder=None):
    """The last line of a program's output, which is its report."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, cwd=folder)
    except subprocess.TimeoutExpired:
        raise Failed(f"not done after {seconds} s") from None
    for line in reversed(done.stdout.splitlines()):
        if line.startswith("{"):
            return json.loads(line)
    raise Failed((done.stderr or done.stdout).strip()[-300:] or f"exit status {done.returncode}")


def problems(found):
    """What makes a report of fanload unclean, in a line."""
    delivery, connect, protocol = found.get("delivery", {}), found["connect"], found["protocol"]
    parts = [f"{connect['failed']} connects failed"] if connect["failed"] else []
    for name in ("lost", "lost_on_closed", "duplicates", "out_of_order", "foreign", "too_old"):
        if delivery.get(name):
            parts.append(f"{name} {delivery[name]}")
    for name in ("errors", "closed_early"):
        if protocol.get(name):
            parts.append(f"{name} {protocol[name]}")
    return ", ".join(parts) or "not clean"
