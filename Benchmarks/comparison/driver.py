"""The load that plain WebSocket generators do not have: other transports, compression, recovery, durable publishing.

Run as a process of its own, pinned to the load's processor; prints one line of JSON. Status 1 and a `problem` when
anything was lost, repeated, out of order or refused.

    python3 -m comparison.driver fanout --transport events --peer pharos --port 8000 --pid 123 -n 1000 --count 1000
"""

import argparse
import json
import random
import sys
import time

from .crowd import Caller, Crowd, marker
from .process import cpu_seconds, memory_bytes
from .subscribers import OverEvents, OverPoll, OverWebSocket, Returning
from .talkers import Echoing, RefusedConnect
from .wire import Broken, post

# Channels of this namespace keep history, as long polls need it; see Benchmarks/pharos.yaml.
KEPT, LASTING = "kept:", "lasting:"
WARM_UP = 20
# Messages per channel by which a storm learns what a live delivery costs.
LIVE = 30


def body_of(number, size):
    """A JSON object of about `size` bytes: quotes of a market, whose numbers differ from message to message."""
    text = f'{{"m":"{marker(number)}"'
    if size <= 256:
        return text + f',"fill":"{"x" * max(size - len(text) - 11, 0)}"}}'
    source = random.Random(number)
    text += ',"quotes":['
    while len(text) < size:
        text += (
            f'{{"symbol":"{source.choice(("ABC", "DEFG", "HIJ", "KLMN"))}","price":{source.uniform(1, 999):.2f},'
            f'"volume":{source.randrange(100000)},"up":{source.choice(("true", "false"))}}},')
    return text.rstrip(",") + "]}"


class Back:
    """The back end: publishes one message at a time and waits until everybody has it."""

    def __init__(self, crowd, peer, path):
        self.crowd, self.peer, self.path = crowd, peer, path
        self.number = 0
        self.caller = Caller(self._answered)
        crowd.open([self.caller])
        crowd.ready -= 1

    def _answered(self, caller, status, body):
        if status // 100 != 2 or (self.peer == "pharos" and b'"error"' in body):
            self.crowd.problems[f"publish answered {status} {body[:80]!r}"] += 1

    def publish(self, channel, size, receivers, number=None):
        """Publishes the next message, or one with a number given; returns when `receivers` have it."""
        if number is None:
            number, self.number = self.number, self.number + 1
        data = body_of(number, size)
        if self.peer == "pharos":
            request = post("/api/publish", f'{{"channel":"{channel}","data":{data}}}'.encode())
        else:
            request = post(f"{self.path}?id={channel}", data.encode(), "text/plain")
        wanted = self.crowd.delivered + receivers
        self.caller.call(request)
        self.crowd.run_until(lambda: self.crowd.delivered >= wanted and self.caller.is_free, 20, "publish")

    def call(self, method, request):
        found = []
        self.caller.on_answer = lambda caller, status, body: found.append((status, body))
        self.caller.call(post(f"/api/{method}", json.dumps(request).encode()))
        self.crowd.run_until(lambda: bool(found), 20, method)
        self.caller.on_answer = self._answered
        return json.loads(found[0][1])


def subscriber(options, transport):
    channel = (KEPT if options.peer == "pharos" and transport == "poll" else "") + "bench0"
    if transport == "events":
        return OverEvents(channel, options.peer)
    if transport == "poll":
        return OverPoll(channel, options.peer)
    return OverWebSocket(channel, compressed=transport == "compressed")


def measure_fanout(options, transport):
    """Server CPU per delivery in microseconds, one publish at a time to everybody."""
    crowd = Crowd(options.port)
    back = Back(crowd, options.peer, "/pubkept" if transport == "poll" else "/pub")
    crowd.open([subscriber(options, transport) for _ in range(options.connections)])
    first = next(iter(link for link in crowd.links.values() if link is not back.caller))
    if transport == "poll":
        # Parked polls cannot be seen from here.
        crowd.turn(0)
        time.sleep(1)
    for _ in range(WARM_UP):
        back.publish(first.channel, options.size, options.connections)
    began = cpu_seconds(options.pid)
    for _ in range(options.count):
        back.publish(first.channel, options.size, options.connections)
    used = cpu_seconds(options.pid) - began
    if transport == "compressed" and not first.frames.compressed_count:
        raise Broken("nothing was compressed")
    crowd.cut()
    return used * 1e6 / (options.count * options.connections)


def fanout(options):
    return {"cpu_us_per_delivery": measure_fanout(options, options.transport)}


def deflate(options):
    """Compressed fan-out beside the plain one of the same server: plain, compressed, compressed, plain."""
    plain, compressed = [], []
    for transport, values in (("websocket", plain), ("compressed", compressed)) * 2:
        values.append(measure_fanout(options, transport))
    plain_us, compressed_us = sum(plain) / len(plain), sum(compressed) / len(compressed)
    return {"plain_us": plain_us, "compressed_us": compressed_us, "ratio": compressed_us / plain_us}


def idle(options):
    crowd = Crowd(options.port)
    # One first, so that what a server makes for the first of all is not spread over the others.
    crowd.open([subscriber(options, options.transport)])
    before = memory_bytes(options.pid)
    crowd.open([subscriber(options, options.transport) for _ in range(options.connections)])
    crowd.turn(0.1)
    return {"bytes_per_connection": (memory_bytes(options.pid) - before) / options.connections}


