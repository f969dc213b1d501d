"""Servers to record from, and connections that write down what passes."""

import os
import shutil
import socket
import subprocess
import tempfile
import time

from resp import decode, encode, escape

HERE = os.path.dirname(os.path.abspath(__file__))
FIRST_PORT = int(os.environ.get("PHAROS_REDIS_PORT", "21790"))


class Server:
    """One redis-server on 127.0.0.1, ended with the block that made it."""

    next_port = FIRST_PORT

    def __init__(self, *options, folder=None):
        self.port = Server.next_port
        Server.next_port += 1
        self.own_folder = folder is None
        self.folder = folder or tempfile.mkdtemp()
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        command += ["--dir", self.folder, "--enable-debug-command", "yes", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("redis-server does not listen")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        if self.own_folder:
            shutil.rmtree(self.folder)

    def connect(self, name=None, note=""):
        return Connection(self.port, name, note)


class Connection:
    """A connection; with a name, its bytes and values are written to NAME.txt."""

    def __init__(self, port, name, note):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.settimeout(20)
        self.rest = b""
        self.name, self.lines = name, [f"# {note}"] if note else []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        if self.name:
            with open(os.path.join(HERE, self.name + ".txt"), "w", encoding="ascii") as file:
                file.write("\n".join(self.lines) + "\n")

    def send(self, *arguments):
        data = encode(arguments)
        self.lines.append("> " + escape(data))
        self.socket.sendall(data)

    def read(self, count=1):
        """Reads `count` values; returns the notation of the last."""
        for _ in range(count):
            while True:
                try:
                    value, end = decode(self.rest)
                    break
                except IndexError:
                    data = self.socket.recv(1 << 16)
                    if not data:
                        raise ConnectionError("closed") from None
                    self.rest += data
            self.lines += ["< " + escape(self.rest[:end]), "= " + value]
            self.rest = self.rest[end:]
        return value

    def call(self, *arguments, replies=1):
        self.send(*arguments)
        return self.read(replies)

    def wait_for(self, text, *arguments):
        """Repeats a command, unrecorded, until its reply holds `text`."""
        for _ in range(400):
            kept = len(self.lines)
            value = self.call(*arguments)
            del self.lines[kept:]
            if text in value:
                return value
            time.sleep(0.05)
        raise RuntimeError(f"no {text} in {value}")
