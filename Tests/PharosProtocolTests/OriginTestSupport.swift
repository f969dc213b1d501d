import PharosBytes
import PharosDomain
import PharosProtocol

/// Text in, values out, for the tests of what is said to origins.
enum OriginWire {
    static func text(_ write: (inout ByteWriter) -> Void) -> String { Wire.text(write) }

    static func question(
        _ question: HookQuestion, user: UserID = "42", meta: String = "", isProtobuf: Bool = false,
        binary: Bool = false,
        includesMeta: Bool = false, facts: RequestFacts? = nil
    ) -> String {
        var request = HookRequest(question)
        request.client = "c1"
        request.transport = "websocket"
        request.user = user
        request.meta = utf8(meta)
        request.isProtobuf = isProtobuf
        return Wire.text {
            HookQuestionEncoder.encode(request, binary: binary, includesMeta: includesMeta, facts: facts, into: &$0)
        }
    }

    static func answer(_ kind: HookKind, _ body: String) throws -> HookOutcome {
        try utf8(body).withUnsafeBytes { try HookAnswerDecoder.decode($0, for: kind) }
    }

    /// The answer in `bytes` if it is fed in pieces of `size`; nil: it does not end.
    static func http(_ bytes: String, pieces size: Int = .max, bodyLimit: Int = 1_000) throws -> HTTPAnswer? {
        var reader = HTTPAnswerReader(bodyLimit: bodyLimit)
        let all = utf8(bytes)
        for start in stride(from: 0, to: all.count, by: min(size, all.count)) {
            let piece = Array(all[start..<min(start + min(size, all.count), all.count)])
            if let answer = try piece.withUnsafeBytes({ try reader.feed($0) }) { return answer }
        }
        return nil
    }
}
