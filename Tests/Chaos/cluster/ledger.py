"""The ledger of a cluster: publishers that ask any node, with and without a key, and streams that may have to begin anew."""

import dataclasses

from ..ledger import Channel, Ledger, _ranges


@dataclasses.dataclass
class Offered:
    """One publication, as its publisher knows it."""

    key: str
    channel: str
    is_keyed: bool
    attempts: int = 0
    # Attempts of which it is not known whether they were stored.
    uncertain: int = 0
    answer: tuple[str, int] | None = None
    # Through which node it was answered for, and when.
    node: str = ""
    at: float = 0.0


class ClusterLedger(Ledger):
    """`streams` says what may become of an epoch: `stay`; `change`: a new one has to come, and readers be told; `may`."""

    def __init__(self, streams: str = "stay"):
        super().__init__()
        self.streams = streams
        self.offered: dict[str, Offered] = {}
        self.repeats = 0
        # By channel and epoch: up to where a scenario has taken the history away.
        self.forgotten: dict[tuple[str, str], int] = {}
        # Whether a new epoch may hold publications of the one before, each in its place.
        self.keeps_places = False

    def open(self, name: str, kept: int, durable: bool) -> None:
        super().open(name, kept, durable and self.streams == "stay")

    def offer(self, key: str, name: str, is_keyed: bool) -> Offered:
        self.offered[key] = offered = Offered(key, name, is_keyed)
        return offered

    def placed(self, offered: Offered, epoch: str, offset: int, node: str, at: float) -> None:
        """A publisher is answered for the first time."""
        offered.answer, offered.node, offered.at = (epoch, offset), node, at
        self.answer(offered.channel, offered.key, epoch, offset)

    def repeated(self, offered: Offered, epoch: str, offset: int, node: str) -> None:
        """The same key once more, through any node: it has one offset, as long as its stream is there."""
        self.repeats += 1
        if (epoch, offset) != offered.answer and (self.streams == "stay" or epoch == offered.answer[0]):
            self.problem(
                f"{offered.channel}: {offered.key} was answered for with {offered.answer[0]}:{offered.answer[1]} through "
                f"{offered.node}, and repeated under the same key through {node} with {epoch}:{offset}")

    def forget_from_now(self) -> None:
        """The history is taken away: no reader can be expected to recover what is in it."""
        for name, channel in self.channels.items():
            for epoch in channel.answered:
                self.forgotten[name, epoch] = max(
                    self.forgotten.get((name, epoch), 0), channel.top(epoch) + channel.outstanding)

    # What was stored while it was taken away is gone, too.
    forget_until_now = forget_from_now

    # The end

    def settle(self) -> None:
        for channel in self.channels.values():
            for epoch in channel.answered.keys() | channel.heard.keys():
                answered, heard = channel.answered.get(epoch, {}), channel.heard.get(epoch, {})
                self._compare(channel, epoch, heard)
                self._look_for_twins(channel, epoch, heard)
                self._look_for_holes(channel, epoch, answered, heard)
            if self.streams == "change" and len(channel.answered) < 2:
                self.problem(f"{channel.name}: the stream had to begin anew, and has one epoch: {list(channel.answered)}")

    def _look_for_twins(self, channel: Channel, epoch: str, heard: dict[int, str]) -> None:
        places: dict[str, int] = {}
        for offset, key in sorted(heard.items()):
            if key in places:
                self.problem(f"{channel.name}: {key} was heard at {epoch}:{places[key]} and at {epoch}:{offset}: stored twice")
            places[key] = offset
            offered = self.offered.get(key)
            if offered is None:
                self.problem(f"{channel.name}: {epoch}:{offset} is {key}, which nobody published")
            elif self.keeps_places and offered.answer and offered.answer[1] == offset:
                continue
            elif offered.answer and offered.answer[0] != epoch and not offered.uncertain:
                self.problem(
                    f"{channel.name}: {key} was heard in epoch {epoch}, and answered for at the first attempt in "
                    f"{offered.answer[0]}")

    def _look_for_holes(self, channel: Channel, epoch: str, answered: dict[int, str], heard: dict[int, str]) -> None:
        top = max([*answered, *heard], default=0)
        missing = sorted(set(range(1, top + 1)) - answered.keys() - heard.keys())
        known = set(answered.values()) | set(heard.values())
        unknown = sum(
            1 for each in self.offered.values()
            if each.channel == channel.name and each.uncertain and each.key not in known)
        if len(missing) > unknown:
            self.problem(
                f"{channel.name}: nobody was answered for or heard {epoch}:{_ranges(missing)}, and only {unknown} "
                "publications have an unknown outcome")

    def extract(self) -> list[str]:
        """What the streams look like, for the reader of a failure."""
        lines = []
        for channel in self.channels.values():
            for epoch in dict.fromkeys([*channel.answered, *channel.heard]):
                answered, heard = channel.answered.get(epoch, {}), channel.heard.get(epoch, {})
                offsets = sorted(answered)
                lines.append(
                    f"{channel.name} {epoch}: answered for {_ranges(offsets)}; heard {_ranges(sorted(heard))}")
        return lines
