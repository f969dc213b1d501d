/// How an EventSource reads channels.
package enum EventStreamForm: UInt8, Equatable, Sendable, CaseIterable {
    /// The event's name is the channel, its data the payload.
    case named
    /// All events are without a name; the data is `["<channel>","<payload>"]`.
    case array
}

/// Why a publication cannot be an event. Nothing was written then.
package enum EventStreamError: Error, Equatable, Sendable {
    /// The name of an event ends with its line.
    case channelHasLineBreak
    /// A carriage return in the payload would arrive as a line feed.
    ///
    /// Lines may end with one. The form `array` carries it.
    case payloadHasCarriageReturn
    /// Event streams are UTF-8, and the payload is not.
    case payloadIsNotText
}
