/// A subscription on its way: reserved, and without an answer to its client.
///
/// It moves from stage to stage and out of the session's list: to the live ones, or refused. All that is known of it stands
/// in its stage, so an answer that does not belong to the stage finds nothing to act on.
@usableFromInline struct PendingSubscription: Equatable, Sendable {
    let channel: ChannelName
    let generation: UInt32
    var stage: Stage

    enum Stage: Equatable, Sendable {
        /// Its token is verified; all commands of the connection wait for that.
        case verifying(Wish)
        /// The application is asked; commands about other channels go on.
        case asking(Wish)
        /// It comes with the connect, and the service has not got its order yet.
        case granted(SubscribeOrder)
        /// The service has its order, and reads the stream.
        case attaching(SubscribeOrder, RecoveryBuffer)
        /// Its stream has been read, and it waits for the other channels of its connect.
        case read(SubscribeOrder, StreamRead?, RecoveryBuffer)
        /// All is decided, and the service binds it in the same step.
        case binding(SubscribeOrder, SubscribeResult, position: StreamPosition?)
    }

    /// A subscribe command about which is still to be decided.
    struct Wish: Equatable, Sendable {
        let command: UInt32
        let request: SubscribeRequest
        let options: ChannelOptions
    }

    /// The order that the service carries out; nil: it has none yet.
    var order: SubscribeOrder? {
        switch stage {
        case .verifying, .asking, .granted: nil
        case .attaching(let order, _), .read(let order, _, _), .binding(let order, _, _): order
        }
    }

    /// The command that waits for its answer; nil: the server subscribes the client.
    var command: UInt32? {
        switch stage {
        case .verifying(let wish), .asking(let wish): return wish.command
        case .granted: return nil
        case .attaching(let order, _), .read(let order, _, _), .binding(let order, _, _):
            guard case .command(let command) = order.purpose else { return nil }
            return command
        }
    }

    var isVerifying: Bool { if case .verifying = stage { true } else { false } }
    var isAsking: Bool { if case .asking = stage { true } else { false } }
    var isRead: Bool { if case .read = stage { true } else { false } }

    var ended: EndedSubscription { order.map { .ordered($0) } ?? .reserved(channel, generation: generation) }

    /// A live publication came before the answer.
    mutating func keep(_ publication: Publication) {
        // The buffer is taken out while it grows: held twice, it would be copied for each publication.
        switch stage {
        case .attaching(let order, var buffer):
            stage = .attaching(order, RecoveryBuffer())
            buffer.append(publication)
            stage = .attaching(order, buffer)
        case .read(let order, let read, var buffer):
            stage = .read(order, read, RecoveryBuffer())
            buffer.append(publication)
            stage = .read(order, read, buffer)
        case .verifying, .asking, .granted, .binding: break
        }
    }
}

/// Live publications that arrive while a stream is read, as many as are kept.
enum RecoveryBuffer: Equatable, Sendable {
    case complete([Publication])
    /// More arrived than are kept, so nothing can be proved any more.
    case overflowed

    init() { self = .complete([]) }

    mutating func append(_ publication: Publication) {
        guard case .complete(var publications) = self else { return }
        guard publications.count < ClientSession.recoveryBufferLimit else { return self = .overflowed }
        self = .complete([])
        publications.append(publication)
        self = .complete(publications)
    }
}
