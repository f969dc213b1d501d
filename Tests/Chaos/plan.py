"""What will be broken, and when: decided by the seed before anything starts."""

import dataclasses
import random

# Faults of one reader or of the publisher, with how often each comes in relation to the others.
SMALL_FAULTS = {"cut": 6, "cut_publisher": 4, "dark": 2, "stall": 3, "switch": 4}
# Faults of the whole server; their number is given, not drawn.
GREAT_FAULTS = ("kill", "term", "full", "clock")
ALL_FAULTS = (*GREAT_FAULTS, *SMALL_FAULTS)
# Seconds that the wall clock is off at most.
MOST_CLOCK_STEP = 300.0
# Nothing happens at the very start: the readers have to be there first.
QUIET_SECONDS = 2.0


@dataclasses.dataclass(frozen=True)
class Fault:
    """`at` seconds after the start, `kind` happens to the reader number `target`, with `amount` of whatever it needs."""

    at: float
    kind: str
    target: int
    amount: float

    def __str__(self) -> str:
        return f"{self.at:7.2f} s  {self.kind:13}"


def schedule(seed: int, seconds: float, kills: int, kinds: set[str], readers: int, roamers: int) -> list[Fault]:
    """The faults in their order. The same arguments give the same faults."""
    chance = random.Random(f"plan {seed}")
    faults: list[Fault] = []
    great = _great(chance, kills, kinds)
    span = (seconds - QUIET_SECONDS) / max(1, len(great))
    for number, kind in enumerate(great):
        at = QUIET_SECONDS + span * (number + chance.uniform(0.1, 0.9))
        faults.append(Fault(at, kind, 0, _amount(chance, kind)))
    small = {kind: weight for kind, weight in SMALL_FAULTS.items() if kind in kinds}
    if not roamers:
        small.pop("switch", None)
    at = QUIET_SECONDS
    while small:
        at += chance.expovariate(1.5)
        if at >= seconds:
            break
        kind = chance.choices(list(small), list(small.values()))[0]
        target = chance.randrange(roamers if kind == "switch" else readers)
        faults.append(Fault(at, kind, target, _amount(chance, kind)))
    return sorted(faults, key=lambda fault: fault.at)


def _great(chance: random.Random, kills: int, kinds: set[str]) -> list[str]:
    great = ["kill"] * kills if "kill" in kinds else []
    few = max(1, kills // 5)
    great += ["term"] * few if "term" in kinds else []
    great += ["full"] * few if "full" in kinds else []
    great += ["clock"] * (2 * few) if "clock" in kinds else []
    chance.shuffle(great)
    return great


def _amount(chance: random.Random, kind: str) -> float:
    match kind:
        case "kill" | "term":
            return chance.uniform(0, 0.6)
        case "full":
            return chance.uniform(0.5, 2)
        case "clock":
            # Seconds off, forwards or backwards; less than anything is kept by time.
            return chance.uniform(-MOST_CLOCK_STEP, MOST_CLOCK_STEP)
        case "stall":
            return chance.uniform(0.5, 5)
        case "cut" | "cut_publisher":
            # Bytes that still pass: 0 cuts between two messages or within a head, more cuts within a message.
            return float(chance.choice((0, 1, chance.randrange(2, 200), chance.randrange(200, 5_000))))
        case _:
            return chance.random()
