"""What a scenario is, and the list of them."""

import dataclasses
import inspect
from collections.abc import Awaitable, Callable

from .rig import ClusterRig

SCENARIOS: dict[str, "Scenario"] = {}


@dataclasses.dataclass(frozen=True)
class Scenario:
    """`over`: by the name of the engine, what becomes of the streams: see `ClusterLedger`."""

    name: str
    # Numbers of the failures that a cluster has to be shown to survive, see docs/cluster.md.
    failures: tuple[int, ...]
    over: dict[str, str]
    history: str
    # Part of the short run, and over which engines there.
    short: tuple[str, ...]
    body: Callable[[ClusterRig], Awaitable[None]]

    @property
    def outcome(self) -> str:
        return " ".join(inspect.getdoc(self.body).split())


def scenario(*failures: int, over: dict[str, str], history: str = "disk", short: tuple[str, ...] = ()):
    """Registers a scenario. Its docstring states the outcome."""
    def register(body):
        made = Scenario(body.__name__, failures, over, history, short, body)
        SCENARIOS[made.name] = made
        return body

    return register


def stay(*engines: str) -> dict[str, str]:
    return dict.fromkeys(engines, "stay")
