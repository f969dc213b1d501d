/// Bytes of a server that are not its protocol.
///
/// None of the cases holds any of the bytes, so that a log of it is harmless.
package enum NATSParseError: Error, Equatable, Sendable {
    /// A line that begins with none of the server's verbs.
    case unknownVerb
    /// A line with more bytes than `NATSLimits` allows.
    case lineTooLong(limit: Int)
    /// Too few or too many arguments.
    case wrongArguments(NATSVerb)
    /// A subscription id that is no decimal number.
    case wrongSubscription(NATSVerb)
    /// A size that is no decimal number, or headers larger than the whole message.
    case wrongSize(NATSVerb)
    /// A message larger than `NATSLimits.messageBytes`.
    case messageTooLarge(bytes: UInt64, limit: Int)
    /// A payload that no CR LF follows.
    case missingEndOfPayload
    /// An INFO that is no JSON object, or has a field of another type.
    case wrongInfo(reason: String)
}
