"""The official client of NATS for tests that drive ours: one command as JSON on each line, one answer on each line."""

import asyncio
import base64
import json
import sys

import nats
import nats.errors
import nats.js.errors

PATIENCE = 20


def raw(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def text(data: bytes | None) -> str:
    return base64.b64encode(data or b"").decode()


class Commands:
    def __init__(self, client):
        self.client, self.jetstream = client, client.jetstream()
        self.subscriptions = {}

    async def subscribe(self, subject, queue="", name=""):
        self.subscriptions[name or subject] = await self.client.subscribe(subject, queue=queue)
        await self.client.flush()

    async def next(self, name):
        message = await self.subscriptions[name].next_msg(timeout=PATIENCE)
        return {"subject": message.subject, "data": text(message.data), "headers": message.headers or {},
                "reply": message.reply}

    async def all(self, name):
        """What has come by now; the server handles what one connection sends in its order."""
        await self.client.flush()
        found = []
        while self.subscriptions[name].pending_msgs:
            found.append(text((await self.subscriptions[name].next_msg(timeout=PATIENCE)).data))
        return {"data": found}

    async def publish(self, subject, data="", headers=None, reply=""):
        await self.client.publish(subject, raw(data), reply=reply, headers=headers)
        await self.client.flush()

    async def request(self, subject, data="", headers=None):
        try:
            answer = await self.client.request(subject, raw(data), timeout=PATIENCE, headers=headers)
        except nats.errors.NoRespondersError:
            return {"none": True}
        return {"data": text(answer.data), "headers": answer.headers or {}}

    async def answer(self, subject):
        """Answers each question with itself and its headers, from now on."""
        async def respond(message):
            await self.client.publish(message.reply, b"re: " + message.data, headers=message.headers)

        await self.client.subscribe(subject, cb=respond)
        await self.client.flush()

    async def stream(self, name, subjects):
        await self.jetstream.add_stream(name=name, subjects=subjects, allow_direct=True)

    async def store(self, subject, data="", headers=None):
        try:
            stored = await self.jetstream.publish(subject, raw(data), headers=headers)
        except nats.js.errors.APIError as error:
            return {"error": error.err_code}
        return {"sequence": stored.seq, "duplicate": bool(stored.duplicate), "stream": stored.stream}

    async def get(self, stream, sequence=None, subject=None):
        message = await self.jetstream.get_msg(stream, seq=sequence, subject=subject)
        return {"sequence": message.seq, "subject": message.subject, "data": text(message.data),
                "headers": message.headers or {}}

    async def bucket(self, name):
        await self.jetstream.create_key_value(bucket=name, direct=True)

    async def put(self, bucket, key, data):
        return {"revision": await (await self.jetstream.key_value(bucket)).put(key, raw(data))}

    async def value(self, bucket, key):
        try:
            entry = await (await self.jetstream.key_value(bucket)).get(key)
        except (nats.js.errors.KeyDeletedError, nats.js.errors.KeyNotFoundError) as error:
            return {"gone": type(error).__name__}
        return {"data": text(entry.value), "revision": entry.revision}

    async def delete(self, bucket, key):
        await (await self.jetstream.key_value(bucket)).delete(key)


async def main(port: str) -> None:
    client = await nats.connect(f"nats://127.0.0.1:{port}", inbox_prefix=b"_INBOX.official")
    commands = Commands(client)
    while line := await asyncio.to_thread(sys.stdin.readline):
        command = json.loads(line)
        verb = command.pop("verb")
        try:
            answer = await asyncio.wait_for(getattr(commands, verb)(**command), 2 * PATIENCE) or {}
        except Exception as error:  # The test hears of it.
            answer = {"failure": f"{verb}: {error!r}"}
        print(json.dumps(answer), flush=True)
    await client.close()


asyncio.run(main(sys.argv[1]))
