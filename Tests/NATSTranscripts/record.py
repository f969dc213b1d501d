#!/usr/bin/env python3
"""Records what a real nats-server sends: record.py NATS_SERVER [SCENE]...

Each scene starts a server of its own on 127.0.0.1, speaks to it over a raw socket, and writes the server's bytes, as they
came, to SCENE.bytes beside this script. The servers are ended by their process ids.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PORT = 14622
CONNECT = '{"verbose":false,"pedantic":false,"tls_required":false,"name":"recorder","lang":"python","version":"1",' \
    '"protocol":1,"echo":true,"headers":true,"no_responders":true%s}'


class Server:
    """One nats-server with a directory and a port of its own."""

    def __init__(self, program, settings=""):
        self.folder = tempfile.TemporaryDirectory(prefix="nats")
        path = os.path.join(self.folder.name, "n.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f'host: 127.0.0.1\nport: {PORT}\nserver_name: n1\n{settings}\n'.replace("$D", self.folder.name))
        self.process = subprocess.Popen([program, "-c", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=40)
        self.folder.cleanup()


class Client:
    """A raw socket that keeps every byte it received."""

    def __init__(self, more="", connects=True):
        end = time.time() + 10
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", PORT), timeout=5)
                break
            except OSError:
                if time.time() > end:
                    raise
                time.sleep(0.02)
        self.bytes = bytearray()
        self.until(b"\r\n")
        if connects:
            self.send("CONNECT " + CONNECT % more + "\r\nPING\r\n")

    def send(self, data):
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def receive(self):
        """Reads once; False at the end of the connection."""
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            return False
        self.bytes += data
        return bool(data)

    def until(self, mark, count=1):
        """Reads until `mark` has come `count` times."""
        while self.bytes.count(mark) < count:
            if not self.receive():
                raise SystemExit(f"the connection ended before {mark}: {self.bytes}")

    def end(self):
        """Reads to the end of the connection."""
        while self.receive():
            pass

    def flush(self, count):
        """Waits until the server has done everything so far, as its `count`th PONG says."""
        self.send("PING\r\n")
        self.until(b"PONG\r\n", count)


def headers(text):
    return "NATS/1.0" + text.replace("\n", "\r\n") + "\r\n\r\n"


def hpub(subject, block, payload, reply=""):
    total = len(block) + len(payload)
    return f"HPUB {subject} {reply} {len(block)} {total}\r\n{block}{payload}\r\n"


def core(program):
    with Server(program) as _:
        client = Client()
        client.until(b"PONG\r\n")
        client.send("SUB greet.* 2\r\nSUB work.> group 3\r\n")
        client.send("PUB greet.anna 5\r\nhello\r\n")
        client.send("PUB greet.empty 0\r\n\r\n")
        client.send("pub\tgreet.bert \t answers.7  4\r\nMSG \r\n")
        client.send("PUB work.a.b 12\r\nline\r\nPING\r\n\r\n")
        client.send(hpub("greet.headers", headers("\nColour: red\nColour: blue\nlower:  spaced  \nEmpty:"), "body"))
        client.send(hpub("greet.status", headers(" 404 No Messages"), "", "answers.8"))
        client.send(hpub("greet.broken", "NATS/1.0\r\nno colon here\r\n\r\n", "kept"))
        client.send(hpub("greet.nonsense", "something else", "kept"))
        client.send("UNSUB 2 7\r\nPUB greet.last 1\r\nx\r\nPUB greet.late 1\r\ny\r\n")
        client.flush(2)
        yield "core", client


def verbose(program):
    with Server(program) as _:
        client = Client(connects=False)
        client.send('CONNECT {"verbose":true}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\n')
        client.flush(1)
        yield "verbose", client


def no_responders(program):
    with Server(program) as _:
        client = Client()
        client.send("SUB _INBOX.r.* 1\r\nPUB nothing.here _INBOX.r.1 3\r\nask\r\n")
        client.flush(2)
        yield "no-responders", client


def token(program):
    with Server(program, 'authorization { token: "s3cret" }') as _:
        client = Client(',"auth_token":"s3cret"')
        client.flush(2)
        yield "token", client
        client = Client(',"auth_token":"wrong"')
        client.end()
        yield "token-refused", client


def user(program):
    users = 'authorization { users = [ {user: anna, password: "p w", permissions: {publish: "ok.>", subscribe: ["ok.>"]}} ] }'
    with Server(program, users) as _:
        client = Client(',"user":"anna","pass":"p w"')
        client.send("SUB ok.a 1\r\nSUB secret.b 2\r\nPUB secret.c 1\r\nx\r\nPUB ok.a 1\r\ny\r\n")
        client.flush(2)
        yield "user", client
        client = Client(',"user":"anna","pass":"p"')
        client.end()
        yield "user-refused", client


def violations(program):
    with Server(program, "max_payload: 1024") as _:
        client = Client()
        client.send("PUB a 1025\r\n" + "x" * 1025 + "\r\n")
        client.end()
        yield "max-payload", client
        client = Client()
        client.until(b"PONG\r\n")
        client.send("HELLO there\r\n")
        client.end()
        yield "unknown-operation", client


def lame_duck(program):
    with Server(program, 'lame_duck_grace_period: "500ms"\nlame_duck_duration: "30s"') as server:
        client = Client()
        client.socket.settimeout(40)
        client.flush(2)
        os.kill(server.process.pid, signal.SIGUSR2)
        client.until(b'"ldm":true')
        client.until(b"\r\n", 5)
        client.end()
        yield "lame-duck", client


def cluster(program):
    settings = "cluster { name: C, listen: 127.0.0.1:16622 }"
    with Server(program, settings) as _:
        client = Client()
        client.flush(2)
        path = os.path.join(tempfile.mkdtemp(prefix="nats"), "n2.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(
                f"host: 127.0.0.1\nport: {PORT + 1}\nserver_name: n2\n"
                'cluster { name: C, listen: 127.0.0.1:16623, routes: ["nats://127.0.0.1:16622"] }\n')
        second = subprocess.Popen([program, "-c", path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            client.until(b'"connect_urls"')
            client.until(b"\r\n", 5)
        finally:
            second.terminate()
            second.wait(timeout=40)
        yield "cluster", client


def jetstream(program):
    with Server(program, 'jetstream { store_dir: "$D/js" }') as _:
        client = Client()
        client.send("SUB _INBOX.r.* 1\r\nSUB ph.l.> 2\r\n")
        client.flush(2)
        answers = 0

        def ask(subject, text, fields="", parts=1):
            nonlocal answers
            answers += parts
            if fields:
                client.send(hpub(subject, headers(fields), text, f"_INBOX.r.{answers}"))
            else:
                client.send(f"PUB {subject} _INBOX.r.{answers} {len(text)}\r\n{text}\r\n")
            client.until(b"MSG _INBOX.r.", answers)

        ask("$JS.API.STREAM.CREATE.PH",
            '{"name":"PH","subjects":["ph.h.>"],"storage":"memory","allow_direct":true,"allow_atomic":true,'
            '"republish":{"src":"ph.h.>","dest":"ph.l.>"},"duplicate_window":60000000000}')
        ask("ph.h.a", "one", "\nNats-Msg-Id: m1\nNats-Expected-Last-Subject-Sequence: 0")
        ask("ph.h.b", "two", "\nNats-Msg-Id: m2")
        ask("ph.h.a", "three", "\nNats-Expected-Last-Subject-Sequence: 1")
        ask("ph.h.b", "two", "\nNats-Msg-Id: m2")
        ask("ph.h.a", "stale", "\nNats-Expected-Last-Subject-Sequence: 1")
        client.send(hpub("ph.h.a", headers("\nNats-Batch-Id: b1\nNats-Batch-Sequence: 1"), "four"))
        ask("ph.h.a", "five", "\nNats-Batch-Id: b1\nNats-Batch-Sequence: 2\nNats-Batch-Commit: 1")
        ask("$JS.API.DIRECT.GET.PH", '{"next_by_subj":"ph.h.a","seq":1,"batch":3}', parts=4)
        ask("$JS.API.DIRECT.GET.PH", '{"seq":99}')
        ask("$JS.API.STREAM.MSG.GET.PH", '{"last_by_subj":"ph.h.b"}')
        ask("$JS.API.STREAM.MSG.GET.PH", '{"seq":99}')
        ask("$JS.API.STREAM.INFO.NONE", "")
        ask("no.stream.here", "x")
        client.flush(3)
        yield "jetstream", client


def slow_consumer(program):
    """The server gives up a client that does not read: the connection ends within a message, without a word.

    Thousands of messages are the same; of those that came whole, two are kept.
    """
    with Server(program, 'write_deadline: "100ms"\nmax_payload: 1024\nmax_pending: 4096') as _:
        client = Client(connects=False)
        client.send("CONNECT " + CONNECT % "" + "\r\nSUB flood 1\r\nPING\r\n")
        client.until(b"PONG\r\n")
        publisher = Client()
        for _ in range(400):
            publisher.send(("PUB flood 1000\r\n" + "z" * 1000 + "\r\n") * 40)
        time.sleep(1)
        client.end()
        message = b"MSG flood 1 1000\r\n" + b"z" * 1000 + b"\r\n"
        head, *_, tail = client.bytes.split(message)
        client.bytes = head + message * 2 + tail
        yield "slow-consumer", client


SCENES = [core, verbose, no_responders, token, user, violations, lame_duck, cluster, jetstream, slow_consumer]


def main(program, names):
    for scene in SCENES:
        if names and scene.__name__ not in names:
            continue
        for name, client in scene(program):
            client.socket.close()
            with open(os.path.join(HERE, name + ".bytes"), "wb") as file:
                file.write(client.bytes)
            print(name, len(client.bytes))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
