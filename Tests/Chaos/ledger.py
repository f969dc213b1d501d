"""The ledger: what publishers were answered, what each reader heard, and whether the two agree.

A publication is *answered for* once its publisher has been told an offset and an epoch. Every positioned reader has to
hear each of them once and in the order of the offsets, or has to be told that it cannot, with a reason that is true.
"""

import dataclasses
import time

# Differences that are told in full; more would hide the first, which is the one that matters.
MOST_PROBLEMS = 30


@dataclasses.dataclass
class Channel:
    """One channel's publications, by epoch."""

    name: str
    kept: int
    durable: bool
    # Key by offset: as the publisher was answered, and as readers heard it.
    answered: dict[str, dict[int, str]] = dataclasses.field(default_factory=dict)
    heard: dict[str, dict[int, str]] = dataclasses.field(default_factory=dict)
    epoch: str = ""
    outstanding: int = 0

    def top(self, epoch: str) -> int:
        """The highest offset that anybody knows of."""
        return max(max(self.answered.get(epoch, {}), default=0), max(self.heard.get(epoch, {}), default=0))


class Ledger:
    def __init__(self):
        self.channels: dict[str, Channel] = {}
        self.keys: dict[str, tuple[str, str, int]] = {}
        self.problems: list[str] = []
        self.hidden_problems = 0
        self.began = time.monotonic()

    def open(self, name: str, kept: int, durable: bool) -> None:
        """A channel that keeps `kept` publications, durably or until the process ends."""
        self.channels[name] = Channel(name, kept, durable)

    def problem(self, text: str) -> None:
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(f"{time.monotonic() - self.began:7.2f} s  {text}")
        else:
            self.hidden_problems += 1

    # What the publisher is told

    def answer(self, name: str, key: str, epoch: str, offset: int) -> None:
        channel = self.channels[name]
        if channel.epoch and epoch != channel.epoch and channel.durable:
            self.problem(f"{name}: the epoch changed from {channel.epoch} to {epoch}, though the channel is durable")
        channel.epoch = epoch
        offsets = channel.answered.setdefault(epoch, {})
        if offset in offsets:
            self.problem(f"{name}: {epoch}:{offset} was given to {offsets[offset]} and again to {key}")
        offsets[offset] = key
        self.keys[key] = (name, epoch, offset)

    # What readers hear

    def heard(self, reader: str, name: str, epoch: str, offset: int, key: str) -> None:
        """All readers have to hear the same under the same position."""
        offsets = self.channels[name].heard.setdefault(epoch, {})
        if offsets.setdefault(offset, key) != key:
            self.problem(f"{reader}: {name} {epoch}:{offset} is {key}, others heard {offsets[offset]}")

    # The end

    def settle(self) -> None:
        """Once every publication is answered for: is the ledger whole?"""
        for channel in self.channels.values():
            for epoch, heard in channel.heard.items():
                self._compare(channel, epoch, heard)
            for epoch, answered in channel.answered.items():
                if channel.durable:
                    missing = sorted(set(range(1, max(answered) + 1)) - set(answered))
                    if missing:
                        self.problem(f"{channel.name}: nobody was answered for {epoch}:{_ranges(missing)}")

    def _compare(self, channel: Channel, epoch: str, heard: dict[int, str]) -> None:
        answered = channel.answered.get(epoch, {})
        for offset, key in sorted(heard.items()):
            if offset in answered and answered[offset] != key:
                self.problem(f"{channel.name}: {epoch}:{offset} was heard as {key}, its publisher is {answered[offset]}")
            where = self.keys.get(key)
            if where and where[1] == epoch and where[2] != offset:
                self.problem(f"{channel.name}: {key} was heard at {epoch}:{offset} and answered for at {where[2]}: stored twice")
            if channel.durable and where and where[1] != epoch:
                self.problem(f"{channel.name}: {key} was heard in epoch {epoch} and answered for in {where[1]}")


class Reader:
    """What one subscriber heard, checked as it comes."""

    def __init__(self, ledger: Ledger, name: str, channels: list[str]):
        self.ledger, self.name = ledger, name
        # What it listens by at present.
        self.transport = ""
        self.channels = channels
        self.positions: dict[str, tuple[str, int]] = {}
        self.deliveries = self.recoveries = self.losses = self.connections = 0

    def _problem(self, channel: str, text: str) -> None:
        self.ledger.problem(f"{self.name} ({self.transport}): {channel}: {text}")

    def begin(self, channel: str, epoch: str, offset: int) -> None:
        """The first position ever: what is newer has to come."""
        self.positions[channel] = (epoch, offset)

    def publication(self, channel: str, offset: int, key: str) -> None:
        if channel not in self.positions:
            self._problem(channel, f"offset {offset} came before any position")
            return
        epoch, last = self.positions[channel]
        self.ledger.heard(self.name, channel, epoch, offset, key)
        if offset <= last:
            self._problem(channel, f"{epoch}:{offset} ({key}) came again after {last}")
            return
        if offset > last + 1:
            self._problem(channel, f"after {epoch}:{last} came {offset} ({key}): {_ranges(range(last + 1, offset))} is missing")
        self.positions[channel] = (epoch, offset)
        self.deliveries += 1

    def resumed(self, channel: str, recovered: bool, epoch: str, offset: int, *, is_top: bool) -> None:
        """A return to a channel. `offset` is where it goes on if nothing was recovered; `is_top`: the stream's end then."""
        if channel not in self.positions:
            self.begin(channel, epoch, offset)
            return
        old_epoch, last = self.positions[channel]
        if recovered:
            if epoch != old_epoch:
                self._problem(channel, f"recovered from {old_epoch}:{last} in another epoch, {epoch}")
            self.recoveries += 1
            return
        self._check_reason(channel, old_epoch, last, epoch, offset, is_top)
        self.losses += 1
        self.positions[channel] = (epoch, offset)

    def _check_reason(self, channel: str, old_epoch: str, last: int, epoch: str, offset: int, is_top: bool) -> None:
        """`recovered: false` is true only if the epoch is another, or what comes next is no longer kept."""
        entry = self.ledger.channels[channel]
        if epoch != old_epoch:
            if entry.durable:
                self._problem(
                    channel, f"not recovered from {old_epoch}:{last}, because of a new epoch {epoch} in a durable channel")
            return
        # No client can know of more than the known top and all that is on its way.
        top = offset if is_top else max(offset, entry.top(epoch) + entry.outstanding)
        if top - entry.kept <= last:
            self._problem(
                channel, f"not recovered from {epoch}:{last}, though the top was {top} and {entry.kept} are kept")

    def behind(self) -> dict[str, str]:
        """Channels whose end this reader has not reached."""
        late = {}
        for channel in self.channels:
            entry = self.ledger.channels[channel]
            if entry.epoch and self.positions.get(channel) != (entry.epoch, entry.top(entry.epoch)):
                late[channel] = f"at {self.positions.get(channel)}, the end is {entry.epoch}:{entry.top(entry.epoch)}"
        return late


def _ranges(numbers) -> str:
    """`3, 5-9` for 3, 5, 6, 7, 8, 9."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    text = ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in parts[:20])
    return text + (", …" if len(parts) > 20 else "")