def storm(options):
    """Everybody is cut at once, misses messages, and comes back at once."""
    crowd = Crowd(options.port)
    back = Back(crowd, "pharos", "")
    channels = [f"{LASTING}bench{index}" for index in range(options.channels)]
    share = options.connections // options.channels
    subscribers = [Returning(channel) for channel in channels for _ in range(share)]
    crowd.open(subscribers)
    for channel in channels:
        back.publish(channel, options.size, share, number=0)
    began = cpu_seconds(options.pid)
    for number in range(1, LIVE + 1):
        for channel in channels:
            back.publish(channel, options.size, share, number)
    live_us = (cpu_seconds(options.pid) - began) * 1e6 / (len(subscribers) * LIVE)
    crowd.cut()
    back = Back(crowd, "pharos", "")
    while client_count(back):
        crowd.turn(0.05)
    for number in range(options.missed):
        for channel in channels:
            back.publish(channel, options.size, 0, number)
    crowd.delivered = 0
    began = cpu_seconds(options.pid)
    clock = time.monotonic()
    total = len(subscribers) * options.missed
    returned = [Returning(one.channel, options.missed, one.position) for one in subscribers]
    crowd.open(returned)
    recovered_us = (cpu_seconds(options.pid) - began) * 1e6 / total
    seconds = time.monotonic() - clock
    if crowd.delivered != total:
        raise Broken(f"{crowd.delivered} messages recovered of {total}")
    # One more to each: a client that got one twice or missed one shows it now.
    for channel in channels:
        back.publish(channel, options.size, share, options.missed)
    if any(one.position[1] != other.position[1] + options.missed + 1 for one, other in zip(returned, subscribers)):
        raise Broken("positions differ after the recovery")
    return {"live_us": live_us, "recovered_us": recovered_us, "ratio": recovered_us / live_us, "seconds": seconds}


def client_count(back):
    answer = back.call("info", {})
    return sum(node.get("num_clients", 0) for node in answer["result"]["nodes"])


def publish(options):
    """Publications per second with so many outstanding, each answered once it is stored."""
    crowd = Crowd(options.port)
    sent = answered = 0

    def next_of(caller):
        nonlocal sent
        channel = f"{LASTING}bench{sent % options.channels}"
        sent += 1
        caller.call(post("/api/publish", f'{{"channel":"{channel}","data":{body_of(sent, options.size)}}}'.encode()))

    def on_answer(caller, status, body):
        nonlocal answered
        if status != 200 or b'"offset"' not in body:
            crowd.problems[f"publish answered {status} {body[:80]!r}"] += 1
        answered += 1
        if sent < options.count:
            next_of(caller)

    callers = [Caller(on_answer) for _ in range(options.outstanding)]
    crowd.open(callers)
    began, cpu = time.monotonic(), cpu_seconds(options.pid)
    for caller in callers:
        next_of(caller)
    crowd.run_until(lambda: answered >= options.count, 170, "publish")
    seconds = time.monotonic() - began
    return {"per_s": options.count / seconds, "cpu_us": (cpu_seconds(options.pid) - cpu) * 1e6 / options.count}


def fill(options):
    """Stores so many publications in so many channels."""
    crowd = Crowd(options.port)
    back = Back(crowd, "pharos", "")
    group = 500
    for number in range(options.count // options.channels):
        data = json.loads(body_of(number, options.size))
        for start in range(0, options.channels, group):
            names = [f"{LASTING}bench{index}" for index in range(start, min(start + group, options.channels))]
            answer = back.call("broadcast", {"channels": names, "data": data})
            responses = answer.get("result", {}).get("responses", [])
            if len(responses) != len(names) or any("error" in one for one in responses):
                raise Broken(f"broadcast answered {str(answer)[:200]}")
    return {"stored": options.count}


def echo(options):
    """Round trips over WebSockets without our protocol: each connection waits for its message, then sends the next."""
    crowd = Crowd(options.port)
    echoing = [Echoing(options.path, options.size) for _ in range(options.connections)]
    crowd.open(echoing)
    deadline = time.monotonic() + options.seconds
    began, cpu = time.monotonic(), cpu_seconds(options.pid)
    for each in echoing:
        each.say(deadline)
    crowd.run_until(lambda: not any(each.waits for each in echoing), options.seconds + 30, "echo")
    seconds = time.monotonic() - began
    return {
        "per_s": crowd.delivered / seconds, "cpu_us": (cpu_seconds(options.pid) - cpu) * 1e6 / crowd.delivered}


def refused(options):
    """Connects that the application refuses: each gets that answer, and none is let in."""
    crowd = Crowd(options.port)
    crowd.open([RefusedConnect() for _ in range(options.connections)])
    found = client_count(Back(crowd, "pharos", ""))
    if found:
        raise Broken(f"{found} clients are in, though the application refused all")
    return {"refused": options.connections}


MODES = {
    "fanout": fanout, "deflate": deflate, "idle": idle, "storm": storm, "publish": publish, "fill": fill, "echo": echo,
    "refused": refused}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=MODES)
    parser.add_argument("--peer", choices=("pharos", "nchan", "pushpin"), default="pharos")
    parser.add_argument("--transport", choices=("websocket", "compressed", "events", "poll"), default="websocket")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pid", type=int, required=True, help="the server's process")
    parser.add_argument("-n", "--connections", type=int, default=1000)
    parser.add_argument("--channels", type=int, default=1)
    parser.add_argument("--count", type=int, default=1000, help="messages")
    parser.add_argument("--missed", type=int, default=100, help="messages that each client of a storm misses")
    parser.add_argument("--outstanding", type=int, default=64)
    parser.add_argument("--path", default="/raw", help="where the WebSockets of an echo connect")
    parser.add_argument("--seconds", type=float, default=10, help="how long an echo goes on")
    parser.add_argument("--size", type=int, default=64, help="bytes of a message, about")
    options = parser.parse_args()
    try:
        found = MODES[options.mode](options)
    except (Broken, OSError) as error:
        found = {"problem": str(error)}
    print(json.dumps(found))
    sys.exit("problem" in found)


if __name__ == "__main__":
    main()
