package import PharosBytes
package import PharosDomain

/// The connections for which a service request failed.
///
/// They did not get what they should, and are given by their ids as they came.
package struct RawReport: Equatable, Sendable {
    /// No ids that this process gave.
    package var unknown: [ClientName] = []
    /// Their connections are over.
    package var closed: [ClientName] = []
    /// More waits for them than they may have waiting: the message was not added.
    package var full: [ClientName] = []

    package init() {}

    package var isEmpty: Bool { unknown.isEmpty && closed.isEmpty && full.isEmpty }

    package mutating func add(_ other: RawReport) {
        unknown += other.unknown
        closed += other.closed
        full += other.full
    }

    /// `{"Unknown":[…],"Closed":[…],"Full":[…]}`
    package func encode(into writer: inout ByteWriter) {
        writer.beginJSONObject()
        for (name, ids) in [("Unknown" as StaticString, unknown), ("Closed", closed), ("Full", full)] {
            writer.beginJSONArray(name)
            for id in ids {
                writer.nextJSONElement()
                writer.appendJSONString(id)
            }
            writer.endJSONArray()
        }
        writer.endJSONObject()
    }
}
