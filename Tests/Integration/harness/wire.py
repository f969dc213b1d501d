"""The two wire formats. Both give and take the same dictionaries, with payloads as Python values."""

import json

from google.protobuf.descriptor import FieldDescriptor

from . import schema


class JSONWire:
    name = "json"
    frame_type = str
    ping = "{}"

    @staticmethod
    def encode(*commands: dict) -> str:
        return "\n".join(json.dumps(command) for command in commands)

    @staticmethod
    def decode(frame: str) -> list[dict]:
        return [json.loads(line) for line in frame.removesuffix("\n").split("\n")]


class ProtobufWire:
    name = "protobuf"
    frame_type = bytes
    ping = b"\0"

    @staticmethod
    def encode(*commands: dict) -> bytes:
        frame = b""
        for command in commands:
            message = schema.Command()
            _fill(message, command)
            content = message.SerializeToString()
            frame += varint(len(content)) + content
        return frame

    @staticmethod
    def decode(frame: bytes) -> list[dict]:
        replies, position = [], 0
        while position < len(frame):
            length, position = read_varint(frame, position)
            reply = schema.Reply()
            reply.ParseFromString(frame[position : position + length])
            position += length
            replies.append(_dictionary(reply))
        assert position == len(frame), "the frame ends within a message"
        return replies


WIRES = {"json": JSONWire, "protobuf": ProtobufWire}


def varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def read_varint(buffer: bytes, position: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = buffer[position]
        position += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, position


def _fill(message, values: dict) -> None:
    fields = message.DESCRIPTOR.fields_by_name
    for name, value in values.items():
        field = fields[name]
        target = getattr(message, name)
        if _is_map(field):
            for key, entry in value.items():
                if field.message_type.fields_by_name["value"].message_type:
                    _fill(target[key], entry)
                else:
                    target[key] = entry
        elif field.message_type:
            target.SetInParent()
            _fill(target, value)
        elif field.type == FieldDescriptor.TYPE_BYTES:
            setattr(message, name, value if isinstance(value, bytes) else json.dumps(value).encode())
        else:
            setattr(message, name, value)


def _is_map(field) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _dictionary(message) -> dict:
    result = {}
    for field, value in message.ListFields():
        if _is_map(field):
            is_message = field.message_type.fields_by_name["value"].message_type is not None
            result[field.name] = {key: _dictionary(entry) if is_message else entry for key, entry in value.items()}
        elif field.is_repeated:
            result[field.name] = [_dictionary(entry) if field.message_type else entry for entry in value]
        elif field.message_type:
            result[field.name] = _dictionary(value)
        elif field.type == FieldDescriptor.TYPE_BYTES:
            result[field.name] = _payload(value)
        else:
            result[field.name] = value
    return result


def _payload(content: bytes):
    try:
        return json.loads(content)
    except ValueError:
        return content
