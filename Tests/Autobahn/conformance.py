"""WebSocket conformance: Autobahn's fuzzing client against `pharos-echo`, judged case by case.

`python conformance.py ECHO WSTEST [--all] [--write]`: ECHO is the server, WSTEST the program of autobahntestsuite
(Python 2.7). What each case must come out as stands in `expectation.txt`; `--write` writes what it came out as instead.
Of the compression groups only some cases are run unless `--all` is given: that takes a quarter of an hour.
"""

import argparse
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
EXPECTATION = HERE / "expectation.txt"
# Name, cases, seconds within which the slice must be through.
SLICES = [
    ("frames", ["1.*", "2.*", "3.*", "4.*", "5.*"], 180),
    ("text and closing", ["6.*", "7.*"], 180),
    ("large messages", ["9.1.*", "9.2.*", "9.3.*", "9.4.*"], 300),
    ("many messages", ["9.5.*", "9.6.*", "9.7.*", "9.8.*", "10.*"], 300),
]
# Compression: what is sent (12.1 to 12.5) and what the client offers (13.1 to 13.7). Each has the same 18 cases of
# 1,000 messages, which differ in size and in how the client cuts them into frames.
COMPRESSION = [f"12.{kind}" for kind in range(1, 6)] + [f"13.{offer}" for offer in range(1, 8)]
# Of those 18: 16 bytes, 1 KiB and 16 KiB in one frame, and 8 KiB in frames of 256 bytes. The others are sizes between
# and beyond these, up to 128 KiB a thousand times: they take minutes and reach no other code.
CHOSEN = {"1", "4", "7", "11"}
# Autobahn's own words for what a server may do.
FINE = {"OK", "NON-STRICT", "INFORMATIONAL"}
CLOSED_FINE = {"OK", "INFORMATIONAL"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        chosen = probe.getsockname()[1]
    # Outgoing connections take their ports from 32768 on: stay below.
    return 12_000 + chosen % 18_000


def start(echo: str, options: list[str], log) -> tuple[subprocess.Popen, int]:
    for _ in range(20):
        port = free_port()
        server = subprocess.Popen([echo, str(port), *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while server.poll() is None and time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return server, port
            time.sleep(0.02)
        server.kill()
        server.wait()
    raise SystemExit("the echo server does not start")


def run_slice(wstest: str, port: int, name: str, cases: list[str], seconds: int, directory: pathlib.Path) -> dict:
    reports = directory / name.replace(" ", "-")
    specification = directory / "fuzzingclient.json"
    specification.write_text(json.dumps({
        "outdir": str(reports), "servers": [{"agent": "pharos", "url": f"ws://127.0.0.1:{port}"}], "cases": cases,
        "exclude-cases": [], "exclude-agent-cases": {}}))
    began = time.monotonic()
    log = directory / "wstest.log"
    with open(log, "ab") as output:
        try:
            subprocess.run(
                [wstest, "-m", "fuzzingclient", "-s", str(specification)], stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, timeout=seconds, cwd=directory, check=False)
        except subprocess.TimeoutExpired:
            print(f"{name}: not through after {seconds} s")
            return {}
    index = reports / "index.json"
    if not index.exists():
        print(f"{name}: no report\n{log.read_text(errors='replace')[-2000:]}")
        return {}
    results = json.loads(index.read_text())["pharos"]
    print(f"{name}: {len(results)} cases in {time.monotonic() - began:.0f} s", flush=True)
    return results


def order(case: str) -> list[int]:
    return [int(part) for part in case.split(".")]


def expectation() -> dict[str, tuple[str, str]]:
    lines = (line.split("#")[0].split() for line in EXPECTATION.read_text().splitlines())
    return {fields[0]: (fields[1], fields[2]) for fields in lines if fields}


def is_run(case: str, everything: bool) -> bool:
    group, _, last = case.rpartition(".")
    return everything or group not in COMPRESSION or last in CHOSEN


def judge(results: dict, everything: bool) -> int:
    """Prints what differs; the number of cases that failed."""
    expected = {case: outcome for case, outcome in expectation().items() if is_run(case, everything)}
    failed = 0
    for case in sorted(expected.keys() | results.keys(), key=order):
        if case not in results:
            print(f"FAIL {case}: not run")
        elif case not in expected:
            print(f"FAIL {case}: not in {EXPECTATION.name}")
        else:
            got = (results[case]["behavior"], results[case]["behaviorClose"])
            if got == expected[case] and got[0] in FINE and got[1] in CLOSED_FINE:
                continue
            print(f"FAIL {case}: {got[0]}, close {got[1]}; expected {expected[case][0]}, close {expected[case][1]}")
        failed += 1
    return failed


def write(results: dict) -> None:
    lines = ["# Case, behaviour, behaviour on closing; a reason stands beside each that is not OK.", ""]
    for case in sorted(results, key=order):
        lines.append(f"{case} {results[case]['behavior']} {results[case]['behaviorClose']}")
    EXPECTATION.write_text("\n".join(lines) + "\n")


def compression_slices(everything: bool) -> list[tuple[str, list[str], int]]:
    last = ["*"] if everything else sorted(CHOSEN, key=int)
    seconds = 900 if everything else 120
    return [(f"compression {group}", [f"{group}.{each}" for each in last], seconds) for group in COMPRESSION]


def run(echo: str, options: list[str], wstest: str, slices: list, directory: pathlib.Path) -> dict:
    """What the cases came out as, against a server that is started with these options."""
    results: dict = {}
    with open(directory / "echo.log", "ab") as log:
        server, port = start(str(pathlib.Path(echo).resolve()), options, log)
        try:
            for name, cases, seconds in slices:
                results |= run_slice(str(pathlib.Path(wstest).resolve()), port, name, cases, seconds, directory)
            if server.poll() is not None:
                raise SystemExit(f"FAIL: the echo server ended with {server.returncode}")
        finally:
            if server.poll() is None:
                server.terminate()
                server.wait()
    return results


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Runs Autobahn's groups 1 to 7, 9, 10, 12 and 13 against an echo server.")
    parser.add_argument("echo")
    parser.add_argument("wstest")
    parser.add_argument("--all", action="store_true", help="run all cases of the compression groups")
    parser.add_argument("--write", action="store_true", help="run all cases and write the expectation, judge nothing")
    arguments = parser.parse_args()
    everything = arguments.all or arguments.write
    with tempfile.TemporaryDirectory(prefix="autobahn-") as folder:
        directory = pathlib.Path(folder)
        results = run(arguments.echo, [], arguments.wstest, SLICES, directory)
        compression = compression_slices(everything)
        results |= run(arguments.echo, ["--compress"], arguments.wstest, compression, directory)
    if arguments.write:
        write(results)
        return 0
    failed = judge(results, everything)
    print(f"{len(results) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
