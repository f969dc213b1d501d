"""`python -m Tests.Chaos.cluster`: scenarios over an engine. Ends with 0 if every ledger is whole, with 1 if not."""

import argparse
import asyncio
import pathlib
import random
import secrets
import shutil
import sys
import tempfile
import time

from . import common, members, nats, redis, selftest, topic  # noqa: F401
from .engines import ENGINES
from .listing import listing
from .readers import MOVING
from .rig import ClusterRig, dump
from .scenario import SCENARIOS, Scenario

KINDS = ("topic", "nats", "redis")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/chaos cluster", description="Breaks a cluster of three nodes and checks a ledger.")
    parser.add_argument("--engine", choices=KINDS, action="append", help="all scenarios over it; may be repeated")
    parser.add_argument("--topology", choices=list(ENGINES), action="append", help="only these forms of the engine")
    parser.add_argument("--scenario", choices=list(SCENARIOS), action="append", metavar="NAME", help="only these; see --list")
    parser.add_argument("--short", action="store_true", help="the most telling of them; so without any other choice")
    parser.add_argument("--seed", type=int, help="repeats what another run decided by chance")
    parser.add_argument("--minutes", type=float, help="goes on for so long, with other seeds and longer faults")
    parser.add_argument("--rate", type=float, default=60, help="publications per second (default 60)")
    parser.add_argument(
        "--transports", type=lambda text: tuple(text.split(",")), default=MOVING, help=f"of readers: {','.join(MOVING)}")
    parser.add_argument("--verbose", action="store_true", help="says what each reader heard")
    parser.add_argument("--keep", action="store_true", help="keeps logs and ledgers also of what went well")
    parser.add_argument("--list", action="store_true", help="lists the scenarios, and what cannot be shown here")
    chosen = parser.parse_args()
    chosen.seed = secrets.randbelow(1_000_000) if chosen.seed is None else chosen.seed
    return chosen


def chosen_runs(chosen: argparse.Namespace) -> list[tuple[Scenario, str]]:
    kinds = chosen.engine or KINDS
    forms = chosen.topology or [name for name, engine in ENGINES.items() if engine.kind in kinds]
    scenarios = [SCENARIOS[name] for name in chosen.scenario or SCENARIOS]
    runs = [(scenario, form) for form in forms for scenario in scenarios if form in scenario.over]
    return [(scenario, form) for scenario, form in runs if form in scenario.short] if is_short(chosen) else runs


def is_short(chosen: argparse.Namespace) -> bool:
    return not (chosen.engine or chosen.topology or chosen.scenario or chosen.minutes is not None) or chosen.short


def run_one(scenario: Scenario, form: str, seed: int, pace: float, chosen: argparse.Namespace) -> bool:
    directory = pathlib.Path(tempfile.mkdtemp(prefix=f"pharos-cluster-{scenario.name}-"))
    began = time.monotonic()

    def say(what: str) -> None:
        print(f"{time.monotonic() - began:7.2f} s  {what}", flush=True)

    print(f"\n{scenario.name} over {form}, history on {scenario.history}, seed {seed}", flush=True)
    rig = ClusterRig(
        directory, ENGINES[form](), f"{seed} {scenario.name} {form}", history=scenario.history,
        streams=scenario.over[form], rate=chosen.rate, pace=pace, say=say,
        transports=chosen.transports)
    problems = rig.ledger.problems
    try:
        asyncio.run(rig.run(scenario))
    except (AssertionError, OSError) as failure:
        problems.append(f"the run broke off: {failure}")
    if rig.nodes and not problems and not sum(reader.book.deliveries for reader in rig.readers):
        problems.append("nobody heard anything, so nothing was shown")
    if rig.nodes:
        print(f"  {rig.short_summary()}")
    for note in rig.notes:
        print(f"  {note}")
    if chosen.verbose or problems:
        print("\n".join(rig.summary()))
    if not problems:
        print(f"  whole, {time.monotonic() - began:.0f} s", flush=True)
        if not chosen.keep:
            shutil.rmtree(directory, ignore_errors=True)
        return True
    dump(rig, directory / "ledger.json")
    print(f"  NOT whole, seed {seed}:")
    print("\n".join(f"  {problem}" for problem in problems))
    if rig.ledger.hidden_problems:
        print(f"  … and {rig.ledger.hidden_problems} more")
    print("\n".join(f"  {line}" for line in rig.ledger.extract()))
    repeat = f"scripts/chaos cluster --topology {form} --scenario {scenario.name} --seed {seed}"
    print(f"  logs and ledger: {directory}\n  to repeat it: {repeat}{' --minutes 0' if pace > 1 else ''}", flush=True)
    return False


def main() -> int:
    chosen = arguments()
    if chosen.list:
        print(listing())
        return 0
    runs = chosen_runs(chosen)
    if not runs:
        print("no scenario is left: --list shows which goes with which engine")
        return 1
    # A ledger that does not notice shows nothing.
    if wrong := selftest.run():
        print("the ledger is wrong:\n" + "\n".join(wrong))
        return 1
    began = time.monotonic()
    failed: list[str] = []
    print(f"seed {chosen.seed}, {len(runs)} scenarios", flush=True)
    seed, count = chosen.seed, 0
    is_long = chosen.minutes is not None
    while True:
        for scenario, form in runs:
            count += 1
            if not run_one(scenario, form, seed, 3 if is_long else 1, chosen):
                failed.append(f"{scenario.name} over {form} with seed {seed}")
            if is_long and chosen.minutes and time.monotonic() - began > 60 * chosen.minutes:
                break
        if not chosen.minutes or time.monotonic() - began > 60 * chosen.minutes:
            break
        seed += 1
        random.Random(seed).shuffle(runs)
    print(f"\n{count - len(failed)} of {count} whole, {time.monotonic() - began:.0f} s, seed {chosen.seed}")
    for each in failed:
        print(f"NOT whole: {each}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
