"""What the application was told and asked, in its own order, and whether it agrees with what clients saw."""

import dataclasses

from .application import Entry
from .seen import Seen


@dataclasses.dataclass
class RawTold:
    """One raw connection as the application knows it."""

    established: int = 0
    messages: list[str] = dataclasses.field(default_factory=list)
    last: int = 0
    closed: int = 0


class Told:
    """Takes the journal entry by entry, as an application does that remembers the highest number it has taken in."""

    def __init__(self, seen: Seen):
        self.seen = seen
        # Each address has a queue of its own, so a highest number of its own.
        self.highest: dict[str, int] = {}
        self.repeated = self.events = 0
        self.clients: dict[str, list[tuple[str, str]]] = {}
        self.channels: dict[str, list[str]] = {}
        self.raw: dict[str, RawTold] = {}
        self.asked: set[str] = set()
        self.published: set[str] = set()

    def take(self, entry: Entry) -> None:
        if entry.body.startswith('{"events":'):
            for event in entry.json["events"]:
                self._event(entry.path, event)
        elif entry.path == "/raw":
            self._raw(entry)
        elif entry.path == "/connect":
            self.asked.add(entry.json["client"])
        elif entry.path == "/publish":
            self.published.add(entry.json["data"]["key"])

    # Events

    def _event(self, path: str, event: dict) -> None:
        if event["sequence"] <= self.highest.get(path, 0):
            self.repeated += 1
            return
        self.highest[path] = event["sequence"]
        self.events += 1
        kind, client, channel = event["event"], event.get("client", ""), event.get("channel", "")
        if kind == "raw_closed":
            self.raw.setdefault(client, RawTold()).closed += 1
        elif client:
            self.clients.setdefault(client, []).append((kind, channel))
        else:
            self.channels.setdefault(channel, []).append(kind)

    def is_over(self, client: str) -> bool:
        return ("disconnected", "") in self.clients.get(client, ())

    def settle(self) -> None:
        """Compares everything, once no client is connected any more."""
        for client, events in self.clients.items():
            self._compare(client, events)
        for client, name in self.seen.names.items():
            if client not in self.clients:
                self.seen.problem(f"{name}: client {client} was let in, and nothing was told of it")
            if client in self.seen.asked and client not in self.asked:
                self.seen.problem(f"{name}: client {client} was let in, and the application was never asked")
        for channel, kinds in self.channels.items():
            if kinds != ["occupied", "vacated"] * (len(kinds) // 2):
                self.seen.problem(f"{channel}: told {kinds[:20]}, not occupied and vacated by turns")
        for key in self.seen.heard:
            if key not in self.published:
                self.seen.problem(f"publication {key} was heard, and the application was never asked")
        self._settle_raw()

    def _compare(self, client: str, events: list[tuple[str, str]]) -> None:
        """Connected, then what the client itself saw in its order, then unsubscribed from the rest, then disconnected."""
        if client not in self.seen.names:
            self.seen.problem(f"client {client} was told of ({events[:5]}), and never was let in")
            return
        name, steps = self.seen.names[client], self.seen.steps[client]
        open_channels: list[str] = []
        for kind, channel in steps:
            open_channels.append(channel) if kind == "subscribed" else open_channels.remove(channel)
        count = 1 + len(steps)
        rest = sorted(events[count:-1])
        if (
            events[:count] != [("connected", ""), *steps] or events[-1:] != [("disconnected", "")]
            or rest != sorted(("unsubscribed", channel) for channel in open_channels)
        ):
            self.seen.problem(f"{name}: client {client} saw {steps}, told was {events}")

    # Raw connections

    def _raw(self, entry: Entry) -> None:
        known = self.raw.setdefault(entry.subject, RawTold())
        number = int(entry.sequence)
        if known.closed:
            self.seen.problem(f"raw connection {entry.subject}: event {number} came after its end was told")
        if number == known.last:
            # The answer to the first attempt was lost with the application.
            if known.messages[-1:] != [entry.body] and number > 1:
                self.seen.problem(f"raw connection {entry.subject}: event {number} came again with another message")
            known.established += number == 1
            return
        if number != known.last + 1:
            self.seen.problem(f"raw connection {entry.subject}: after event {known.last} came {number}")
        known.last = number
        if number == 1:
            known.established += 1
            if not entry.body.startswith('{"connection":'):
                self.seen.problem(f"raw connection {entry.subject} begins with {entry.body[:80]!r}")
        else:
            known.messages.append(entry.body)

    def _settle_raw(self) -> None:
        by_visit = {}
        for connection, known in self.raw.items():
            if known.closed > 1 or (known.messages and not known.closed):
                self.seen.problem(f"raw connection {connection}: its end was told {known.closed} times")
            if known.closed and not known.established:
                self.seen.problem(f"raw connection {connection}: its end was told, its beginning was not")
            visits = {message.rpartition(".")[0] for message in known.messages}
            if len(visits) > 1:
                self.seen.problem(f"raw connection {connection} had messages of {sorted(visits)}")
            for visit in visits:
                if visit in by_visit:
                    self.seen.problem(f"raw visit {visit} is two connections to the application")
                by_visit[visit] = known.messages
        for visit, exchange in self.seen.raw.items():
            had = by_visit.get(visit, [])
            if had != exchange.sent[: len(had)]:
                self.seen.problem(f"raw visit {visit}: sent {exchange.sent}, the application had {had}")
            # One may be without an answer: that on which the connection ended.
            least = len(had) if exchange.left else max(len(had) - 1, 0)
            if not exchange.left_early and not least <= len(exchange.answers) <= len(had):
                self.seen.problem(
                    f"raw visit {visit}: {len(exchange.answers)} answers, the application had {len(had)} messages")
            if len(exchange.answers) > len(had):
                self.seen.problem(f"raw visit {visit}: more answers than messages that the application had")
