"""The official client of Redis for tests that drive ours: one command as JSON on each line, one answer on each line."""

import base64
import json
import sys

import redis

PATIENCE = 20


def raw(text):
    return base64.b64decode(text)


def json_of(value):
    """Bytes as base64, everything else as JSON has it; a map is a list of pairs."""
    match value:
        case bytes():
            return {"bytes": base64.b64encode(value).decode()}
        case str():
            return {"bytes": base64.b64encode(value.encode()).decode()}
        case dict():
            return {"pairs": sorted(([json_of(key), json_of(each)] for key, each in value.items()), key=json.dumps)}
        case set():
            return {"set": sorted((json_of(each) for each in value), key=json.dumps)}
        case list() | tuple():
            return [json_of(each) for each in value]
    return value


class Commands:
    def __init__(self, port: int, protocol: int):
        self.client = redis.Redis(port=port, protocol=protocol, socket_timeout=PATIENCE)
        self.listening = self.client.pubsub()

    def call(self, method, words=(), **options):
        """A method of the client, by its name; words are base64."""
        fields = {raw(key): raw(value) for key, value in options.pop("fields", [])}
        if fields:
            options["mapping" if method == "hset" else "fields"] = fields
        return getattr(self.client, method)(*[raw(word) for word in words], **options)

    def listen(self, method, name):
        getattr(self.listening, method)(raw(name))
        return self.heard(ignores=False)["type"]

    def heard(self, ignores=True):
        for _ in range(PATIENCE):
            if message := self.listening.get_message(ignore_subscribe_messages=ignores, timeout=1):
                return message
        raise TimeoutError("no message")


commands = Commands(int(sys.argv[1]), int(sys.argv[2]))
while line := sys.stdin.readline():
    command = json.loads(line)
    verb = command.pop("verb")
    try:
        answer = {"value": json_of(getattr(commands, verb)(**command))}
    except Exception as error:  # The test hears of it.
        answer = {"failure": f"{verb}: {error!r}"}
    print(json.dumps(answer), flush=True)
