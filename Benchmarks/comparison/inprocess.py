"""The row about subscribers without a socket, in the process of the server."""

import re
import statistics
import subprocess
import sys

from .load import Failed, Noted
from .peers import FOLDER, SERVER_CPU

FOLDER_OF_BENCH = FOLDER / "inprocess"


def subscriber(peer, generator, quick):
    """Publications per second and core that one subscriber takes; the whole way of a publication stands in the note."""
    program = FOLDER_OF_BENCH / ".build" / "release" / "pharos-inprocess-bench"
    if not program.exists():
        print("bench: building Benchmarks/inprocess", file=sys.stderr)
        build = ["swift", "build", "-c", "release", "--package-path", str(FOLDER_OF_BENCH)]
        if subprocess.run(build, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
            raise Failed(f"{' '.join(build)} fails")
    ended = subprocess.run(
        ["taskset", "-c", SERVER_CPU, str(program)], capture_output=True, text=True, timeout=600, check=False)
    rates = {}
    for name, rate in re.findall(r"^(.+): \d+ publications, .* (\d+) per second and core", ended.stdout, re.MULTILINE):
        rates.setdefault(name, []).append(int(rate))
    if ended.returncode != 0 or not rates:
        raise Failed(f"pharos-inprocess-bench: {ended.stderr or ended.stdout}")
    (_, first), *others = [(name, statistics.median(found)) for name, found in rates.items()]
    return Noted(first, "; ".join(f"{name}: {rate:,.0f} per second of CPU" for name, rate in others))
