package import PharosBytes
package import PharosDomain

/// The dialects of a server, by number.
///
/// Dialects of ours are called directly and not through their protocol, so that a message costs no more than the
/// encoding.
package struct DialectTable: Sendable {
    /// Numbers in `standard`.
    package static let json: UInt8 = 0
    package static let protobuf: UInt8 = 1
    package static let events: UInt8 = 2
    package static let raw: UInt8 = 3

    package static let standard = DialectTable(standardDialects)

    /// Dialects that every server has, to which others can be added.
    package static let standardDialects: [any ClientDialect] = [
        CentrifugeDialect(.json), CentrifugeDialect(.protobuf), EventsDialect(), RawDialect(),
    ]

    private enum Direct {
        case centrifuge(CentrifugeDialect)
        case events(EventsDialect)
        case raw(RawDialect)
        case byProtocol

        init(_ dialect: any ClientDialect) {
            self =
                switch dialect {
                case let dialect as CentrifugeDialect: .centrifuge(dialect)
                case let dialect as EventsDialect: .events(dialect)
                case let dialect as RawDialect: .raw(dialect)
                default: .byProtocol
                }
        }
    }

    private let dialects: [any ClientDialect]
    private let direct: [Direct]
    private let allTraits: [DialectTraits]
    /// Names of all subprotocols, for the handshake of a WebSocket.
    package let subprotocols: [String]
    /// The dialects of `subprotocols`.
    private let subprotocolDialects: [UInt8]

    /// Makes a table of dialects.
    ///
    /// - Parameter dialects: the first one is for clients that ask for none; at most 256.
    package init(_ dialects: [any ClientDialect]) {
        precondition(1...256 ~= dialects.count, "dialects are numbered with eight bits, and one is the default")
        self.dialects = dialects
        direct = dialects.map { Direct($0) }
        allTraits = dialects.map(\.traits)
        var names: [String] = []
        var numbers: [UInt8] = []
        for (index, dialect) in dialects.enumerated() {
            for name in dialect.selection.subprotocols {
                precondition(!names.contains(name), "two dialects have the subprotocol \(name)")
                names.append(name)
                numbers.append(UInt8(index))
            }
        }
        (subprotocols, subprotocolDialects) = (names, numbers)
    }

    package var count: Int { dialects.count }

    package subscript(number: UInt8) -> any ClientDialect { dialects[Int(number)] }

    package func traits(_ number: UInt8) -> DialectTraits { allTraits[Int(number)] }

    /// How hooks and events name the transport of a connection.
    package func transportName(_ number: UInt8, _ framing: TransportFraming) -> String {
        if let name = traits(number).transportName { return "\(name)" }
        return framing.transportName
    }

    // MARK: Choosing

    /// The dialect of a WebSocket.
    ///
    /// - Parameters:
    ///   - subprotocol: the index in `subprotocols` of the one that was agreed on; nil: none was.
    ///   - query: of the request; it decides where no subprotocol does.
    package func dialect(subprotocol: Int?, query: UnsafeRawBufferPointer) -> UInt8 {
        if let subprotocol { return subprotocolDialects[subprotocol] }
        guard !query.isEmpty else { return 0 }
        return first { $0.flags.contains { $0.isSet(in: query) } }
    }

    /// The dialect of a stream, by the `Content-Type` of the request that opens it.
    package func dialect(contentType: UnsafeRawBufferPointer?) -> UInt8 {
        guard let contentType else { return 0 }
        return first { !$0.contentType.isEmpty && contentType.starts(with: $0.contentType.utf8) }
    }

    private func first(where isMeant: (DialectSelection) -> Bool) -> UInt8 {
        UInt8(dialects.firstIndex { isMeant($0.selection) } ?? 0)
    }

    // MARK: Messages

    package func decode(
        _ message: UnsafeRawBufferPointer, _ number: UInt8, into commands: inout [Command]
    ) throws(MalformedFrame) {
        switch direct[Int(number)] {
        case .centrifuge(let dialect): try dialect.decode(message, into: &commands)
        case .events, .raw, .byProtocol: try dialects[Int(number)].decode(message, into: &commands)
        }
    }

    /// Nil if the dialect has no message for it; nothing was written then.
    package func encode(_ reply: Reply, _ number: UInt8, into writer: inout ByteWriter) -> MessageKind? {
        switch direct[Int(number)] {
        case .centrifuge(let dialect): dialect.encode(reply, into: &writer)
        case .events, .raw, .byProtocol: dialects[Int(number)].encode(reply, into: &writer)
        }
    }

    package func encode(_ push: Push, _ number: UInt8, into writer: inout ByteWriter) -> MessageKind? {
        switch direct[Int(number)] {
        case .centrifuge(let dialect): dialect.encode(push, into: &writer)
        case .events, .raw, .byProtocol: dialects[Int(number)].encode(push, into: &writer)
        }
    }

    package func encodePing(_ number: UInt8, into writer: inout ByteWriter) -> MessageKind? {
        switch direct[Int(number)] {
        case .centrifuge(let dialect): dialect.encodePing(into: &writer)
        case .events, .raw, .byProtocol: dialects[Int(number)].encodePing(into: &writer)
        }
    }

    /// A publication for all subscribers of a lane.
    ///
    /// See `ClientDialect.encodePublication`.
    package func encodePublication(
        _ publication: Publication, in channel: ChannelName, epoch: Epoch, for lane: LaneKey,
        into writer: inout ByteWriter
    ) -> MessageKind {
        switch direct[Int(lane.dialect)] {
        case .centrifuge(let dialect):
            dialect.encodePublication(publication, in: channel, epoch: epoch, form: lane.form, into: &writer)
        case .events(let dialect):
            dialect.encodePublication(publication, in: channel, epoch: epoch, form: lane.form, into: &writer)
        case .raw(let dialect):
            dialect.encodePublication(publication, in: channel, epoch: epoch, form: lane.form, into: &writer)
        case .byProtocol:
            dialects[Int(lane.dialect)].encodePublication(
                publication, in: channel, epoch: epoch, form: lane.form, into: &writer)
        }
    }

    /// Makes a message ready for a transport; see `TransportFraming.frame`.
    package func frame(
        _ message: inout ByteWriter, _ kind: MessageKind, _ number: UInt8, _ framing: TransportFraming,
        into packed: inout ByteWriter
    ) -> FramedMessage {
        framing.frame(&message, kind, allTraits[Int(number)], into: &packed)
    }
}
