"""Subscribers that move between nodes, and some that stay where they are."""

from harness.emulated import Refused
from harness.http_client import Lost
from harness.peer import Cut
from harness.server import Server

from ..ledger import Reader
from ..readers import Subscriber, Surprise
from .ledger import ClusterLedger

# What a reader that moves goes through; the position it brings along is its own.
MOVING = (
    "websocket", "websocket-protobuf", "http_stream", "http_stream-protobuf", "sse", "session_poll", "events", "poll")
# One on each node that never leaves of its own accord.
STAYING = ("websocket", "http_stream", "sse")


class ClusterBook(Reader):
    """What one reader heard, where streams may begin anew or go back."""

    ledger: ClusterLedger

    def _check_reason(self, channel: str, old_epoch: str, last: int, epoch: str, offset: int, is_top: bool) -> None:
        if last < self.ledger.forgotten.get((channel, epoch), 0):
            return
        # The stream ends before what this reader has: it has lost something, and says so.
        if self.ledger.streams != "stay" and epoch == old_epoch and offset < last:
            return
        super()._check_reason(channel, old_epoch, last, epoch, offset, is_top)


class ClusterReader(Subscriber):
    """A reader of a cluster. With `home` it always comes back to that node, else it goes to any."""

    def __init__(self, nodes: list[Server], ledger: ClusterLedger, name: str, transports: list[str], channels: list[str],
                 seed: str, home: Server | None = None):
        super().__init__(home or nodes[0], ledger, name, transports, channels, seed)
        self.book = ClusterBook(ledger, name, channels)
        self.nodes, self.home = nodes, home
        # Nodes that are not to be chosen at present.
        self.avoids: set[str] = set()
        self.moves = 0

    def _choose_node(self) -> None:
        if self.home:
            return
        choice = [node for node in self.nodes if node.directory.name not in self.avoids]
        node = self.chance.choice(choice)
        self.moves += node is not self.server
        self.server = node
        self.proxy.target = node.port

    async def _visit(self) -> None:
        self._choose_node()
        try:
            await super()._visit()
        except (Cut, Refused):
            raise
        except AssertionError as refusal:
            # A connect that is answered with a temporary error.
            if "'code': 100" in str(refusal):
                raise Lost("refused for now") from None
            raise Surprise(f"{refusal}") from None

    def _first_message(self, event) -> None:
        missing = set(self.book.channels) - set(event.json.get("subscriptions", self.book.channels))
        if missing:
            # Refused for now, channel by channel, each with an error message that follows.
            raise Lost("refused for now")
        super()._first_message(event)

    def where(self) -> str:
        return self.server.directory.name
