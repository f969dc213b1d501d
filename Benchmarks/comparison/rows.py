"""The rows of the comparison: each puts one load on fresh servers and gives one number."""

from . import durable, inprocess, load, origin
from .load import Failed, Noted, drive
from .peers import Running


class Row:
    """One measurement.

    unit: "us", "bytes", "ms", "MB", "1/s" or "x", a ratio of two values of one run; targets: {peer: the largest ratio
    Pharos may reach}; limit and least: the largest and the smallest value Pharos itself may reach; peers: whom the row
    is about, None for all; needs: servers that only this row starts, and that have to be here. `body` takes a running
    server, the load generator and whether to be quick; with `alone` it takes the peer, and starts servers itself. It
    gives a number, or a `Noted` one. With `tls` the servers have a second port, for subscribers.
    """

    def __init__(self, name, title, unit, body, targets=None, limit=None, least=None, note=None, peers=None,
                 alone=False, settings=None, needs=(), tls=False):
        self.name, self.title, self.unit, self.body = name, title, unit, body
        self.targets, self.limit, self.least, self.note = targets or {}, limit, least, note
        self.peers, self.alone, self.settings, self.needs, self.tls = peers, alone, settings, needs, tls

    def measures(self, peer):
        return self.peers is None or peer.name in self.peers

    def run(self, peer, generator, quick):
        if self.alone:
            return self.body(peer, generator, quick)
        with Running(peer, self.settings, tls=self.tls) as server:
            return self.body(server, generator, quick)


def fan_out(connections, channels, count, quick_count, outstanding=1):
    def body(server, generator, quick):
        messages = quick_count if quick else count
        return generator.publish(server, connections, channels, messages, outstanding).cpu_us
    return body


def stream(transport):
    def body(server, generator, quick):
        return generator.stream(server, transport, 1000, 300 if quick else 1000).cpu_us
    return body


def deflate(server, generator, quick):
    found = drive(server, "deflate", "-n", 1000, "--count", 100 if quick else 300, "--size", 1000)
    note = f"{found['compressed_us']:.2f} us compressed, {found['plain_us']:.2f} us plain"
    return Noted(found["ratio"], note)


def storm(server, generator, quick):
    found = drive(server, "storm", "-n", 10000, "--channels", 10)
    note = (
        f"{found['recovered_us']:.2f} us per recovered message, handshake, connect and subscribe included, "
        f"{found['live_us']:.2f} us per live delivery; everybody was back after {found['seconds']:.1f} s")
    return Noted(found["ratio"], note)


def idle(channels):
    def body(server, generator, quick):
        return generator.idle(server, 10000, channels).idle_bytes
    return body


def idle_streams(server, generator, quick):
    return generator.idle_streams(server, 10000).idle_bytes


def tls_fan_out(server, generator, quick):
    return load.own().publish(server, 1000, 1, 300 if quick else 1000, 1).cpu_us


def tls_idle(server, generator, quick):
    return load.own().idle(server, 2000, 1).idle_bytes


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


WITH_STREAMS = ("pharos", "nchan")
PHAROS = ("pharos",)
STORE = {"store.path": "{folder}/data"}

ROWS = [
    Row("fanout-1000", "1 channel x 1,000, one publish at a time: server CPU per delivery", "us",
        fan_out(1000, 1, 1000, 300), {"uws": 1.0, "nchan": 0.75}),
    Row("fanout-10000", "1 channel x 10,000, one publish at a time: server CPU per delivery", "us",
        fan_out(10000, 1, 100, 40), {"uws": 1.1}),
    Row("channels-1000", "1,000 channels x 10, 32 publishes outstanding: server CPU per delivery", "us",
        fan_out(10000, 1000, 60000, 20000, 32), {"uws": 1.1}),
    Row("burst", "1 channel x 1,000, 32 publishes outstanding: server CPU per delivery", "us",
        fan_out(1000, 1, 8000, 2500, 32), {"uws": 1.3, "nchan": 0.1}),
    Row("tls-1000", "TLS: 1 channel x 1,000, one publish at a time: server CPU per delivery", "us",
        tls_fan_out, {"uws": 1.1, "nchan": 0.85}, tls=True),
    Row("tls-idle", "2,000 idle TLS connections, one subscription each, one channel: memory per connection", "bytes",
        tls_idle, limit=16_000, tls=True),
    Row("events-1000", "SSE, 1 channel x 1,000, one publish at a time: server CPU per delivery", "us",
        stream("events"), {"nchan": 0.9}, peers=WITH_STREAMS),
    Row("poll-1000", "long poll, 1 channel x 1,000, one publish at a time: server CPU per delivery", "us",
        stream("poll"), {"nchan": 0.9}, peers=WITH_STREAMS,
        note="A delivery is an answer and the next request. Both servers keep 100 messages for a minute."),
    Row("deflate-1000", "1 channel x 1,000, 1 KB JSON messages: compressed fan-out / plain fan-out, server CPU", "x",
        deflate, limit=1.5, peers=PHAROS, settings={"websocket.compression": "true"}),
    Row("storm", "10,000 clients cut at once, 100 messages missed by each: CPU per recovered message / per live "
        "delivery", "x", storm, limit=3, peers=PHAROS, settings=STORE),
    Row("idle", "10,000 idle connections, one subscription each, one channel: memory per connection", "bytes",
        idle(1), limit=1000),
    Row("idle-own", "the same, a channel of its own each", "bytes", idle(10000)),
    Row("idle-events", "10,000 idle SSE connections, one channel: memory per connection", "bytes",
        idle_streams, limit=1000, peers=WITH_STREAMS),
    Row("connect", "connect, upgrade, subscribe: server CPU per connection", "us", connect, {"uws": 2},
        note="What uWebSockets does for it is its upgrade and one message; ours are the commands connect and subscribe."),
    Row("slow", "one reader of six stalled, 4 KB messages: growth of resident memory", "MB", slow_reader),
    Row("store-1", "store alone, 64 appends outstanding, 1 channel: rate / the same group commits with SQLite alone",
        "x", durable.store(1), least=0.8, peers=PHAROS, alone=True),
    Row("store-1000", "the same, 1,000 channels", "x", durable.store(1000), least=0.8, peers=PHAROS, alone=True),
    Row("durable-1", "HTTP publishes stored on disk, 64 outstanding, 1 channel", "1/s", durable.publish(1),
        peers=PHAROS, settings=STORE),
    Row("durable-1000", "the same, 1,000 channels", "1/s", durable.publish(1000), peers=PHAROS, settings=STORE),
    Row("start", "start until the port accepts", "ms", start_time, limit=50),
    Row("restart", "start after kill -9 with a full store, 10,000 channels / with an empty one",
        "x", durable.restart, limit=2, peers=PHAROS, alone=True),
    Row("connect-hook", "5,000 clients, each asked about over HTTP: connects/s / those of clients without a question",
        "x", origin.connect_hook, least=0.25, peers=PHAROS, alone=True),
    Row("raw-echo", "100 WebSockets, each message a request to the origin and back: server CPU per echo / Pushpin's",
        "x", origin.raw_echo, limit=0.5, peers=PHAROS, alone=True, needs=(origin.Pushpin(),)),
    Row("in-process", "publications that one subscriber inside the process takes, per second of CPU on one core", "1/s",
        inprocess.subscriber, least=1_000_000, peers=PHAROS, alone=True),
    Row("start-memory", "resident memory when the port accepts", "MB", start_memory, limit=40),
]
