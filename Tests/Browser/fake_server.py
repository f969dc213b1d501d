"""Just enough of the protocol for the demo page and its tests to run without the real server.

One process, one port: the page's files, and the JSON protocol over WebSocket with history, presence, join and leave.
Run it as `python fake_server.py PORT`; channel `load` gets a made-up reading at once for each of the last 60 seconds.
"""

import asyncio
import itertools
import json
import math
import pathlib
import random
import sys
import time
import uuid
from http import HTTPStatus

from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.http11 import Response

WEB = pathlib.Path(__file__).resolve().parents[2] / "Sources" / "PharosAPI" / "Web"
FILES = {"/": "index.html", "/pharos.js": "pharos.js", "/demo.js": "demo.js", "/demo.css": "demo.css"}
SETUP = b'{"endpoints": []}'
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
HISTORY_LIMIT = 100
METHODS = ("connect", "subscribe", "unsubscribe", "publish", "presence", "presence_stats", "history")


class Channel:
    """A stream with its subscribers."""

    def __init__(self):
        self.epoch = uuid.uuid4().hex[:8]
        self.offset = 0
        self.history = []
        self.subscribers = set()

    def publish(self, name, data, info=None):
        self.offset += 1
        publication = {"data": data, "offset": self.offset}
        if info:
            publication["info"] = info
        if self.offset == 1:
            publication["epoch"] = self.epoch
        self.history = [*self.history, publication][-HISTORY_LIMIT:]
        self.push(name, {"pub": publication})

    def push(self, name, payload):
        for subscriber in self.subscribers:
            subscriber.write({"push": {"channel": name, **payload}})


class Session:
    """One connection: commands in, replies and pushes out."""

    def __init__(self, channels, socket):
        self.channels = channels
        self.socket = socket
        self.client = str(uuid.uuid4())
        self.outgoing = asyncio.Queue(1000)

    @property
    def info(self):
        return {"client": self.client}

    def write(self, message):
        self.outgoing.put_nowait(json.dumps(message))

    async def run(self):
        writer = asyncio.create_task(self.write_all())
        try:
            async for frame in self.socket:
                for line in filter(None, frame.split("\n")):
                    self.handle(json.loads(line))
        finally:
            writer.cancel()
            for name in list(self.channels):
                self.leave(name)

    async def write_all(self):
        while True:
            await self.socket.send(await self.outgoing.get())

    def handle(self, command):
        for method in METHODS:
            if method in command:
                answer = getattr(self, method)(command[method])
                return self.write({"id": command["id"], method: answer})
        if "id" in command:
            self.write({"id": command["id"], "error": {"code": 104, "message": "method not found"}})

    def connect(self, request):
        return {"client": self.client, "version": "fake", "ping": 25, "pong": True}

    def subscribe(self, request):
        name = request["channel"]
        channel = self.channels.setdefault(name, Channel())
        result = {"recoverable": True, "positioned": True, "epoch": channel.epoch, "offset": channel.offset}
        if request.get("recover"):
            missed = [each for each in channel.history if each["offset"] > request.get("offset", 0)]
            recovered = request.get("epoch") == channel.epoch
            result |= {"was_recovering": True, "recovered": recovered}
            if recovered:
                result |= {"offset": request.get("offset", 0), "publications": missed}
        channel.subscribers.add(self)
        channel.push(name, {"join": {"info": self.info}})
        return result

    def unsubscribe(self, request):
        self.leave(request["channel"])
        return {}

    def leave(self, name):
        channel = self.channels[name]
        if self in channel.subscribers:
            channel.subscribers.remove(self)
            channel.push(name, {"leave": {"info": self.info}})

    def publish(self, request):
        self.channels.setdefault(request["channel"], Channel()).publish(request["channel"], request["data"], self.info)
        return {}

    def presence(self, request):
        return {"presence": {each.client: each.info for each in self.channels[request["channel"]].subscribers}}

    def presence_stats(self, request):
        return {"num_clients": len(self.channels[request["channel"]].subscribers)}

    def history(self, request):
        channel = self.channels[request["channel"]]
        after = request.get("since", {}).get("offset", 0)
        publications = [each for each in channel.history if each["offset"] > after]
        if request.get("reverse"):
            publications.reverse()
        del publications[request.get("limit", 0) :]
        return {"publications": publications, "epoch": channel.epoch, "offset": channel.offset}


def serve_file(connection, request):
    """The page's files; None lets the WebSocket handshake go on."""
    path = request.path.partition("?")[0]
    if path == "/connection/websocket":
        return None
    if path == "/demo.json":
        return Response(200, "OK", Headers({"Content-Length": str(len(SETUP)), "Connection": "close"}), SETUP)
    if path not in FILES:
        return connection.respond(HTTPStatus.NOT_FOUND, "not found\n")
    body = (WEB / FILES[path]).read_bytes()
    headers = Headers()
    headers["Content-Type"] = TYPES[pathlib.Path(FILES[path]).suffix] + "; charset=utf-8"
    headers["Content-Length"] = str(len(body))
    headers["Content-Security-Policy"] = "default-src 'self'"
    headers["Cache-Control"] = "no-store"
    headers["Connection"] = "close"
    return Response(200, "OK", headers, body)


def reading(t):
    """A made-up load that looks alive."""
    cpu = 34 + 22 * math.sin(t / 9) + random.uniform(-6, 10)
    memory = {"used": int(5.2e9 + 6e8 * math.sin(t / 25)), "total": 16 << 30}
    network = {"rx": int(random.lognormvariate(11, 0.9)), "tx": int(random.lognormvariate(10.4, 0.7))}
    return {"t": int(t * 1000), "cpu": round(max(cpu, 0), 1), "memory": memory, "network": network}


async def main(port):
    channels = {"load": Channel(), "chat": Channel()}
    now = time.time()
    for age in range(60, 0, -1):
        channels["load"].publish("load", reading(now - age))

    async def handle(socket):
        await Session(channels, socket).run()

    async with serve(handle, "127.0.0.1", port, process_request=serve_file):
        print(f"listening on http://127.0.0.1:{port}/", flush=True)
        for _ in itertools.count():
            await asyncio.sleep(1)
            channels["load"].publish("load", reading(time.time()))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
