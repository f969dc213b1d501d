"""The rows of the comparison: each starts a fresh server, puts one load on it and gives one number."""

from .load import Failed
from .peers import Running


class Row:
    """One measurement.

    unit: "us", "bytes", "ms", "MB" or "1/s"; targets: {peer: the largest ratio Pharos may reach}; limit: the largest
    value Pharos itself may reach. `body` takes a running server, the load generator and whether to be quick.
    """

    def __init__(self, name, title, unit, body, targets=None, limit=None, note=None):
        self.name, self.title, self.unit, self.body = name, title, unit, body
        self.targets, self.limit, self.note = targets or {}, limit, note

    def run(self, peer, generator, quick):
        with Running(peer) as server:
            return self.body(server, generator, quick)


def fan_out(connections, channels, count, quick_count, outstanding=1):
    def body(server, generator, quick):
        messages = quick_count if quick else count
        return generator.publish(server, connections, channels, messages, outstanding).cpu_us
    return body


def idle(channels):
    def body(server, generator, quick):
        return generator.idle(server, 10000, channels).idle_bytes
    return body


def connect(server, generator, quick):
    return generator.connect(server, 1000, 5 if quick else 15).connect_cpu_us


def slow_reader(server, generator, quick):
    """One of six stalled: the peak of resident memory, if the five others got everything in order."""
    peak_kb = generator.slow(server, 6, 1, 2000 if quick else 8000, 4096, 8).peak_rss_kb
    if not peak_kb:
        raise Failed("no memory reading")
    return max(peak_kb - server.start_rss_kb, 0) / 1000


def start_time(server, generator, quick):
    return server.start_ms


def start_memory(server, generator, quick):
    return server.start_rss_kb / 1000


ROWS = [
    Row("fanout-1000", "1 channel x 1,000, one publish at a time: server CPU per delivery", "us",
        fan_out(1000, 1, 1000, 300), {"uws": 1.0, "nchan": 0.75}),
    Row("fanout-10000", "1 channel x 10,000, one publish at a time: server CPU per delivery", "us",
        fan_out(10000, 1, 100, 40), {"uws": 1.1}),
    Row("channels-1000", "1,000 channels x 10, 32 publishes outstanding: server CPU per delivery", "us",
        fan_out(10000, 1000, 60000, 20000, 32), {"uws": 1.1}),
    Row("burst", "1 channel x 1,000, 32 publishes outstanding: server CPU per delivery", "us",
        fan_out(1000, 1, 8000, 2500, 32), {"uws": 1.3, "nchan": 0.1}),
    Row("idle", "10,000 idle connections, one subscription each, one channel: memory per connection", "bytes",
        idle(1), limit=1000),
    Row("idle-own", "the same, a channel of its own each", "bytes", idle(10000)),
    Row("connect", "connect, upgrade, subscribe: server CPU per connection", "us", connect, {"nchan": 1.12},
        note="The handlers of uWebSockets are Python here, so its own figure says little. Written in C++ it needs 0.56 "
        "of what nchan needs; twice that is the bound."),
    Row("slow", "one reader of six stalled, 4 KB messages: growth of resident memory", "MB", slow_reader),
    Row("start", "start until the port accepts", "ms", start_time, limit=50),
    Row("start-memory", "resident memory when the port accepts", "MB", start_memory, limit=40),
]
