"""Rows about what is stored on disk: publishing, the store beside plain SQLite, and starting with much of it."""

import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

from .load import Failed, Noted, drive
from .peers import ROOT, Running

STORE_BENCH = ROOT / "Benchmarks" / "store"
CHANNELS = 10_000
FILL_SECONDS = 900
STARTS = 5


def publish(channels):
    def body(server, generator, quick):
        found = drive(
            server, "publish", "--channels", channels, "--outstanding", 64, "--count", 5_000 if quick else 30_000)
        return Noted(found["per_s"], f"{found['cpu_us']:.0f} us of server CPU per publish")
    return body


def store(channels):
    """The store without a server around it, and SQLite's own interface doing the same group commits, by turns."""
    def body(peer, generator, quick):
        program = STORE_BENCH / ".build" / "release" / "pharos-store-bench"
        if not program.exists():
            print("bench: building Benchmarks/store", file=sys.stderr)
            build = ["swift", "build", "-c", "release", "--package-path", str(STORE_BENCH)]
            if subprocess.run(build, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
                raise Failed(f"{' '.join(build)} fails")
        # Both processors: the program is the load as well, and the store's thread works beside it.
        command = [str(program), "--appends", "20000" if quick else "40000"] + (["--rounds", "5"] if quick else [])
        ended = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        what = "1 channel" if channels == 1 else f"{channels} channels"
        found = re.search(
            rf"^{what}: store (\d+) appends/s, SQLite alone (\d+)/s .*?, ratio ([\d.]+)", ended.stdout, re.MULTILINE)
        if ended.returncode != 0 or not found:
            raise Failed(f"pharos-store-bench: {ended.stderr or ended.stdout}")
        note = f"{int(found[1]):,} appends/s, {int(found[2]):,} with SQLite alone"
        return Noted(float(found[3]), note)
    return body


def restart(peer, generator, quick):
    """Start of a server that was killed over a full store, and over an empty one: medians of starts by turns."""
    count = 100_000 if quick else 1_000_000
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        full, empty = (f"{folder}/{name}" for name in ("full", "empty"))
        with Running(peer, {"store.path": full}) as server:
            drive(server, "fill", "--channels", CHANNELS, "--count", count, seconds=FILL_SECONDS)
        # The first start of all makes the file; that is not what is compared.
        start_ms(peer, empty)
        times = {full: [], empty: []}
        for _ in range(STARTS):
            for path, found in times.items():
                found.append(start_ms(peer, path))
        megabytes = sum(file.stat().st_size for file in pathlib.Path(full).iterdir()) / 1e6
    full_ms, empty_ms = statistics.median(times[full]), statistics.median(times[empty])
    note = f"{full_ms:.0f} ms with {count:,} publications ({megabytes:.0f} MB), {empty_ms:.0f} ms with none"
    return Noted(full_ms / empty_ms, note)


def start_ms(peer, path):
    with Running(peer, {"store.path": path}) as server:
        return server.start_ms
