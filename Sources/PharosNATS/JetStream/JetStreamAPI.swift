/// The subjects on which JetStream is asked.
///
/// See https://docs.nats.io/reference/reference-protocols/nats_api_reference. Requests are JSON, or nothing; so are the answers, but for direct gets, which are messages. Each function throws
/// `NATSOrderError.invalidName` for a name that the server would not take.
package struct JetStreamAPI: Equatable, Sendable {
    private let prefix: String

    /// The API of the account, of the JetStream domain `domain` if there is one.
    package init(domain: String? = nil) throws(NATSOrderError) {
        guard let domain else {
            prefix = "$JS.API."
            return
        }
        prefix = "$JS.\(try JetStreamAPI.checked(domain)).API."
    }

    package var accountInfo: String { prefix + "INFO" }
    package var streamNames: String { prefix + "STREAM.NAMES" }
    package var streamList: String { prefix + "STREAM.LIST" }

    package func createStream(_ stream: String) throws(NATSOrderError) -> String { try on(stream, "STREAM.CREATE.") }
    package func updateStream(_ stream: String) throws(NATSOrderError) -> String { try on(stream, "STREAM.UPDATE.") }
    package func deleteStream(_ stream: String) throws(NATSOrderError) -> String { try on(stream, "STREAM.DELETE.") }
    package func streamInfo(_ stream: String) throws(NATSOrderError) -> String { try on(stream, "STREAM.INFO.") }
    package func purgeStream(_ stream: String) throws(NATSOrderError) -> String { try on(stream, "STREAM.PURGE.") }

    /// Reads one message at the stream's leader.
    ///
    /// So it sees every acknowledged write.
    package func getMessage(_ stream: String) throws(NATSOrderError) -> String { try on(stream, "STREAM.MSG.GET.") }

    package func deleteMessage(_ stream: String) throws(NATSOrderError) -> String {
        try on(stream, "STREAM.MSG.DELETE.")
    }

    /// Reads messages at any replica, which may be behind (ADR-31).
    package func directGet(_ stream: String) throws(NATSOrderError) -> String { try on(stream, "DIRECT.GET.") }

    /// Reads the last message of a subject at any replica.
    ///
    /// The request has no payload.
    package func directGetLast(_ stream: String, subject: String) throws(NATSOrderError) -> String {
        guard NATSSubject.isPublishable(subject) else { throw .invalidSubject }
        return try on(stream, "DIRECT.GET.") + "." + subject
    }

    package func createConsumer(_ stream: String, _ consumer: String) throws(NATSOrderError) -> String {
        try on(stream, consumer, "CONSUMER.CREATE.")
    }

    package func consumerInfo(_ stream: String, _ consumer: String) throws(NATSOrderError) -> String {
        try on(stream, consumer, "CONSUMER.INFO.")
    }

    package func deleteConsumer(_ stream: String, _ consumer: String) throws(NATSOrderError) -> String {
        try on(stream, consumer, "CONSUMER.DELETE.")
    }

    /// Asks a pull consumer for its next messages.
    package func nextMessages(_ stream: String, _ consumer: String) throws(NATSOrderError) -> String {
        try on(stream, consumer, "CONSUMER.MSG.NEXT.")
    }

    private func on(_ stream: String, _ verb: String) throws(NATSOrderError) -> String {
        prefix + verb + (try JetStreamAPI.checked(stream))
    }

    private func on(_ stream: String, _ consumer: String, _ verb: String) throws(NATSOrderError) -> String {
        try on(stream, verb) + "." + JetStreamAPI.checked(consumer)
    }

    /// A name becomes a token of subjects, and a folder of the server.
    private static func checked(_ name: String) throws(NATSOrderError) -> String {
        guard NATSSubject.isToken(name), name.utf8.count <= 255,
            !name.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") })
        else { throw .invalidName }
        return name
    }
}
