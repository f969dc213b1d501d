import PharosBytes
import PharosCluster
import PharosDomain
import PharosLinks
import PharosProtocol

/// Work for the link of a node.
enum TopicOrder: Sendable {
    case request(relay: Int, ticket: UInt64, EngineRequest, Moment)
    case bus(node: UInt64, [UInt8])
}

/// A node's side of the link to the node with the role `topic`, without IO.
///
/// A publication is sent once: if the link is lost before its answer, its publisher gets a temporary error. Reads wait for
/// the link, up to their time. Used on the link thread only.
final class TopicMachine: LinkMachine {
    private enum State: Equatable { case closed, awaitingChallenge, awaitingWelcome, ready }

    private struct Key: Hashable {
        var relay: Int
        var ticket: UInt64
    }

    /// A request that is not answered yet.
    private struct Open {
        var request: EngineRequest
        var moment: Moment
        var deadlineMs: Int64
        /// The publications that it was sent with.
        var round: EngineRound?
    }

    private let settings: TopicLinkSettings
    private let channelSettings: ChannelSettings
    private let mark: UInt64
    private let receive: ([UInt8]) -> Void
    private let statusChanged: (String, Bool) -> Void
    var onHub: (UInt64) -> Void = { _ in }
    /// Hears the topic node's clock just now, in milliseconds since 1970.
    var onClock: (Int64) -> Void = { _ in }
    weak var link: Link?

    private var state = State.closed
    private var inboxes: [Int: EngineInbox] = [:]
    private var reader = TopicFrameReader()
    private var output = ByteWriter()
    private var open: [Key: Open] = [:]
    /// All requests have the same time, so the oldest is due first.
    private var deadlines = FIFO<(atMs: Int64, key: Key)>()
    private var followed: [ChannelName: (relay: Int, options: ChannelOptions)] = [:]
    private var hubNonce: [UInt8] = []
    private var nonce: [UInt8] = []
    private var heardMs: Int64 = 0
    private var hasPinged = false
    private var wasReady = false
    /// The failures to connect that operators have heard of.
    ///
    /// Since the link was there last.
    private var reportedFailures: Set<String> = []
    private(set) var wish = LinkWish.nothing
    /// Reports of this round, by relay.
    private var reports: [Int: [EngineEvent]] = [:]

    init(
        _ settings: TopicLinkSettings, channel: ChannelSettings, mark: UInt64, receive: @escaping ([UInt8]) -> Void,
        statusChanged: @escaping (String, Bool) -> Void
    ) {
        self.settings = settings
        channelSettings = channel
        self.mark = mark
        self.receive = receive
        self.statusChanged = statusChanged
    }

    func add(_ relay: Int, _ inbox: EngineInbox) { inboxes[relay] = inbox }

    // MARK: Orders

    func take(_ orders: [TopicOrder], nowMs: Int64) {
        let round = EngineRound(settings.observe)
        defer { round.seal() }
        for order in orders {
            switch order {
            case .request(let relay, let ticket, let request, let moment):
                take(request, Key(relay: relay, ticket: ticket), moment, nowMs, round)
            case .bus(let node, let bytes): if state == .ready { TopicFrame.bus(node: node, bytes).append(to: &output) }
            }
        }
        deliverReports()
    }

    private func take(
        _ request: EngineRequest, _ key: Key, _ moment: Moment, _ nowMs: Int64, _ round: EngineRound
    ) {
        switch request {
        case .follow(let channel, let options): followed[channel] = (key.relay, options)
        case .unfollow(let channel): followed[channel] = nil
        case .announce: break
        case .publish where state != .ready: return complete(key, .failure(.internalError))
        case .publish, .read, .readBackwards, .removeHistory:
            let deadlineMs = nowMs + settings.requestTimeoutMs
            open[key] = Open(request: request, moment: moment, deadlineMs: deadlineMs)
            if case .publish = request {
                open[key]?.round = round
                round.add()
            }
            deadlines.append((deadlineMs, key))
        }
        if state == .ready { write(request, key, moment) }
    }

    private func write(_ request: EngineRequest, _ key: Key, _ moment: Moment) {
        TopicFrame.request(relay: UInt64(key.relay), ticket: key.ticket, request, moment).append(to: &output)
    }

    private func complete(_ key: Key, _ result: Result<EngineOutcome, ReplyError>) {
        reports[key.relay, default: []].append(.completed(ticket: key.ticket, result))
    }

    private func deliverReports() {
        guard !reports.isEmpty else { return }
        for (relay, events) in reports { inboxes[relay]?.add(events) }
        reports = [:]
    }

    private func reportAll(_ event: EngineEvent) {
        for relay in inboxes.keys { reports[relay, default: []].append(event) }
    }

    // MARK: The link

    func connected(nowMs: Int64) {
        state = .awaitingChallenge
        reader = TopicFrameReader()
        output.removeAll()
        heardMs = nowMs
        hasPinged = false
        wish = .nothing
    }

    func secured(nowMs: Int64) {}

