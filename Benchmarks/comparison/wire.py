"""Bytes to messages and back, as far as a subscriber of a benchmark needs it. Every parser takes pieces of any size."""

import os
import zlib


class Broken(Exception):
    """The server said something that its protocol does not allow."""


class Answer:
    """One HTTP/1.1 answer: its head, then its body piece by piece, chunked or with a length or until the end."""

    LIMIT = 1 << 24

    def __init__(self):
        self.status, self.fields = 0, {}
        self.done = False
        self._rest = b""
        self._left = None
        self._chunked = False

    def feed(self, data):
        """The part of the body that has become known; b"" if none."""
        if self._rest:
            data, self._rest = self._rest + data, b""
        if not self.status:
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._rest = data
                if len(data) > 65536:
                    raise Broken("a head without end")
                return b""
            self._read_head(data[:end].decode("latin-1"))
            data = data[end + 4:]
            if self._left == 0 and not self._chunked:
                self.done = True
        return self._dechunk(data) if self._chunked else self._plain(data)

    def _read_head(self, text):
        lines = text.split("\r\n")
        self.status = int(lines[0].split(" ", 2)[1])
        for line in lines[1:]:
            name, _, value = line.partition(":")
            self.fields[name.strip().lower()] = value.strip()
        self._chunked = self.fields.get("transfer-encoding", "").lower() == "chunked"
        if self.status in (204, 304):
            self._left = 0
        elif "content-length" in self.fields:
            self._left = int(self.fields["content-length"])

    def _plain(self, data):
        if self._left is None:
            return data
        if len(data) > self._left:
            raise Broken("more than the length that was announced")
        self._left -= len(data)
        self.done = self._left == 0
        return data

    def _dechunk(self, data):
        pieces, at = [], 0
        while not self.done:
            line_end = data.find(b"\r\n", at)
            if line_end < 0:
                break
            size = int(data[at:line_end], 16)
            if size > self.LIMIT:
                raise Broken("a chunk too large")
            end = line_end + 2 + size
            if len(data) < end + 2:
                break
            pieces.append(data[line_end + 2:end])
            at = end + 2
            self.done = size == 0
        self._rest = data[at:]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class Frames:
    """The server's side of a WebSocket, with `permessage-deflate` without context takeover where it was agreed."""

    # One deflated publication comes to every subscriber as the same bytes: inflating it once is enough.
    _inflated = {}

    def __init__(self, compressed=False):
        self.compressed = compressed
        self.compressed_count = 0
        self._rest = b""

    def feed(self, data):
        """The complete messages, as (opcode, payload)."""
        if self._rest:
            data = self._rest + data
        messages, at, size = [], 0, len(data)
        while size - at >= 2:
            first, length = data[at], data[at + 1]
            start = at + 2
            if length == 126:
                if size - at < 4:
                    break
                length, start = int.from_bytes(data[at + 2:at + 4]), at + 4
            elif length == 127:
                if size - at < 10:
                    break
                length, start = int.from_bytes(data[at + 2:at + 10]), at + 10
            elif length > 127:
                raise Broken("a masked frame of the server")
            if size < start + length:
                break
            if not first & 0x80:
                raise Broken("a fragmented message, which these servers do not send")
            payload = data[start:start + length]
            if first & 0x40:
                payload = self._inflate(payload)
            messages.append((first & 0x0F, payload))
            at = start + length
        self._rest = data[at:]
        return messages

    def _inflate(self, payload):
        if not self.compressed:
            raise Broken("a compressed message that was not agreed")
        self.compressed_count += 1
        known = Frames._inflated.get(payload)
        if known is None:
            if len(Frames._inflated) > 64:
                Frames._inflated.clear()
            known = zlib.decompressobj(-15).decompress(payload + b"\x00\x00\xff\xff")
            Frames._inflated[payload] = known
        return known


def frame(payload, opcode=1):
    """A client's frame, masked."""
    mask = os.urandom(4)
    size = len(payload)
    if size < 126:
        head = bytes([0x80 | opcode, 0x80 | size])
    elif size < 65536:
        head = bytes([0x80 | opcode, 0x80 | 126]) + size.to_bytes(2)
    else:
        head = bytes([0x80 | opcode, 0x80 | 127]) + size.to_bytes(8)
    pad = (mask * (size // 4 + 1))[:size]
    masked = (int.from_bytes(payload) ^ int.from_bytes(pad)).to_bytes(size) if size else b""
    return head + mask + masked


def get(path, fields=""):
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{fields}\r\n".encode()


def post(path, body, content_type="application/json"):
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body
