"""The application behind Pharos, as a test writes it: an HTTP server that answers by script and remembers what it was asked."""

import base64
import collections
import contextlib
import hashlib
import hmac
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .configuration import ORIGIN_SECRET
from .server import free_port, poll

# An answer that is no answer: the connection is closed without a byte.
SILENCE = object()


def is_signed(headers: dict, body: bytes, secret: str = ORIGIN_SECRET) -> bool:
    """As docs/origin.md says it."""
    identity, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not stamp.isdigit() or abs(time.time() - int(stamp)) > 300:
        return False
    key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
    digest = hmac.new(key, f"{identity}.{stamp}.".encode() + body, hashlib.sha256).digest()
    wanted = "v1," + base64.b64encode(digest).decode()
    return any(hmac.compare_digest(wanted, each) for each in headers.get("webhook-signature", "").split(" "))


class Request:
    """One request, as it came."""

    def __init__(self, method: str, path: str, headers: dict, body: bytes):
        self.method, self.path, self.headers, self.body = method, path, headers, body

    @property
    def name(self) -> str:
        return self.path.strip("/").partition("?")[0]

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self) -> str:
        return f"{self.method} {self.path} {self.body[:200]!r}"


class Held:
    """An answer that waits until the test gives it."""

    def __init__(self):
        self.asked = threading.Event()
        self._given = threading.Event()
        self._answer = None

    def __call__(self, request: Request):
        self.asked.set()
        # A guard against hanging only.
        self._given.wait(60)
        return self._answer

    def give(self, answer) -> None:
        self._answer = answer
        self._given.set()

    def wait(self) -> None:
        assert self.asked.wait(30), "the question did not come"


class Origin:
    """Answers at `/<name>` by what `on(name, …)` said last; by default with an empty result.

    An answer is a dictionary (200 and JSON), a status, a tuple of status, headers and body, `SILENCE`, or a function that
    takes the request and returns one of these.
    """

    def __init__(self, secret: str = ORIGIN_SECRET):
        self.secret = secret
        self.port = free_port()
        self.requests: list[Request] = []
        self.unsigned: list[Request] = []
        self.connections = 0
        self._answers: dict[str, object] = {}
        self._changed = threading.Condition()
        self._server: ThreadingHTTPServer | None = None
        self._open: set[socket.socket] = set()

    # What it answers

    def on(self, name: str, answer) -> None:
        self._answers[name] = answer

    def hold(self, name: str) -> Held:
        held = Held()
        self.on(name, held)
        return held

    def settings(self, name: str, **options) -> dict:
        """An entry of `origins`."""
        return {"name": name, "url": f"http://127.0.0.1:{self.port}/{name}", "secret": self.secret} | options

    # What it was asked

    def asked(self, name: str) -> list[Request]:
        with self._changed:
            return [each for each in self.requests if each.name == name]

    def wait_for(self, name: str, count: int = 1, seconds: float = 30) -> list[Request]:
        """The requests to `name`, once there are so many."""
        return poll(lambda: found if len(found := self.asked(name)) >= count else None, f"{count} of {name}", seconds)

    # Life

    def start(self) -> "Origin":
        origin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Each answer leaves at once, as any framework for servers has it.
            disable_nagle_algorithm = True
            wbufsize = -1

            def setup(self):
                super().setup()
                with origin._changed:
                    origin.connections += 1
                    origin._open.add(self.connection)

            def finish(self):
                with contextlib.suppress(OSError, ValueError):
                    super().finish()
                with origin._changed:
                    origin._open.discard(self.connection)

            def do_POST(self):
                origin._serve(self)

            do_GET = do_PUT = do_OPTIONS = do_POST

            def log_message(self, *_):
                pass

        class Listener(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 1024

            def handle_error(self, request, client_address):
                # The other side may go at any time: that is what some stories are about.
                pass

        self._server = Listener(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Stops listening, and cuts every connection."""
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._server = None
        with self._changed:
            cut = list(self._open)
        for each in cut:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _serve(self, handler) -> None:
        length = int(handler.headers.get("content-length", 0))
        headers = collections.defaultdict(str)
        for key, value in handler.headers.items():
            key = key.lower()
            headers[key] = f"{headers[key]}, {value}" if key in headers else value
        request = Request(handler.command, handler.path, dict(headers), handler.rfile.read(length))
        with self._changed:
            self.requests.append(request)
            if self.secret and request.method == "POST" and not is_signed(request.headers, request.body, self.secret):
                self.unsigned.append(request)
        answer = self._answers.get(request.name, {"result": {}})
        if callable(answer):
            answer = answer(request)
        if answer is SILENCE:
            handler.close_connection = True
            with contextlib.suppress(OSError):
                handler.connection.shutdown(socket.SHUT_RDWR)
            return
        status, fields, body = _whole(answer)
        with contextlib.suppress(OSError):
            handler.send_response(status)
            for key, value in fields.items():
                handler.send_header(key, value)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)
            handler.wfile.flush()


def _whole(answer) -> tuple[int, dict, bytes]:
    if isinstance(answer, int):
        return answer, {}, b""
    if isinstance(answer, tuple):
        status, fields, body = answer
        return status, fields, body.encode() if isinstance(body, str) else body
    return 200, {"Content-Type": "application/json"}, json.dumps(answer).encode()
