/// Reading a reply as what it must be.
///
/// Attributes are skipped; an error of the server is thrown as `RedisReplyError.server`, a value of another type as
/// `unexpected`.
/// No value is converted to another type, except where RESP2 has no type of its own: that is said with each.
extension RESPValue {
    /// The error of the server, if the value is one.
    package var serverError: RedisServerError? {
        switch withoutAttributes {
        case .error(let text), .bulkError(let text): RedisServerError(text)
        default: nil
        }
    }

    package var isNull: Bool { withoutAttributes == .null }

    /// Throws unless the value is the simple string OK.
    package func expectOK() throws(RedisReplyError) {
        guard case .simpleString(let text) = withoutAttributes, text.elementsEqual("OK".utf8) else {
            throw unexpected(.simpleString)
        }
    }

    package func integer() throws(RedisReplyError) -> Int64 {
        guard case .integer(let number) = withoutAttributes else { throw unexpected(.integer) }
        return number
    }

    /// A boolean; in RESP2 the integer 0 or 1.
    package func boolean() throws(RedisReplyError) -> Bool {
        switch withoutAttributes {
        case .boolean(let value): return value
        case .integer(0): return false
        case .integer(1): return true
        default: throw unexpected(.boolean)
        }
    }

    /// A double; in RESP2 a bulk string of one.
    package func double() throws(RedisReplyError) -> Double {
        switch withoutAttributes {
        case .double(let value): return value
        case .bulkString(let text):
            guard let value = RESPNumber.double(of: text[...]) else { throw unexpected(.double) }
            return value
        default: throw unexpected(.double)
        }
    }

    /// The bytes of a bulk, simple or verbatim string, the format of the last left out.
    package func bytes() throws(RedisReplyError) -> [UInt8] {
        switch withoutAttributes {
        case .bulkString(let bytes), .simpleString(let bytes), .verbatimString(_, let bytes): return bytes
        default: throw unexpected(.bulkString)
        }
    }

    /// Like `bytes`, and nil for null.
    package func bytesOrNil() throws(RedisReplyError) -> [UInt8]? { isNull ? nil : try bytes() }

    /// Like `bytes`, as UTF-8.
    package func text() throws(RedisReplyError) -> String {
        guard let text = String(validating: try bytes(), as: UTF8.self) else { throw .invalidText }
        return text
    }

    /// The elements of an array, a set or a push.
    package func elements() throws(RedisReplyError) -> [RESPValue] {
        switch withoutAttributes {
        case .array(let elements), .set(let elements), .push(let elements): return elements
        default: throw unexpected(.array)
        }
    }

    /// The pairs of a map; in RESP2 an array of keys and values by turns.
    ///
    /// Throws `oddCount` if a key has no value.
    package func pairs() throws(RedisReplyError) -> [RESPPair] {
        switch withoutAttributes {
        case .map(let pairs): return pairs
        case .array(let elements):
            guard elements.count.isMultiple(of: 2) else { throw .oddCount(elements.count) }
            return stride(from: 0, to: elements.count, by: 2).map { RESPPair(elements[$0], elements[$0 + 1]) }
        default: throw unexpected(.map)
        }
    }

    /// The first value under a key of text, in a map or its RESP2 form.
    ///
    /// Throws `missing` if there is none.
    package func value(for key: String) throws(RedisReplyError) -> RESPValue {
        for pair in try pairs() {
            guard let bytes = try? pair.key.bytes(), bytes.elementsEqual(key.utf8) else { continue }
            return pair.value
        }
        throw .missing(key)
    }

    private func unexpected(_ expected: RESPType) -> RedisReplyError {
        if let error = serverError { return .server(error) }
        return .unexpected(found: type, expected: expected)
    }
}
