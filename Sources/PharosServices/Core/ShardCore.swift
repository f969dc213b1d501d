import PharosBytes
import PharosChannels
import PharosDomain
import PharosEdge
import PharosProtocol

/// The state that the services of one shard share, and the messages between them.
///
/// The state is sessions, channels with subscribers, and counters.
///
/// A service takes the core and the edge `inout` and keeps its own state to itself. Services do not call one another:
/// if one needs another, on this shard or on any other, it sends a message, and messages from one shard to another keep
/// their order. So there is one way of asking, on whichever shard the other service is.
struct ShardCore: ~Copyable {
    let node: NodeContext
    let index: Int
    let rules: ChannelRules
    var sessions: Sessions
    var channels: LocalChannels
    var counters = ServiceCounters()
    /// Those that wait for the answer of a channel's relay.
    var askers = TicketTable<Asker>()
    /// Client addresses by the connection's slot, kept only while they are needed.
    var addresses: [UInt32: PeerAddress] = [:]
    /// Parts of the clients' requests that may be passed on, by the connection's slot.
    ///
    /// Empty where nothing may be passed on.
    var facts: [UInt32: RequestFacts] = [:]
    let passed: PassList
    let dialects: DialectTable
    /// Conversations of the connections whose dialects have them, by slot.
    var conversations = SlotTable<any Conversation>()
    /// Memory for what the next conversation puts out.
    var spareOutput: ConversationOutput? = ConversationOutput()
    /// How subscribers read channels, by number.
    var lanes = LaneTable()
    /// Sessions that are polled, by the slot of their output.
    var polledSessions: [UInt32: PolledSession] = [:]
    /// Channels whose next publication must be whole, by the connection's slot.
    var freshDeltas: [UInt32: Set<ChannelName>] = [:]
    /// Written by every encoder in turn, and always empty between two messages.
    var scratch: ByteWriter
    /// A message in another form for its transport; empty between two messages as well.
    var packed: ByteWriter
    /// Work that goes on in the next turn.
    var unfinished = FIFO<(work: UnfinishedWork, turn: UInt64)>()
    /// Commands that were read and are to be carried out in this turn.
    var arrivedCommands = FIFO<ArrivedCommands>()
    /// When the shard ends although connections are open; nil: it does not end.
    var shutdownEndsMs: Int64?
    /// nil: connections may grow as old as they like.
    var ages: ConnectionAges?
    var random = RandomPool()
    /// Messages to this shard itself.
    private var inbox = FIFO<ShardMail>()
    /// Messages to other shards, which leave once in a turn, in the order of sending.
    private var outbox: [(shard: Int, mail: ShardMail)] = []
    /// Whether there are questions or answers of relays in the outbox.
    private var asksOthers = false
    /// Requests to this shard's own relay that wait for the mail before them.
    private var held: [ShardMail] = []
    /// Whether the present work was begun by mail, in its order.
    var isReadingMail = false
    /// Made once: contexts refer to it.
    private let clientSettings: SessionContext.Settings

    init(node: NodeContext, index: Int) {
        let settings = node.settings
        self.node = node
        dialects = node.dialects
        self.index = index
        rules = ChannelRules(settings.channel)
        sessions = Sessions(userCounts: node.users)
        channels = LocalChannels()
        scratch = ByteWriter(capacity: 4_096)
        packed = ByteWriter(capacity: 4_096)
        clientSettings = SessionContext.Settings(settings.client, hooks: settings.hooks)
        passed = settings.hooks.passes
        counters.nameCounts = Array(repeating: 0, count: settings.client.registeredNames.count)
    }

    func context(_ edge: borrowing Edge) -> SessionContext {
        SessionContext(clientSettings, rules: rules, now: now(edge), version: node.version)
    }

    func now(_ edge: borrowing Edge) -> Moment { Moment(monotonicMs: edge.nowMs, wallMs: edge.wallMs) }

    /// Lets a connection end when it reaches the maximum age, if there is one.
    mutating func noteAge(_ id: ConnectionID, _ edge: borrowing Edge) {
        let maximum = node.settings.client.maxConnectionAge
        guard maximum > 0 else { return }
        let age = ConnectionAges.age(maximum: maximum, chance: .random(in: 0..<1, using: &random))
        ages = ages ?? ConnectionAges(nowMs: edge.nowMs)
        ages!.add(id, dueMs: edge.nowMs + age)
        if ages!.isFull { ages!.removeEnded { edge.isOpen($0) } }
    }

