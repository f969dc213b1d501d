"""What the clients saw: who was let in, what each subscribed to, what was answered and heard."""

import collections
import dataclasses
import time

# Differences that are told in full; more would hide the first, which is the one that matters.
MOST_PROBLEMS = 30


@dataclasses.dataclass
class Exchange:
    """One visit at a raw path."""

    sent: list[str] = dataclasses.field(default_factory=list)
    answers: list[str] = dataclasses.field(default_factory=list)
    # The client left by itself: with everything answered, or in the middle of it.
    left: bool = False
    left_early: bool = False


class Seen:
    def __init__(self):
        self.began = time.monotonic()
        self.problems: list[str] = []
        self.hidden_problems = 0
        # By client id: the visit that it was, and its confirmed subscribes and unsubscribes in their order.
        self.names: dict[str, str] = {}
        self.steps: dict[str, list[tuple[str, str]]] = {}
        # Those for whom the application had to be asked.
        self.asked: set[str] = set()
        self.raw: dict[str, Exchange] = {}
        # Publications by key: confirmed to the publisher, refused to it, heard by the observer.
        self.confirmed: list[str] = []
        self.refused: set[str] = set()
        self.heard: list[str] = []
        self.counts: collections.Counter[str] = collections.Counter()

    def problem(self, text: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(f"{time.monotonic() - self.began:7.2f} s  {text}")
        else:
            self.hidden_problems += 1

    def let_in(self, client: str, name: str, *, asked: bool) -> None:
        if client in self.names:
            self.problem(f"{name}: client id {client} was given to {self.names[client]} before")
        self.names[client] = name
        self.steps[client] = []
        if asked:
            self.asked.add(client)

    def settle(self) -> None:
        """The observer heard each confirmed publication once, each publisher's in order, and no other."""
        heard = collections.Counter(self.heard)
        for key in self.confirmed:
            if heard[key] != 1:
                self.problem(f"publication {key} was confirmed, and heard {heard[key]} times")
        for key in self.refused & heard.keys():
            self.problem(f"publication {key} was refused, and heard")
        last: dict[str, int] = {}
        for key in self.heard:
            publisher, _, number = key.rpartition(".")
            if int(number) <= last.get(publisher, -1):
                self.problem(f"publication {key} was heard after {publisher}.{last[publisher]}")
            last[publisher] = int(number)
