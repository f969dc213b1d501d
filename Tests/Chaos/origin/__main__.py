"""`python -m Tests.Chaos.origin`: one run. Ends with 0 if both sides agree, with 1 and their differences if not."""

import argparse
import asyncio
import pathlib
import secrets
import shutil
import sys
import tempfile
import time

from .rig import Rig

SHORT_KILLS = 12


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/chaos origin", description="Kills the application behind a running server, and checks a ledger.")
    parser.add_argument("--seed", type=int, help="repeats the kills and the clients of another run")
    parser.add_argument("--kills", type=int, default=SHORT_KILLS, help=f"how often kill -9 (default {SHORT_KILLS})")
    parser.add_argument("--visitors", type=int, default=16, help="clients of the protocol (default 16)")
    parser.add_argument("--raw-visitors", type=int, default=8, help="clients of a raw path (default 8)")
    parser.add_argument("--keep", action="store_true", help="keeps the directory of the run")
    chosen = parser.parse_args()
    chosen.seed = secrets.randbelow(1_000_000) if chosen.seed is None else chosen.seed
    return chosen


def run(chosen: argparse.Namespace) -> int:
    directory = pathlib.Path(tempfile.mkdtemp(prefix="pharos-chaos-"))
    rig = Rig(directory, chosen.seed, chosen.kills, chosen.visitors, chosen.raw_visitors)
    seen = rig.seen
    print(f"seed {chosen.seed}: the application is killed {chosen.kills} times under {len(rig.clients)} clients", flush=True)

    def say(number: int, pause: float) -> None:
        print(f"{time.monotonic() - seen.began:7.2f} s  kill {number}, away for {pause * 1_000:.0f} ms", flush=True)

    try:
        asyncio.run(rig.run(say))
    except (AssertionError, TimeoutError) as problem:
        seen.problem(f"the run broke off: {problem!r}")
    print("\n".join(rig.summary()))
    problems = seen.problems
    if not problems and not (seen.confirmed and rig.told.events and seen.counts["raw echoes"]):
        problems.append("nothing was published, told or echoed, so nothing was shown")
    if not problems:
        print(f"\nthe ledger is whole: {len(seen.names)} clients, {rig.told.events} events, seed {chosen.seed}")
        if chosen.keep:
            print(f"server log and journal: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)
        return 0
    rig.dump(directory / "ledger.json")
    print(f"\nthe ledger is NOT whole, seed {chosen.seed}:")
    print("\n".join(problems))
    if seen.hidden_problems:
        print(f"… and {seen.hidden_problems} more")
    print(f"\nserver log, journal and ledger: {directory}\nto repeat it: scripts/chaos origin --seed {chosen.seed} "
          f"--kills {chosen.kills} --visitors {chosen.visitors} --raw-visitors {chosen.raw_visitors}")
    return 1


if __name__ == "__main__":
    sys.exit(run(arguments()))
