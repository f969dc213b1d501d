"""What an application was told, taken in as docs/origin.md advises: once, in order, and merged into a snapshot."""

from .origin import Origin, Request


class Told:
    """Events by origin `told`; `events` holds each once, in the order of its number."""

    def __init__(self, origin: Origin, name: str = "told"):
        self.origin, self.name = origin, name
        self.repeated = 0

    def batches(self) -> list[list[dict]]:
        return [request.json["events"] for request in self.origin.asked(self.name) if "events" in request.json]

    def keep_alives(self) -> list[dict]:
        requests: list[Request] = self.origin.asked(self.name)
        return [request.json["keep_alive"] for request in requests if "keep_alive" in request.json]

    @property
    def events(self) -> list[dict]:
        """As an application takes them in that skips what is not higher than the highest number it has."""
        highest, events, self.repeated = 0, [], 0
        for batch in self.batches():
            assert batch and len(batch) <= 100
            numbers = [event["sequence"] for event in batch]
            assert numbers == sorted(set(numbers)), numbers
            for event in batch:
                if event["sequence"] > highest:
                    highest = event["sequence"]
                    events.append(event)
                else:
                    self.repeated += 1
        return events

    def of(self, client: str) -> list[tuple]:
        """What was told of one connection: kinds, with the channel if there is one."""
        return [
            (event["event"], event["channel"]) if event.get("channel") else (event["event"],)
            for event in self.events if event.get("client") == client]

    def kinds(self, kind: str) -> list[dict]:
        return [event for event in self.events if event["event"] == kind]


def rebuilt(ask, events) -> dict[str, set[str]]:
    """Who is where: from the pages of a snapshot and the events that were told meanwhile. Word for word docs/origin.md."""
    where, known = {}, {}            # client -> channels, client -> number that its page contains
    cursor, first = "", None
    while True:
        page = ask(cursor)
        first = page["sequence"] if first is None else first
        for each in page["clients"]:
            where[each["client"]], known[each["client"]] = set(each["channels"]), page["sequence"]
        if not (cursor := page["next_cursor"]):
            break
    for event in events() if callable(events) else events:
        client = event.get("client")
        if not client or event["sequence"] <= known.get(client, first):
            continue
        match event["event"]:
            case "connected": where.setdefault(client, set())
            case "disconnected": where.pop(client, None)
            case "subscribed": where.setdefault(client, set()).add(event["channel"])
            case "unsubscribed": where.get(client, set()).discard(event["channel"])
    return where
