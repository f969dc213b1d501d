import PharosDomain
import PharosEdge
import PharosProtocol

/// The raw connections of one shard.
///
/// They are those that are open, and those that have gone while their origin still has events to get.
struct RawConnections {
    /// The request that has been let in, until the upgrade that follows at once.
    struct Admission {
        var path: RawPath
        var subprotocol: String
        var channels: [ChannelName]
        var user: UserID
    }

    /// Bytes that may wait for origins on one shard.
    ///
    /// Beyond it every connection with something that waits is paused.
    static let inboundLimit = 134_217_728

    let paths: [RawPath]
    /// The address in the ids.
    let node: [UInt8]
    private var open: [UInt32: RawConnection] = [:]
    private var leaving: [ConnectionID: RawConnection] = [:]
    /// Bytes that wait for origins.
    var inboundBytes = 0
    var admission: Admission?
    var calls = RawCalls()

    init(_ settings: ServerSettings) {
        paths = settings.hooks.raw
        let address = settings.hooks.nodeAddress.isEmpty ? settings.nodeName : settings.hooks.nodeAddress
        node = Array(address.utf8.prefix(RawConnectionID.addressLimit))
    }

    /// There are no connections any more, and no origin has events to get.
    var isEmpty: Bool { open.isEmpty && leaving.isEmpty }
    var openCount: Int { open.count }
    var all: [RawConnection] { Array(open.values) + Array(leaving.values) }

    /// The raw path of a request's path; nil: it is no raw one.
    func path(_ path: UnsafeRawBufferPointer) -> RawPath? {
        paths.first { path.elementsEqual($0.path.utf8) }
    }

    /// The open connection with this id; nil: none such.
    func connection(_ id: ConnectionID) -> RawConnection? {
        guard !open.isEmpty, let connection = open[id.slot], connection.id == id else { return nil }
        return connection
    }

    /// The open connection at a place.
    func connection(at slot: UInt32) -> RawConnection? { open[slot] }

    /// One whose socket may have gone already.
    func connectionOrLeaving(_ id: ConnectionID) -> RawConnection? { connection(id) ?? leaving[id] }

    mutating func insert(_ connection: RawConnection) { open[connection.id.slot] = connection }

    mutating func leave(_ connection: RawConnection) {
        open[connection.id.slot] = nil
        leaving[connection.id] = connection
    }

    mutating func remove(_ connection: RawConnection) { leaving[connection.id] = nil }
}
