"""A whole application behind Pharos in one file: the standard library, and nothing kept between two requests.

It logs people in by a cookie, says which channels they hear, judges what they publish, answers remote calls and raw
messages, and prints what it is told. All that it knows of Pharos stands in docs/origin.md.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

SECRET = os.environ["PHAROS_ORIGINS_APP_SECRET"]  # shared with Pharos, which reads the same variable
COOKIE_KEY = os.environ.get("COOKIE_KEY", SECRET)  # signs cookies: only this application reads them


# Who it is. The cookie carries its own proof, so any number of these processes may run side by side.


def sealed(user: str) -> str:
    seal = hmac.new(COOKIE_KEY.encode(), user.encode(), hashlib.sha256).hexdigest()
    return base64.urlsafe_b64encode(user.encode()).decode().rstrip("=") + "." + seal


def user_of(cookie: str) -> str | None:
    name = cookie.partition(".")[0]
    try:
        user = base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()
    except ValueError:
        return None
    return user if user and hmac.compare_digest(sealed(user), cookie) else None


# What Pharos asks. Each function gets the body and gives the answer.


def connect(question: dict) -> dict:
    """Also for the handshake of raw paths: who it is, and which channels it hears. The client has named none."""
    user = user_of(question.get("request", {}).get("cookies", {}).get("session", ""))
    if user is None:
        return {"error": {"code": 101, "message": "log in first"}}
    return {"result": {
        "user": user, "info": {"name": user.title()}, "channels": ["news:all", f"user:{user}"],
        "expire_at": int(time.time()) + 3600, "meta": {"since": int(time.time())}}}


def refresh(question: dict) -> dict:
    return {"result": {"expire_at": int(time.time()) + 3600}}


def subscribe(question: dict) -> dict:
    """Rooms are open to everybody who is logged in, `chat:vip-…` to a few."""
    room = question["channel"].partition(":")[2]
    if room.startswith("vip-") and question["user"] not in ("ann", "bob"):
        return {"error": {"code": 403, "message": "permission denied"}}
    return {"result": {"info": {"name": question["user"].title()}}}


def publish(question: dict) -> dict:
    text = question.get("data", {}).get("text") if isinstance(question.get("data"), dict) else None
    if not isinstance(text, str) or len(text) > 1000:
        return {"error": {"code": 400, "message": "text is missing or too long"}}
    if not text.strip():
        return {"result": {"drop": True}}
    # The sender's name is ours to say, not the client's.
    return {"result": {"data": {"from": question["user"], "text": text.replace("darn", "d***")}}}


def rpc(question: dict) -> dict:
    match question["method"]:
        case "app:time": return {"result": {"data": int(time.time())}}
        case "app:add": return {"result": {"data": sum(question["data"])}}
        case "app:since": return {"result": {"data": question["meta"]["since"]}}
    return {"error": {"code": 404, "message": "no such method"}}


def message(question: dict) -> dict:
    report({"event": "message", "user": question["user"], "data": question.get("data")})
    return {"result": {}}


QUESTIONS = {
    f"pharos.client.{name}": function for name, function in {
        "handshake": connect, "connect": connect, "refresh": refresh, "subscribe": subscribe, "sub_refresh": refresh,
        "publish": publish, "rpc": rpc, "message": message}.items()}


# Raw connections: their messages come as they are, and what is answered goes back.


def raw_message(text: str):
    if text == "bye":
        return {"close": {"code": 1000, "reason": "bye"}}
    if text == "twice":
        return {"messages": [{"text": "one"}, {"text": "two"}]}
    return text.upper()


# What it is told.


def report(event: dict) -> None:
    print(json.dumps(event), flush=True)


# The handshake.


def is_from_pharos(headers, body: bytes) -> bool:
    identity, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not stamp.isdigit() or abs(time.time() - int(stamp)) > 300:
        return False
    key = base64.b64decode(SECRET[6:]) if SECRET.startswith("whsec_") else SECRET.encode()
    digest = hmac.new(key, f"{identity}.{stamp}.".encode() + body, hashlib.sha256).digest()
    wanted = "v1," + base64.b64encode(digest).decode()
    return any(hmac.compare_digest(wanted, each) for each in headers.get("webhook-signature", "").split(" "))


class Application(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path != "/pharos" or not is_from_pharos(self.headers, body):
            return self.answer(403)
        kind = self.headers.get("ce-type", "")
        if self.headers.get_content_type() == "application/cloudevents-batch+json":
            for event in json.loads(body):
                report(event["data"])
            return self.answer(204)
        if kind == "pharos.raw.established":
            return self.answer(204)
        if kind == "pharos.raw.message":
            if self.headers.get_content_type() != "text/plain":
                return self.answer(200, "application/octet-stream", body)
            said = raw_message(body.decode())
            if isinstance(said, str):
                return self.answer(200, "text/plain;charset=utf-8", said.encode())
            return self.answer(200, "application/json", json.dumps(said).encode())
        if kind in QUESTIONS:
            return self.answer(200, "application/json", json.dumps(QUESTIONS[kind](json.loads(body))).encode())
        self.answer(404)

    def do_GET(self):
        """`/login?user=ann` stands for the application's own login: a real one would ask for a password."""
        address = urlsplit(self.path)
        user = parse_qs(address.query).get("user", [""])[0]
        if address.path != "/login" or not user.isalnum():
            return self.answer(404)
        self.answer(204, cookie=f"session={sealed(user)}; HttpOnly; SameSite=Lax; Path=/")

    def answer(self, status: int, content: str = "", body: bytes = b"", cookie: str = ""):
        self.send_response(status)
        if content:
            self.send_header("Content-Type", content)
        if cookie:
            self.send_header("Set-Cookie", cookie)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9000
    with Server(("127.0.0.1", port), Application) as server:
        print(f"listening on http://127.0.0.1:{port}/", flush=True)
        server.serve_forever()
