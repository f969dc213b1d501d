"""The cursor of docs/transports.md: positions of several channels in one text."""

import base64

Position = tuple[str, int]


def encoded(positions: dict[str, Position]) -> str:
    """A cursor of (epoch, offset) by channel."""
    parts = [f"{_text(channel)}~{epoch}~{offset}" for channel, (epoch, offset) in positions.items()]
    return "v1." + ".".join(parts)


def decoded(cursor: str) -> dict[str, Position]:
    version, _, rest = cursor.partition(".")
    assert version == "v1", cursor
    positions = {}
    for part in filter(None, rest.split(".")):
        name, epoch, offset = part.split("~")
        channel = base64.urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()
        assert channel not in positions, f"a channel twice in {cursor}"
        positions[channel] = (epoch, int(offset))
    return positions


def _text(channel: str) -> str:
    return base64.urlsafe_b64encode(channel.encode()).decode().rstrip("=")
