"""RESP2 and RESP3 for the recorder: encoding of commands, decoding of replies, and a notation for values.

Written apart from the Swift decoder, so that each checks the other.
"""


def encode(arguments):
    out = b"*%d\r\n" % len(arguments)
    for argument in arguments:
        if isinstance(argument, int):
            argument = str(argument)
        if isinstance(argument, str):
            argument = argument.encode()
        out += b"$%d\r\n%s\r\n" % (len(argument), argument)
    return out


def escape(data):
    """Bytes on one line of printable ASCII."""
    out = []
    for byte in data:
        char = chr(byte)
        if char in '\\"':
            out.append("\\" + char)
        elif char == "\r":
            out.append("\\r")
        elif char == "\n":
            out.append("\\n")
        elif 32 <= byte < 127:
            out.append(char)
        else:
            out.append("\\x%02x" % byte)
    return "".join(out)


def decode(data, at=0):
    """Returns the notation of the value at `at`, and where it ends. Raises IndexError when there is more to come."""
    end = data.find(b"\r\n", at)
    if end < 0:
        raise IndexError
    kind, line, at = data[at : at + 1], data[at + 1 : end], end + 2
    if kind in b"+-(:":
        return kind.decode() + escape(line), at
    if kind == b",":
        return "," + str(float(line)), at
    if kind == b"_":
        return "null", at
    if kind == b"#":
        return {b"t": "true", b"f": "false"}[line], at
    count = int(line)
    if count < 0:
        return "null", at
    if kind in b"$=!":
        if len(data) < at + count + 2:
            raise IndexError
        assert data[at + count : at + count + 2] == b"\r\n"
        text = '"' + escape(data[at : at + count]) + '"'
        return {b"$": "", b"=": "=", b"!": "!"}[kind] + text, at + count + 2
    parts = []
    for _ in range(count * 2 if kind in b"%|" else count):
        part, at = decode(data, at)
        parts.append(part)
    if kind in b"%|":
        pairs = ", ".join(f"{key}: {value}" for key, value in zip(parts[::2], parts[1::2]))
        if kind == b"%":
            return "{" + pairs + "}", at
        value, at = decode(data, at)
        return "|{" + pairs + "} " + value, at
    return {b"*": "", b"~": "~", b">": ">"}[kind] + "[" + ", ".join(parts) + "]", at
