import PharosBytes
import PharosDomain
import PharosProtocol

extension CodecProperties {
    /// Answers of origins keep their rules.
    ///
    /// A grant is of the asked kind, codes are in their ranges, payloads that must be JSON are; and the same bytes mean
    /// the same answer in whatever pieces they come.
    ///
    /// The first byte chooses what the rest is taken for.
    package static func hookAnswer(_ input: UnsafeRawBufferPointer) -> String? {
        guard let first = input.first else { return nil }
        let body = UnsafeRawBufferPointer(rebasing: input[1...])
        let kinds = HookKind.allCases
        switch Int(first) % (kinds.count + 3) {
        case let index where index < kinds.count: return hookViolation(body, kinds[index])
        case kinds.count: return authorizeViolation(body)
        case kinds.count + 1: return rawViolation(body)
        default: return httpViolation(body)
        }
    }

    private static func hookViolation(_ body: UnsafeRawBufferPointer, _ kind: HookKind) -> String? {
        guard let outcome = try? HookAnswerDecoder.decode(body, for: kind) else { return nil }
        switch outcome {
        case .granted(let grant, let meta):
            if let meta, !isJSON(meta) { return "meta is no JSON" }
            return grant.kind == kind ? nil : "a grant of another kind"
        case .refused(let error): return error.code >= 100 ? nil : "an error code of clients"
        case .disconnect(let disconnect):
            return (3000...4999).contains(disconnect.code) ? nil : "a disconnect code of others"
        case .status(let status): return kind == .handshake && (400..<500).contains(status) ? nil : "a status"
        }
    }

    /// An answer to an authorisation subrequest keeps its rules.
    ///
    /// The input's first line is the redirect, if it is not empty; the second the channels; the rest is the body.
    private static func authorizeViolation(_ body: UnsafeRawBufferPointer) -> String? {
        let parts = body.split(separator: UInt8(ascii: "\n"), maxSplits: 2, omittingEmptySubsequences: false)
        var answer = HTTPAnswer(status: 200, contentType: "application/json")
        if let redirect = parts.first, !redirect.isEmpty { answer.redirect = String(decoding: redirect, as: UTF8.self) }
        if parts.count > 1, !parts[1].isEmpty { answer.channels = String(decoding: parts[1], as: UTF8.self) }
        if parts.count > 2 { answer.body = Array(parts[2]) }
        guard let outcome = try? AuthorizeAnswerDecoder.decode(answer) else { return nil }
        guard case .granted(.handshake(let claims), _) = outcome else { return "no handshake" }
        guard answer.redirect != nil || answer.channels != nil else { return nil }
        return claims.channels.contains("") ? "a channel without a name" : nil
    }

    private static func rawViolation(_ body: UnsafeRawBufferPointer) -> String? {
        let answer = HTTPAnswer(status: 200, contentType: "application/json", body: Array(body))
        switch try? RawAnswerDecoder.decode(answer) {
        case .accepted(let messages):
            let isText = messages.allSatisfy { !$0.isText || String(validating: $0.data, as: UTF8.self) != nil }
            return isText ? nil : "text that is not UTF-8"
        case .close(_, let code, let reason):
            return (1000...4999).contains(code) && reason.utf8.count <= 123 ? nil : "a close that cannot be sent"
        case .failed, nil: return nil
        }
    }

    /// The first byte says how long the pieces are.
    private static func httpViolation(_ body: UnsafeRawBufferPointer) -> String? {
        guard let first = body.first else { return nil }
        let bytes = UnsafeRawBufferPointer(rebasing: body[1...])
        let whole = httpAnswer(bytes, pieces: max(bytes.count, 1))
        guard httpAnswer(bytes, pieces: 1 + Int(first)) == whole, httpAnswer(bytes, pieces: 1) == whole else {
            return "an answer in pieces is another"
        }
        if case .success(let answer) = whole, answer.body.count > 512 { return "an answer beyond the limit" }
        return nil
    }

    private static func httpAnswer(
        _ bytes: UnsafeRawBufferPointer, pieces size: Int
    ) -> Result<HTTPAnswer, HTTPAnswerReader.Failure> {
        var reader = HTTPAnswerReader(bodyLimit: 512)
        do throws(HTTPAnswerReader.Failure) {
            for start in stride(from: 0, to: bytes.count, by: size) {
                let piece = bytes[start..<min(start + size, bytes.count)]
                if var answer = try reader.feed(UnsafeRawBufferPointer(rebasing: piece)) {
                    // Whether something follows is known only if it has come already.
                    answer.keepsConnection = false
                    return .success(answer)
                }
            }
            return .success(try reader.finish())
        } catch {
            return .failure(error)
        }
    }

    private static func isJSON(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { JSONScanner.isValid($0) } }
}

extension HookGrant {
    fileprivate var kind: HookKind {
        switch self {
        case .handshake: .handshake
        case .connect: .connect
        case .refresh: .refresh
        case .subscribe: .subscribe
        case .publish: .publish
        case .rpc: .rpc
        case .subRefresh: .subRefresh
        case .message: .message
        }
    }
}
