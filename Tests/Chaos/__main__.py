"""`python -m Tests.Chaos`: one run. Ends with 0 if the ledger is whole, with 1 and its differences if not."""

import argparse
import asyncio
import pathlib
import secrets
import shlex
import shutil
import sys
import tempfile
import time

from .plan import ALL_FAULTS, schedule
from .readers import TRANSPORTS
from .rig import Rig, dump

SHORT_SECONDS, SHORT_KILLS = 60, 5
# A kill needs some seconds around it, in which there is load again.
SECONDS_PER_KILL = 6


def names(known: tuple[str, ...]):
    def parse(text: str) -> list[str]:
        chosen = [each for each in text.split(",") if each]
        if unknown := [each for each in chosen if each not in known]:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known are {', '.join(known)}")
        return [each for each in known if each in chosen]

    return parse


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/chaos", description="Breaks a running server and checks a ledger.")
    parser.add_argument("--seed", type=int, help="repeats the faults of another run")
    parser.add_argument("--seconds", type=float, help=f"how long things break (default {SHORT_SECONDS})")
    parser.add_argument("--kills", type=int, default=SHORT_KILLS, help=f"how often kill -9 (default {SHORT_KILLS})")
    parser.add_argument("--transports", type=names(TRANSPORTS), default=list(TRANSPORTS), help=", ".join(TRANSPORTS))
    parser.add_argument("--faults", type=names(ALL_FAULTS), default=list(ALL_FAULTS), help=", ".join(ALL_FAULTS))
    parser.add_argument("--durability", choices=("disk", "memory"), default="disk")
    parser.add_argument("--rate", type=float, default=150, help="publications per second (default 150)")
    parser.add_argument("--readers", type=int, default=2, help="readers on each transport (default 2)")
    parser.add_argument("--roamers", type=int, default=3, help="readers that change transports (default 3)")
    parser.add_argument("--keep", action="store_true", help="keeps the directory of the run")
    parser.add_argument("--plan", action="store_true", help="shows what would be broken, and ends")
    chosen = parser.parse_args()
    chosen.seconds = chosen.seconds or max(SHORT_SECONDS, chosen.kills * SECONDS_PER_KILL)
    chosen.seed = secrets.randbelow(1_000_000) if chosen.seed is None else chosen.seed
    return chosen


def command(chosen: argparse.Namespace) -> str:
    """What repeats this run."""
    parts = [
        "scripts/chaos", "--seed", chosen.seed, "--seconds", f"{chosen.seconds:g}", "--kills", chosen.kills,
        "--transports", ",".join(chosen.transports), "--faults", ",".join(chosen.faults), "--durability", chosen.durability,
        "--rate", f"{chosen.rate:g}", "--readers", chosen.readers, "--roamers", chosen.roamers]
    return shlex.join(str(part) for part in parts)


def run(chosen: argparse.Namespace) -> int:
    directory = pathlib.Path(tempfile.mkdtemp(prefix="pharos-chaos-"))
    rig = Rig(directory, chosen.seed, chosen.transports, chosen.durability, chosen.rate, chosen.readers, chosen.roamers)
    faults = schedule(
        chosen.seed, chosen.seconds, chosen.kills, set(chosen.faults), len(rig.readers), len(rig.roamers))
    if chosen.plan:
        for fault in faults:
            print(f"{fault}  target {fault.target}, amount {fault.amount:.3f}")
        shutil.rmtree(directory)
        return 0
    print(f"seed {chosen.seed}: {len(faults)} faults in {chosen.seconds:g} s, {len(rig.readers)} readers", flush=True)

    def say(fault, what: str) -> None:
        print(f"{time.monotonic() - rig.ledger.began:7.2f} s  {fault.kind:13} {what}", flush=True)

    failure: BaseException | None = None
    try:
        asyncio.run(rig.run(faults, chosen.seconds, say))
    except AssertionError as problem:
        failure = problem
    print("\n".join(rig.summary()))
    problems = rig.ledger.problems
    if failure:
        problems.append(f"the run broke off: {failure}")
    heard = sum(reader.book.deliveries for reader in rig.readers)
    if not problems and not heard:
        problems.append("nobody heard anything, so nothing was shown")
    if not problems:
        print(f"\nthe ledger is whole: {rig.publisher.answered} answered for, {heard} heard, seed {chosen.seed}")
        if not chosen.keep:
            shutil.rmtree(directory, ignore_errors=True)
        return 0
    dump(rig, directory / "ledger.json")
    print(f"\nthe ledger is NOT whole, seed {chosen.seed}:")
    print("\n".join(problems))
    if rig.ledger.hidden_problems:
        print(f"… and {rig.ledger.hidden_problems} more")
    print(f"\nserver log and ledger: {directory}\nto repeat it: {command(chosen)}")
    return 1


if __name__ == "__main__":
    sys.exit(run(arguments()))
