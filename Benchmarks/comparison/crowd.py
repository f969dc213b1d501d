"""Many subscribers in one epoll loop, each of which counts: every message once, in order, unchanged."""

import collections
import re
import resource
import select
import socket
import struct
import time

from .wire import Answer, Broken

MARKER = re.compile(rb"@@([0-9a-f]{8})@@")
HANDSHAKES = 200
RESET = struct.pack("ii", 1, 0)


def marker(number):
    return f"@@{number:08x}@@"


class Crowd:
    """The loop and what it has counted. `problems` says what went wrong, by kind; any makes a run worthless."""

    def __init__(self, port):
        self.address = ("127.0.0.1", port)
        self.epoll = select.epoll()
        self.links = {}
        self.view = memoryview(bytearray(262_144))
        self.ready = 0
        self.delivered = 0
        self.problems = collections.Counter()
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def open(self, subscribers, seconds=60):
        """Connects them all, so many handshakes at a time, until each is subscribed."""
        waiting = collections.deque(subscribers)
        wanted, before = len(waiting), self.ready
        deadline = time.monotonic() + seconds
        while self.ready - before < wanted:
            opened = wanted - len(waiting) - (self.ready - before)
            while waiting and opened < HANDSHAKES:
                self.add(waiting.popleft())
                opened += 1
            self.turn(0.1)
            if time.monotonic() > deadline or self.problems:
                raise Broken(f"{self.ready - before} of {wanted} subscribed: {self.complaint()}")

    def add(self, link):
        link.socket = socket.socket()
        link.socket.setblocking(False)
        link.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.socket.connect_ex(self.address)
        link.crowd, link.is_open = self, False
        self.links[link.socket.fileno()] = link
        self.epoll.register(link.socket, select.EPOLLIN | select.EPOLLOUT)

    def turn(self, timeout):
        """Handles what has arrived."""
        links, view = self.links, self.view
        for number, events in self.epoll.poll(timeout):
            link = links.get(number)
            if link is None:
                continue
            if not link.is_open:
                link.is_open = True
                self.epoll.modify(number, select.EPOLLIN)
                self._begin(link)
                continue
            try:
                # Into one buffer for all: making a large one for every read costs more than the read.
                data = bytes(view[:link.socket.recv_into(view)])
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                self.fail(link, "closed by the server")
                continue
            try:
                link.received(data)
            except Broken as error:
                self.fail(link, str(error))

    def _begin(self, link):
        if link.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.fail(link, "connect refused")
        else:
            link.opened()

    def fail(self, link, what):
        self.problems[what] += 1
        self.close(link)

    def close(self, link, reset=False):
        if self.links.pop(link.socket.fileno(), None) is None:
            return
        if reset:
            link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        link.socket.close()

    def cut(self):
        """Ends every connection at once, without a word."""
        for link in list(self.links.values()):
            self.close(link, reset=True)
        self.ready = 0

    def run_until(self, holds, seconds, what):
        deadline = time.monotonic() + seconds
        while not holds():
            self.turn(0.1)
            if self.problems or time.monotonic() > deadline:
                raise Broken(f"{what}: {self.complaint()}")

    def complaint(self):
        return ", ".join(f"{count} x {what}" for what, count in self.problems.items()) or "time is over"


class Link:
    """One connection of the crowd."""

    socket, crowd, is_open = None, None, False

    def send(self, data):
        # Requests are far smaller than an empty socket buffer.
        if self.socket.send(data) != len(data):
            raise Broken("a request did not fit the socket")


class Subscriber(Link):
    """A subscriber of one channel. What it gets must be numbered without gap, from whatever number came first."""

    def __init__(self, channel):
        self.channel = channel
        self.expected = None
        self.is_ready = False

    def became_ready(self):
        if not self.is_ready:
            self.is_ready = True
            self.crowd.ready += 1

    def count(self, body):
        for text in MARKER.findall(body):
            number = int(text, 16)
            if self.expected is not None and number != self.expected:
                kind = "lost" if number > self.expected else "repeated or out of order"
                raise Broken(f"a message {kind}")
            self.expected = number + 1
            self.crowd.delivered += 1


class Caller(Link):
    """A connection for requests of a back end: one at a time, each with its answer."""

    def __init__(self, on_answer):
        self.on_answer = on_answer
        self.answer, self.body = Answer(), b""
        self.is_free = False

    def opened(self):
        self.is_free = True
        self.crowd.ready += 1

    def call(self, request):
        self.is_free = False
        self.send(request)

    def received(self, data):
        self.body += self.answer.feed(data)
        if not self.answer.done:
            return
        status, body = self.answer.status, self.body
        self.answer, self.body, self.is_free = Answer(), b"", True
        self.on_answer(self, status, body)
