import PharosProtocol

/// The plan of one bench, checked before anything is opened.
struct BenchPlan: Sendable {
    enum Pace: Equatable, Sendable {
        /// At most so many messages that not everybody has.
        case closed(Int)
        /// So many messages per second, whatever the receivers do.
        case rate(Double)
    }

    var peer = BenchPeer.pharos
    var format = WireFormat.json
    var host = "127.0.0.1"
    var port: UInt16 = 8000
    /// Where publishers connect; nil: to `port`.
    var publishPort: UInt16?
    /// Where subscribers connect with TLS; nil: to `port`, without.
    ///
    /// Publishers are always without.
    var tlsPort: UInt16?
    /// Certificates that subscribers trust, a PEM file.
    var authoritiesFile = ""
    var token = ""
    var apiKey: String?
    var connections = 1000
    /// Connections that stop reading when all are ready; the others are counted.
    var stalled = 0
    var channels = 1
    var channelsPerConnection = 1
    var publishers = 1
    var pace = Pace.closed(1)
    /// Nil: until the time is over.
    var count: Int?
    var durationSeconds = 10.0
    /// Bytes of a message between marker and filling, at least a marker's.
    var size = 64
    /// How often everything is connected; all but the last time it is closed again.
    var cycles = 1
    /// The server's process, for its memory and processor time.
    var processID: Int32?

    /// Descriptors that stay free for the process itself.
    static let spareDescriptors = 64
    /// The most connections from one address to one port.
    ///
    /// There are some 28,000 ports; a few stay free for others.
    static let connectionsPerAddress = 25_000
    static let handshakesAtOnce = 200

    /// Why the plan cannot be carried out; nil if it can.
    func problem(openFiles: Int) -> String? {
        let descriptors = connections + publishers + Self.spareDescriptors
        if descriptors > openFiles {
            return "\(connections) connections need \(descriptors) open files and this process may have \(openFiles); "
                + "raise the limit (ulimit -n) or start several benches of fewer connections"
        }
        if channelsPerConnection > channels { return "a connection cannot have more channels than there are" }
        if channelsPerConnection > 1 && !peer.hasManyChannelsPerConnection {
            return "\(peer.rawValue) has one channel per connection"
        }
        if channels > 1 << 24 { return "at most 16,777,216 channels" }
        if size < BenchMarker.size { return "a message needs at least \(BenchMarker.size) bytes" }
        if stalled >= connections { return "at least one connection must read" }
        if format == .protobuf && peer != .pharos { return "protobuf is for pharos only" }
        return nil
    }

    /// The channels of a connection.
    ///
    /// They are so many in a row, beginning where the one before ended.
    func channels(of connection: Int) -> [Int] {
        (0..<channelsPerConnection).map { (connection * channelsPerConnection + $0) % channels }
    }

    /// The address to connect from; nil: the system's choice.
    ///
    /// Only the loopback has as many as are needed.
    func source(of attempt: Int) -> String? {
        let index = attempt / Self.connectionsPerAddress
        guard index > 0, host.hasPrefix("127.") else { return nil }
        return "127.0.\(index / 250).\(index % 250 + 1)"
    }
}
