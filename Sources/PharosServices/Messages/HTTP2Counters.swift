import PharosHTTP2

/// Counters of HTTP/2 connections.
package struct HTTP2Counters: Equatable, Sendable {
    package var currentConnections = 0
    package var currentStreams = 0
    /// Of the streams: those that are WebSockets.
    package var currentWebSockets = 0
    package var connections: UInt64 = 0
    package var streams: UInt64 = 0
    /// Streams that clients have reset.
    ///
    /// `withdrawn`: those that were reset in the read that they came in.
    package var resets: UInt64 = 0
    package var withdrawn: UInt64 = 0
    /// Streams that there was no room for.
    package var refused: UInt64 = 0
    /// Connections by what ended them, without those that were cut.
    package var ended = [UInt64](repeating: 0, count: HTTP2End.allCases.count + 1)

    package init() {}

    /// Adds another shard's part.
    mutating func add(_ other: HTTP2Counters) {
        currentConnections += other.currentConnections
        currentStreams += other.currentStreams
        currentWebSockets += other.currentWebSockets
        connections += other.connections
        streams += other.streams
        resets += other.resets
        withdrawn += other.withdrawn
        refused += other.refused
        for end in HTTP2End.allCases { ended[Int(end.rawValue)] += other.ended[Int(end.rawValue)] }
    }

    /// Connections by what ended them, as metrics and logs name it.
    package var endedByReason: [(reason: String, count: UInt64)] {
        HTTP2End.allCases.map { ($0.label, ended[Int($0.rawValue)]) }
    }
}

extension HTTP2End {
    fileprivate var label: String {
        switch self {
        case .graceful: "graceful"
        case .protocolError: "protocol_error"
        case .resetFlood: "too_many_resets"
        case .controlFlood: "too_many_control_frames"
        case .continuationFlood: "too_many_continuations"
        case .noMemory: "no_memory"
        }
    }
}
