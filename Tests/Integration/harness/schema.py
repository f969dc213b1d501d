"""The messages of the protocol, field by field, written down from its description and not from any implementation."""

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_TYPES = {
    "s": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    "b": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
    "?": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
    "u32": descriptor_pb2.FieldDescriptorProto.TYPE_UINT32,
    "u64": descriptor_pb2.FieldDescriptorProto.TYPE_UINT64,
    "i32": descriptor_pb2.FieldDescriptorProto.TYPE_INT32,
    "i64": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
    "si64": descriptor_pb2.FieldDescriptorProto.TYPE_SINT64,
}

# Number, name and type of each field; `[]` repeated, `{}` a map from text.
_MESSAGES = """
Command: 1 id u32, 4 connect ConnectRequest, 5 subscribe SubscribeRequest, 6 unsubscribe ChannelOnly,
  7 publish PublishRequest, 8 presence ChannelOnly, 9 presence_stats ChannelOnly, 10 history HistoryRequest,
  11 ping Empty, 12 send DataOnly, 13 rpc RPCRequest, 14 refresh RefreshRequest, 15 sub_refresh SubRefreshRequest
Reply: 1 id u32, 2 error Error, 4 push Push, 5 connect ConnectResult, 6 subscribe SubscribeResult, 7 unsubscribe Empty,
  8 publish Empty, 9 presence PresenceResult, 10 presence_stats PresenceStatsResult, 11 history HistoryResult,
  12 ping Empty, 13 rpc DataOnly, 14 refresh RefreshResult, 15 sub_refresh SubRefreshResult
Push: 1 id i64, 2 channel s, 4 pub Publication, 5 join Joined, 6 leave Joined, 7 unsubscribe Unsubscribed, 8 message DataOnly,
  9 subscribe Subscribed, 10 connect ConnectResult, 11 disconnect Disconnected, 12 refresh Refreshed
Error: 1 code u32, 2 message s, 3 temporary ?
Empty: 
ChannelOnly: 1 channel s
DataOnly: 1 data b
ClientInfo: 1 user s, 2 client s, 3 conn_info b, 4 chan_info b
StreamPosition: 1 offset u64, 2 epoch s
FilterNode: 1 op s, 2 key s, 3 cmp s, 4 val s, 5 vals []s, 6 nodes []FilterNode
Dictionary: 1 id s, 2 data b, 3 data_b64 s
ConnectRequest: 1 token s, 2 data b, 3 subs {}SubscribeRequest, 4 name s, 5 version s, 6 headers {}s, 7 flag i64, 8 dict s,
  9 profile s
ConnectResult: 1 client s, 2 version s, 3 expires ?, 4 ttl u32, 5 data b, 6 subs {}SubscribeResult, 7 ping u32, 8 pong ?,
  9 session s, 10 node s, 11 time i64, 12 flag i64, 13 dict Dictionary
SubscribeRequest: 1 channel s, 2 token s, 3 recover ?, 6 epoch s, 7 offset u64, 8 data b, 9 positioned ?, 10 recoverable ?,
  11 join_leave ?, 12 delta s, 13 tf FilterNode, 14 flag i64, 15 type i32, 16 phase i32, 17 cursor s, 18 limit i32, 19 asc ?
SubscribeResult: 1 expires ?, 2 ttl u32, 3 recoverable ?, 6 epoch s, 7 publications []Publication, 8 recovered ?, 9 offset u64,
  10 positioned ?, 11 data b, 12 was_recovering ?, 13 delta ?, 14 id i64, 15 type i32, 16 phase i32, 17 cursor s,
  18 state []Publication, 19 publish_debounce u32
Publication: 4 data b, 5 info ClientInfo, 6 offset u64, 7 tags {}s, 8 delta ?, 9 time i64, 10 channel s, 11 key s, 12 removed ?,
  13 score si64, 14 epoch s, 15 prev_data b, 16 version u64
PublishRequest: 1 channel s, 2 data b, 3 type i32, 4 key s, 5 removed ?
PresenceResult: 1 presence {}ClientInfo
PresenceStatsResult: 1 num_clients u32, 2 num_users u32
HistoryRequest: 1 channel s, 7 limit i32, 8 since StreamPosition, 9 reverse ?
HistoryResult: 1 publications []Publication, 2 epoch s, 3 offset u64
RPCRequest: 1 data b, 2 method s
RefreshRequest: 1 token s
RefreshResult: 1 client s, 2 version s, 3 expires ?, 4 ttl u32
KeyedItem: 1 key s, 2 version u64
TrackBatch: 1 signature s, 2 items []KeyedItem
SubRefreshRequest: 1 channel s, 2 token s, 3 type i32, 4 track []TrackBatch, 5 untrack []s
SubRefreshResult: 1 expires ?, 2 ttl u32, 3 items []Publication
Joined: 1 info ClientInfo
Unsubscribed: 2 code u32, 3 reason s
Subscribed: 1 recoverable ?, 4 epoch s, 5 offset u64, 6 positioned ?, 7 data b
Disconnected: 1 code u32, 2 reason s, 3 reconnect ?
Refreshed: 1 expires ?, 2 ttl u32
Envelope: 1 publication Publication, 2 flags u64, 3 except_high u64, 4 except_low u64
Pack: 1 envelopes []Envelope
"""


def _set_type(field, kind: str) -> None:
    if kind in _TYPES:
        field.type = _TYPES[kind]
    else:
        field.type = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".pharos.test.{kind}"


def _add_field(message, number: str, name: str, kind: str) -> None:
    field = message.field.add(name=name, number=int(number), label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL)
    if kind[:2] in ("[]", "{}"):
        field.label = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
    if not kind.startswith("{}"):
        return _set_type(field, kind.removeprefix("[]"))
    entry = message.nested_type.add(name="".join(part.title() for part in name.split("_")) + "Entry")
    entry.options.map_entry = True
    for position, (part, part_kind) in enumerate((("key", "s"), ("value", kind[2:])), 1):
        _set_type(
            entry.field.add(name=part, number=position, label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL),
            part_kind)
    _set_type(field, f"{message.name}.{entry.name}")


def _load() -> dict:
    file = descriptor_pb2.FileDescriptorProto(name="pharos_test.proto", package="pharos.test", syntax="proto3")
    for line in _MESSAGES.replace("\n  ", " ").strip().splitlines():
        name, fields = line.split(":")
        message = file.message_type.add(name=name)
        for field in filter(None, (each.strip() for each in fields.split(","))):
            _add_field(message, *field.split())
    return message_factory.GetMessageClassesForFiles(["pharos_test.proto"], _pool(file))


def _pool(file):
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


_CLASSES = _load()
Command = _CLASSES["pharos.test.Command"]
Reply = _CLASSES["pharos.test.Reply"]
# How engines keep publications.
Envelope = _CLASSES["pharos.test.Envelope"]
Pack = _CLASSES["pharos.test.Pack"]