    // MARK: Messages

    /// Sends a message to a shard, maybe this one.
    ///
    /// It is received once the service that sends is done.
    mutating func post(_ mail: ShardMail, to shard: Int) {
        guard shard != index else { return inbox.append(mail) }
        switch mail {
        case .relay(.ask, _), .relayed(.answered): asksOthers = true
        default: break
        }
        outbox.append((shard, mail))
    }

    /// Sends a request to the relay of a channel.
    ///
    /// Requests of one channel keep their order.
    mutating func request(_ request: RelayRequest, of channel: ChannelName) {
        let owner = node.owner(of: channel)
        let mail = ShardMail.relay(request, shard: index)
        guard owner == index, mustHold else { return post(mail, to: owner) }
        if held.isEmpty { node.post(.releaseHeld, to: index) }
        held.append(mail)
    }

    /// Whether a request to the own relay must wait for mail.
    ///
    /// Sockets are served before mail. A client that was answered by another shard, and now asks here, is to find what
    /// that answer said; its cause may still be in the mailbox.
    private var mustHold: Bool {
        !held.isEmpty || !isReadingMail && !node.mailboxes[index].isEmpty
    }

    /// The mail that was there before the held requests has been read.
    mutating func releaseHeld() {
        for mail in held { inbox.append(mail) }
        held.removeAll(keepingCapacity: held.count <= 1_024)
    }

    /// Asks the relay of a channel; the answer comes to the asker's service.
    mutating func ask(_ question: ChannelQuestion, _ channel: ChannelName, for asker: Asker) {
        request(.ask(question, ticket: askers.add(asker)), of: channel)
    }

    /// The next message to this shard itself.
    mutating func nextMail() -> ShardMail? { inbox.popFirst() }

    /// Hands over the messages that are meant for other shards, in order.
    ///
    /// Successive messages to the same shard are handed over at once, and no message before one that was sent earlier
    /// to another shard. So when a message arrives at a shard, the messages that caused it have arrived as well.
    ///
    /// - Returns: whether questions or answers of relays were among them, so that the others may soon have more to send.
    @discardableResult
    mutating func flushOutbox() -> Bool {
        guard !outbox.isEmpty else { return false }
        var next = 0
        while next < outbox.count {
            let shard = outbox[next].shard
            let end = outbox[next...].firstIndex { $0.shard != shard } ?? outbox.count
            node.mailboxes[shard].post(contentsOf: outbox[next..<end].lazy.map(\.mail))
            next = end
        }
        outbox.removeAll(keepingCapacity: outbox.count <= 1_024)
        defer { asksOthers = false }
        return asksOthers
    }

    /// Answers a caller outside the shards.
    ///
    /// Its next call may go to any shard, and is not to overtake what this one has caused.
    mutating func answer<Call: AnsweredOnce>(_ call: Call, _ answer: Call.Answer) {
        flushOutbox()
        call.reply.answer(answer)
    }

    /// Asks nodes to carry out a command.
    ///
    /// The answer comes as `gathered` under the ticket.
    mutating func askNodes(_ command: ControlCommand, of scope: NodeScope, deadlineMs: Int64, ticket: UInt64) {
        node.messages.ask(command, of: scope, deadlineMs: deadlineMs, for: .shard(index, ticket: ticket)) {
            post($0, to: $1)
        }
    }

    mutating func goOnLater(_ work: UnfinishedWork, _ edge: inout Edge) {
        unfinished.append((work, edge.turn))
        edge.askToContinue()
    }

    // MARK: Channels

    /// The record of a channel, made if there is none.
    mutating func localChannel(_ name: ChannelName, _ edge: inout Edge) -> Int {
        if let place = channels.index(of: name) { return place }
        var channel = LocalChannel(name: name, topic: edge.makeTopic())
        if let options = try? rules.resolve(name).options {
            channel.slowReader = options.slowReader
            channel.conflationTag = options.conflationTag
        }
        return channels.add(channel)
    }

    /// Ends one use of the channel's record.
    ///
    /// It is true if that was the last use; then the record is gone as well.
    mutating func release(_ place: Int, _ edge: inout Edge) -> Bool {
        channels[place].references -= 1
        guard channels[place].references == 0 else { return false }
        edge.removeTopic(channels[place].topic)
        channels.remove(place)
        return true
    }

