"""The cursor of docs/transports.md: positions of several channels in one text. Written independently of the server's."""

import base64

Position = tuple[str, int]

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_WORD = 2**64 - 1


def encoded(positions: dict[str, Position]) -> str:
    """A cursor of (epoch, offset) by channel."""
    if not positions:
        return "v2."
    hashes = sorted((_hash(channel), epoch, offset) for channel, (epoch, offset) in positions.items())
    width = 2
    while len({whole >> (64 - 8 * width) for whole, _, _ in hashes}) < len(hashes):
        width += 1
    lengths = {len(epoch) for _, epoch, _ in hashes}
    content = bytes([width]) + _varint(len(hashes)) + bytes([min(lengths) if len(lengths) == 1 else 255])
    for whole, epoch, offset in hashes:
        content += (whole >> (64 - 8 * width)).to_bytes(width, "big")
        content += b"" if len(lengths) == 1 else bytes([len(epoch)])
        content += _packed(epoch) + _varint(offset)
    return "v2." + _text(content)


def decoded(cursor: str, channels) -> dict[str, Position]:
    """The positions that a cursor has of these channels; it must have no others."""
    assert cursor.startswith("v2."), cursor
    content = base64.urlsafe_b64decode(cursor[3:] + "=" * (-len(cursor[3:]) % 4))
    if not content:
        return {}
    width, place = content[0] & 15, 1
    assert content[0] >> 4 == 0, "names that collide on purpose"

    def varint() -> int:
        nonlocal place
        number = shift = 0
        while True:
            byte = content[place]
            place += 1
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    count, length, found = varint(), content[place], {}
    place += 1
    names = {_hash(channel) >> (64 - 8 * width): channel for channel in channels}
    for _ in range(count):
        name = names[int.from_bytes(content[place : place + width], "big")]
        place += width
        characters = length
        if length == 255:
            characters, place = content[place], place + 1
        size = -(-characters * 6 // 8)
        bits = "".join(format(byte, "08b") for byte in content[place : place + size])
        place += size
        epoch = "".join(_ALPHABET[int(bits[6 * index : 6 * index + 6], 2)] for index in range(characters))
        assert name not in found, f"a channel twice in {cursor}"
        found[name] = (epoch, varint())
    assert place == len(content), cursor
    return found


def encoded_as_before(positions: dict[str, Position]) -> str:
    """What the first version wrote, which is still read."""
    parts = [f"{_text(channel.encode())}~{epoch}~{offset}" for channel, (epoch, offset) in positions.items()]
    return "v1." + ".".join(parts)


def _hash(channel: str) -> int:
    value = (0xCBF29CE484222325 * 0x100000001B3) & _WORD
    for byte in channel.encode():
        value = ((value ^ byte) * 0x100000001B3) & _WORD
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        value = ((value ^ (value >> 33)) * factor) & _WORD
    return value ^ (value >> 33)


def _packed(epoch: str) -> bytes:
    bits = "".join(format(_ALPHABET.index(character), "06b") for character in epoch)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[start : start + 8], 2) for start in range(0, len(bits), 8))


def _varint(number: int) -> bytes:
    content = b""
    while number >= 0x80:
        content += bytes([number & 0x7F | 0x80])
        number >>= 7
    return content + bytes([number])


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
