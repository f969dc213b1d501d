"""A key set (RFC 7517) served over HTTP on 127.0.0.1, which counts who asks for it."""

import asyncio
import json

from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

_WRITERS = {"E": ECAlgorithm, "R": RSAAlgorithm}


class KeySetServer:
    def __init__(self):
        self.requests = 0
        self.paths: list[str] = []
        self.url = ""
        self._body = b'{"keys":[]}'
        self._server: asyncio.Server | None = None

    def publish(self, keys: dict) -> None:
        """Keys by id: (private key, algorithm); only their public halves are served."""
        entries = []
        for identifier, (key, algorithm) in keys.items():
            writer = OKPAlgorithm if algorithm == "EdDSA" else _WRITERS[algorithm[0]]
            entry = writer.to_jwk(key.public_key())
            entry = json.loads(entry) if isinstance(entry, str) else entry
            entries.append(entry | {"kid": identifier, "alg": algorithm, "use": "sig"})
        self._body = json.dumps({"keys": entries}).encode()

    async def __aenter__(self) -> "KeySetServer":
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/keys.json"
        return self

    async def __aexit__(self, *_) -> None:
        self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests += 1
        head = await reader.readuntil(b"\r\n\r\n")
        self.paths.append(head.split(b" ")[1].decode())
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
            + f"Content-Length: {len(self._body)}\r\n\r\n".encode() + self._body)
        await writer.drain()
        writer.close()