    /// Ends a use of the record that is not a client's.
    ///
    /// The channel's relay need not get a name for it.
    mutating func leave(_ place: Int, _ edge: inout Edge) {
        let name = channels[place].name
        let isLast = release(place, &edge)
        request(
            .detach(DetachRequest(channel: name, info: .nobody, emitsLeave: false, isLastOfShard: isLast)), of: name)
    }

    func subscribers(of topic: UInt32, _ edge: borrowing Edge) -> [ConnectionID] {
        var ids: [ConnectionID] = []
        edge.forEachSubscriber(of: topic) { ids.append($0) }
        return ids
    }

    func subscribers(of topic: UInt32, lane: UInt16, _ edge: borrowing Edge) -> [ConnectionID] {
        var ids: [ConnectionID] = []
        edge.forEachSubscriber(of: topic, lane: lane) { ids.append($0) }
        return ids
    }

    // MARK: Names

    mutating func makeClientID(_ id: ConnectionID) -> ClientID {
        node.incarnation.clientID(random: random.next(), low: name(of: id))
    }

    /// Where a connection is in this process, mixed with a secret.
    func name(of id: ConnectionID) -> UInt64 {
        // The shard's number takes the highest byte of the generation.
        let address = UInt64(id.slot) | UInt64(id.generation & 0xff_ffff) << 32 | UInt64(index) << 56
        return address ^ node.clientIDSecret
    }

    /// The session that a name leads to; nil: there is none on this shard.
    ///
    /// It must still be the same connection.
    func connection(named name: ClientID) -> ConnectionID? {
        let address = name.low ^ node.clientIDSecret
        guard address >> 56 == UInt64(index), let id = sessions.connection(at: UInt32(truncatingIfNeeded: address)),
            UInt32(truncatingIfNeeded: address >> 32) & 0xff_ffff == id.generation & 0xff_ffff
        else { return nil }
        return id
    }

    /// The connection that a client id names, if it is one of this shard's.
    func connection(of client: ClientName) -> ConnectionID? {
        guard let name = ClientID(client), let id = connection(named: name), sessions[id].session.client == name else {
            return nil
        }
        return id
    }

    /// The name of a stream for `POST /emulation`: known to its client alone.
    func streamName(_ id: ConnectionID) -> SessionKey {
        SessionKey(ClientID(high: sessions[id].streamKey, low: name(of: id)).text)
    }

    // MARK: Peers

    /// The peer's address, or what a configured proxy says it is.
    func clientAddress(_ id: ConnectionID, _ head: RequestHead, _ edge: borrowing Edge) -> PeerAddress {
        let peer = edge.peerAddress(id)
        return PeerAddress(node.proxies.isEmpty ? peer : node.proxies.clientAddress(peer: peer, head: head))
    }

    /// The peer's, or what a configured proxy said when the client came.
    func address(of id: ConnectionID, _ edge: borrowing Edge) -> PeerAddress {
        addresses[id.slot] ?? PeerAddress(edge.peerAddress(id))
    }

    /// The user that a configured proxy names in its header.
    func userFromProxy(_ id: ConnectionID, _ head: RequestHead, _ edge: borrowing Edge) -> UserID? {
        let header = node.settings.client.userIDHTTPHeader
        guard !header.isEmpty, node.proxies.contains(edge.peerAddress(id)) else { return nil }
        var user: UserID?
        let wanted = Array(header.utf8)
        head.forEachHeader { name, value in
            if name.count == wanted.count, zip(name, wanted).allSatisfy({ $0 | 0x20 == $1 | 0x20 }) {
                user = UserID(decoding: value)
            }
        }
        return user.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The parts of a client's own request that may be passed on.
    func requestFacts(_ head: RequestHead, _ id: ConnectionID, _ edge: borrowing Edge) -> RequestFacts {
        RequestFacts(head, passed, address: passed.address ? clientAddress(id, head, edge) : "")
    }
}

/// The party that gets the answer of a channel's relay.
enum Asker {
    case call(CallOrigin)
    case client(ConnectionID, command: UInt32)
    /// The stream of a subscriber inside the process.
    case inProcess(InProcessTicket)
    /// A stateless poll, for one of its channels.
    case poll(ConnectionID, channel: Int)
}

/// Commands of one connection that came together.
struct ArrivedCommands {
    let id: ConnectionID
    let commands: [Command]
    /// Bytes of the message that they came in.
    let bytes: Int
}
