"""Subscribers that move between nodes, and some that stay where they are."""

from harness.emulated import Refused
from harness.http_client import Lost
from harness.peer import Cut
from harness.server import Server

from ..ledger import Ledger
from ..readers import Subscriber, Surprise

# What a reader that moves goes through; the position it brings along is its own.
MOVING = (
    "websocket", "websocket-protobuf", "http_stream", "http_stream-protobuf", "sse", "session_poll", "events", "poll")
# One on each node that never leaves of its own accord.
STAYING = ("websocket", "http_stream", "sse")


class ClusterReader(Subscriber):
    """A reader of a cluster. With `home` it always comes back to that node, else it goes to any."""

    def __init__(self, nodes: list[Server], ledger: Ledger, name: str, transports: list[str], channels: list[str], seed: str,
                 home: Server | None = None):
        super().__init__(home or nodes[0], ledger, name, transports, channels, seed)
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

    def where(self) -> str:
        return self.server.directory.name
