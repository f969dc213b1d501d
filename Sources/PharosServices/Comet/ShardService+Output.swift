import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// Replies and pushes to one connection, in its wire format.
extension ShardService {
    mutating func send(_ reply: Reply, to id: ConnectionID, _ edge: inout Edge) {
        guard sessions.contains(id) else { return }
        if case .error(let error) = reply.result { counters.replyErrors[error.code, default: 0] += 1 }
        switch sessions[id].wire {
        case .json:
            // Bytes that are not JSON cannot be put into a JSON message (and would break it).
            guard reply.isJSON else { return disconnect(id, .inappropriateProtocol, &edge) }
            JSONReplyEncoder.encode(reply, into: &scratch)
        case .protobuf: ProtobufReplyEncoder.encode(reply, into: &scratch)
        }
        flushScratch(to: id, &edge)
    }

    mutating func send(_ push: Push, to id: ConnectionID, _ edge: inout Edge) {
        guard sessions.contains(id) else { return }
        switch sessions[id].wire {
        case .json:
            guard push.isJSON else { return disconnect(id, .inappropriateProtocol, &edge) }
            JSONReplyEncoder.encode(push, into: &scratch)
        case .protobuf: ProtobufReplyEncoder.encode(push, into: &scratch)
        }
        flushScratch(to: id, &edge)
    }

    mutating func sendPing(_ id: ConnectionID, _ edge: inout Edge) {
        if sessions[id].session.usesFramePings {
            return edge.send(id, .ping, UnsafeRawBufferPointer(start: nil, count: 0))
        }
        switch sessions[id].wire {
        case .json: JSONReplyEncoder.encodePing(into: &scratch)
        case .protobuf: ProtobufReplyEncoder.encodePing(into: &scratch)
        }
        flushScratch(to: id, &edge)
    }

    private mutating func flushScratch(to id: ConnectionID, _ edge: inout Edge) {
        edge.send(id, sessions[id].wire == .json ? .text : .binary, scratch)
        scratch.removeAll()
    }
}

extension Reply {
    /// Whether every payload in it is JSON.
    var isJSON: Bool {
        switch result {
        case .history(let publications, _): publications.allSatisfy(\.isJSON)
        case .subscribe(let result): result.isJSON
        case .connect(let result): result.data.isJSONOrEmpty && result.subscriptions.values.allSatisfy(\.isJSON)
        case .presence(let members): members.values.allSatisfy(\.isJSON)
        default: true
        }
    }
}

extension Push {
    /// Whether every payload in it is JSON.
    var isJSON: Bool {
        switch event {
        case .publication(let publication, _): publication.isJSON
        case .subscribe(let subscription): subscription.data.isJSONOrEmpty
        case .join(let info), .leave(let info): info.isJSON
        default: true
        }
    }
}

extension SubscribeResult {
    var isJSON: Bool { data.isJSONOrEmpty && publications.allSatisfy(\.isJSON) }
}

extension ClientInfo {
    var isJSON: Bool { connectionInfo.isJSONOrEmpty && channelInfo.isJSONOrEmpty }
}

extension [UInt8] {
    fileprivate var isJSONOrEmpty: Bool { isEmpty || withUnsafeBytes { JSONScanner.isValid($0) } }
}