    func disconnected(_ failure: LinkFailure, nowMs: Int64) {
        wish = .nothing
        let address = link?.address.map { "\($0)" } ?? ""
        statusChanged("topic \(address): \(failure)", false)
        guard state == .ready else {
            state = .closed
            if failure != .given, reportedFailures.insert("\(failure)").inserted {
                settings.report("the topic node \(address) is not reached: \(failure)")
            }
            return
        }
        state = .closed
        settings.report("the link to the topic node \(address) is lost: \(failure)")
        reportAll(.linkLost)
        // A publication may have been taken, or not.
        for (key, entry) in open {
            if case .publish = entry.request { fail(key) }
            if case .removeHistory = entry.request { fail(key) }
        }
        deliverReports()
    }

    private func fail(_ key: Key) {
        open.removeValue(forKey: key)?.round?.end(isAnswered: false)
        complete(key, .failure(.internalError))
    }

    /// The node ends.
    func end(nowMs: Int64) {
        state = .closed
        for key in Array(open.keys) { fail(key) }
        deliverReports()
        statusChanged("topic: closed", false)
    }

    func received(_ bytes: UnsafeRawBufferPointer, nowMs: Int64) {
        heardMs = nowMs
        hasPinged = false
        reader.append(bytes)
        do throws(MalformedFrame) {
            while wish == .nothing, let frame = try reader.next() { receive(frame) }
        } catch {
            settings.report("the topic node sends no messages of its protocol: \(error.reason)")
            wish = .reconnect
        }
        deliverReports()
    }

    private func receive(_ frame: TopicFrame) {
        switch frame {
        case .challenge(_, let nonce): challenged(nonce)
        case .welcome(let hub, let code, let wallMs):
            if wallMs > 0 { onClock(wallMs) }
            welcomed(hub, code)
        case .refused(let reason):
            settings.report("the topic node refuses this node: \(reason)")
            wish = .reconnect
        case .completed(let relay, let ticket, let result):
            let key = Key(relay: Int(clamping: relay), ticket: ticket)
            guard let entry = open.removeValue(forKey: key) else { return }
            entry.round?.end(isAnswered: (try? result.get()) != nil)
            complete(key, result)
        case .publication(let channel, let epoch, let publication, let except):
            guard let (relay, options) = followed[channel] else { return }
            let retention = publication.offset > 0 ? StreamRetention(options, channelSettings) : nil
            let delivery = EngineDelivery(publication: publication, epoch: epoch, retention: retention, except: except)
            reports[relay, default: []].append(.publication(channel: channel, delivery))
        case .member(let channel, let change):
            guard let (relay, _) = followed[channel] else { return }
            reports[relay, default: []].append(.member(channel: channel, change))
        case .gap(let channel):
            guard let (relay, _) = followed[channel] else { return }
            reports[relay, default: []].append(.gap(channel: channel))
        case .bus(_, let bytes): receive(bytes)
        case .ping: if state == .ready { TopicFrame.pong.append(to: &output) }
        case .pong, .hello, .request: break
        }
    }

    private func challenged(_ hubNonce: [UInt8]) {
        guard state == .awaitingChallenge, hubNonce.count == TopicProof.nonceSize else {
            wish = .reconnect
            return
        }
        self.hubNonce = hubNonce
        nonce = TopicProof.nonce()
        let code = TopicProof.node(settings.secret, hubNonce: hubNonce, nodeNonce: nonce, mark: mark)
        let hello = TopicHello(mark: mark, name: settings.nodeName, nonce: nonce, code: code)
        TopicFrame.hello(hello).append(to: &output)
        state = .awaitingWelcome
    }

    private func welcomed(_ hub: UInt64, _ code: [UInt8]) {
        guard state == .awaitingWelcome,
            TopicProof.isHub(code, settings.secret, hubNonce: hubNonce, nodeNonce: nonce, hub: hub)
        else {
            settings.report("the topic node does not know the secret")
            wish = .reconnect
            return
        }
        state = .ready
        reportedFailures = []
        link?.proven()
        let address = link?.address.map { "\($0)" } ?? ""
        statusChanged("topic \(address): connected", true)
        onHub(hub)
        let start = Moment(monotonicMs: 0, wallMs: 0)
        for (channel, entry) in followed {
            write(.follow(channel: channel, options: entry.options), Key(relay: entry.relay, ticket: 0), start)
        }
        if wasReady { reportAll(.linkRegained) }
        wasReady = true
        for (key, entry) in open { write(entry.request, key, entry.moment) }
    }

    // MARK: Time and output

    var nextDeadlineMs: Int64 {
        let request = deadlines.first?.atMs ?? .max
        guard state != .closed else { return request }
        return min(request, heardMs + (hasPinged ? 3 : 1) * settings.probeMs)
    }

    func advance(toMs nowMs: Int64) {
        while let first = deadlines.first, first.atMs <= nowMs {
            _ = deadlines.popFirst()
            if open[first.key]?.deadlineMs == first.atMs { fail(first.key) }
        }
        if state != .closed {
            if nowMs - heardMs >= 3 * settings.probeMs {
                wish = .reconnect
            } else if !hasPinged, nowMs - heardMs >= settings.probeMs {
                hasPinged = true
                if state == .ready { TopicFrame.ping.append(to: &output) }
            }
        }
        deliverReports()
    }

    func withOutput(_ body: (UnsafeRawBufferPointer) -> Int) {
        guard output.count > 0, output.withBytes(body) > 0 else { return }
        // The link takes all or nothing.
        if output.count > 1 << 20 { output = ByteWriter() } else { output.removeAll() }
    }
}
