package import PharosDomain

/// How the values of parameters are read.
///
/// Each function says in its error what the value has to be.
enum ParameterValues {
    /// A decimal number within `range`.
    static func integer(
        _ value: String, _ name: FieldName, _ range: ClosedRange<Int>
    ) throws(ParameterError) -> Int {
        guard let large = StreamPosition.offset(Array(value.utf8)), let number = Int(exactly: large),
            range.contains(number)
        else { throw ParameterError(name, "a number from \(range.lowerBound) to \(range.upperBound)") }
        return number
    }

    static func offset(_ value: String, _ name: FieldName) throws(ParameterError) -> UInt64 {
        guard let number = StreamPosition.offset(Array(value.utf8)) else {
            throw ParameterError(name, "a number without sign")
        }
        return number
    }

    static func flag(_ value: String, _ name: FieldName) throws(ParameterError) -> Bool {
        switch value {
        case "1", "true": true
        case "0", "false": false
        default: throw ParameterError(name, "0 or 1")
        }
    }

    /// A client's session key, in a parameter that may come under two names.
    static func session(_ value: String, _ name: FieldName, known: SessionKey) throws(ParameterError) -> SessionKey {
        let value = SessionKey(value)
        guard value.isValid else {
            throw ParameterError(name, "22 to 64 characters of A-Z, a-z, 0-9, - and _")
        }
        guard known.isEmpty || known == value else { throw ParameterError(name, "given twice") }
        return value
    }

    /// A channel's name. Line breaks would break events and logs.
    static func channel(_ value: String) throws(ParameterError) -> ChannelName {
        guard !value.isEmpty else { throw ParameterError("channel", "must not be empty") }
        guard !value.utf8.contains(where: { $0 == 0x0A || $0 == 0x0D }) else {
            throw ParameterError("channel", "must not hold a line break")
        }
        return ChannelName(value)
    }

    static let tooManyChannels = ParameterError("channel", "at most \(channelLimit)")

    /// Channels of one request.
    static let channelLimit = 128
}

/// The key by which a client that comes back gets its state back.
///
/// The client makes it at random.
extension SessionKey {
    /// 22 characters of 64 hold 128 bits.
    ///
    /// That many are needed, since a client that guesses a key gets the state.
    private static var lengths: ClosedRange<Int> { 22...64 }

    package var isValid: Bool {
        Self.lengths.contains(utf8.count) && utf8.allSatisfy(StreamPosition.isEpochCharacter)
    }
}
