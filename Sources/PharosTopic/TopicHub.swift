import CPharosSys
import PharosBytes
import PharosChannels
import PharosDomain
import PharosLinks
import PharosProtocol

/// The engine of a cluster that needs no broker: on the node with the role `topic`.
///
/// It numbers and keeps the publications of all channels with the engine of a single node, passes them on to the nodes that
/// follow the channel, and carries the messages between nodes. Used on the link thread only.
final class TopicHub {
    private let settings: TopicHubSettings
    let mark: UInt64
    private let loop: LinkLoop
    private let engine: InProcessEngine
    private var links: [UInt64: TopicHubLink] = [:]
    private var nextLink: UInt64 = 1
    private var followers: [ChannelName: [UInt64]] = [:]
    private var waits = TicketTable<Wait>()
    private var events: [EngineEvent] = []
    private let listener: Int32
    private var watch: UInt64 = 0
    private var flusher: UInt64 = 0
    private var isClosed = false
    private var scratch = ByteWriter()

    /// A request of a node that is not answered yet.
    private struct Wait {
        var link: UInt64
        var relay: UInt64
        var ticket: UInt64
    }

    /// - Parameter listener: a listening socket, which belongs to the hub from now on.
    init(_ settings: TopicHubSettings, mark: UInt64, listener: Int32, engine: InProcessEngine, on loop: LinkLoop) {
        self.settings = settings
        self.mark = mark
        self.listener = listener
        self.engine = engine
        self.loop = loop
        watch = loop.watch(listener, PHAROS_READ) { [weak self] _ in self?.accept() }
        flusher = loop.addFlusher { [weak self] _ in self?.flush() }
        scheduleTick()
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        loop.forget(listener, watch)
        _ = pharos_close(listener)
        loop.removeFlusher(flusher)
        for link in links.values { link.close() }
        links = [:]
    }

    private var now: Moment { Moment(monotonicMs: loop.nowMs, wallMs: pharos_wall_ms()) }

    // MARK: Links

    private func accept() {
        while true {
            let descriptor = pharos_accept(listener)
            guard descriptor >= 0 else { return }
            let socket = LinkSocket(accepted: descriptor, tls: settings.tls, loop)
            let link = TopicHubLink(nextLink, socket, nowMs: loop.nowMs)
            nextLink += 1
            links[link.number] = link
            socket.handler = { [weak self, weak link] event in
                guard let self, let link, !link.isClosed else { return }
                self.handle(event, link)
            }
        }
    }

    private func handle(_ event: LinkSocket.Event, _ link: TopicHubLink) {
        switch event {
        case .connected, .secured: link.write(.challenge(version: TopicFrame.version, nonce: link.nonce))
        case .received(let bytes):
            link.heardMs = loop.nowMs
            link.reader.append(bytes)
            do throws(MalformedFrame) {
                while !link.isClosed, let frame = try link.reader.next() { receive(frame, link) }
            } catch {
                settings.report("a link of the topic node is ended: \(error.reason)")
                end(link)
            }
        case .ended: end(link)
        }
    }

    private func end(_ link: TopicHubLink) {
        guard links.removeValue(forKey: link.number) != nil else { return }
        for channel in link.followed { unfollow(channel, link) }
        link.close()
    }

    private func receive(_ frame: TopicFrame, _ link: TopicHubLink) {
        if case .hello(let hello) = frame { return receive(hello, link) }
        guard link.isReady else { return refuse(link, "a message before the introduction") }
        switch frame {
        case .request(let relay, let ticket, let request, let moment):
            carryOut(request, Wait(link: link.number, relay: relay, ticket: ticket), moment, link)
        case .bus(let node, let bytes):
            for other in links.values where other.isReady && other.number != link.number {
                if node == 0 || other.mark == node { other.write(.bus(node: node, bytes)) }
            }
        case .ping: link.write(.pong)
        default: break
        }
    }

    private func receive(_ hello: TopicHello, _ link: TopicHubLink) {
        guard !link.isReady else { return }
        guard hello.version == TopicFrame.version else {
            return refuse(link, "this node speaks version \(TopicFrame.version), not \(hello.version)")
        }
        let isProven = TopicProof.isNode(
            hello.code, settings.secret, hubNonce: link.nonce, nodeNonce: hello.nonce, mark: hello.mark)
        guard isProven else {
            settings.report("a link of the topic node is refused: wrong secret")
            return refuse(link, "wrong secret")
        }
        link.state = .ready(mark: hello.mark, name: hello.name)
        link.reader.limit = TopicFrame.limit
        let code = TopicProof.hub(settings.secret, hubNonce: link.nonce, nodeNonce: hello.nonce, hub: mark)
        link.write(.welcome(hub: mark, code: code, wallMs: now.wallMs))
        settings.report("node \(hello.name) is linked to the topic node")
    }

    private func refuse(_ link: TopicHubLink, _ reason: String) {
        link.write(.refused(reason))
        end(link)
    }

    // MARK: Requests

    private func carryOut(_ request: EngineRequest, _ wait: Wait, _ moment: Moment, _ link: TopicHubLink) {
        switch request {
        case .follow(let channel, _):
            guard link.followed.insert(channel).inserted else { return }
            followers[channel, default: []].append(link.number)
        case .unfollow(let channel):
            link.followed.remove(channel)
            unfollow(channel, link)
        case .announce: submit(request, ticket: 0, moment)
        case .publish, .read, .readBackwards, .removeHistory: submit(request, ticket: waits.add(wait), moment)
        }
    }

    private func unfollow(_ channel: ChannelName, _ link: TopicHubLink) {
        guard var list = followers[channel] else { return }
        list.removeAll { $0 == link.number }
        followers[channel] = list.isEmpty ? nil : list
    }

    private func submit(_ request: EngineRequest, ticket: UInt64, _ moment: Moment) {
        engine.submit(request, ticket: ticket, at: settings.trustsClocks ? moment : now, into: &events)
        report()
    }

    /// A store has completed something.
    func collect() {
        guard !isClosed else { return }
        engine.collect(at: now, into: &events)
        report()
    }

    private func report() {
        var taken: [EngineEvent] = []
        swap(&taken, &events)
        for event in taken {
            switch event {
            case .completed(let ticket, let result):
                guard let wait = waits.take(ticket), let link = links[wait.link] else { continue }
                link.write(.completed(relay: wait.relay, ticket: wait.ticket, result))
            case .publication(let channel, let delivery):
                let frame = TopicFrame.publication(
                    channel: channel, epoch: delivery.epoch, delivery.publication, except: delivery.except)
                pass(frame, to: channel)
            case .member(let channel, let change): pass(.member(channel: channel, change), to: channel)
            case .gap(let channel): pass(.gap(channel: channel), to: channel)
            case .linkLost, .linkRegained: break
            }
        }
    }

    /// Encodes a message once for all that follow the channel.
    private func pass(_ frame: TopicFrame, to channel: ChannelName) {
        guard let followers = followers[channel] else { return }
        frame.append(to: &scratch)
        for number in followers { scratch.withBytes { links[number]?.write($0) } }
        scratch.removeAll()
    }

    // MARK: Time and output

    private func flush() {
        for link in Array(links.values) {
            link.flush()
            // It comes back, and repairs what it has missed.
            if link.pendingBytes > settings.outputLimit {
                settings.report("a link of the topic node is ended: the node does not read")
                end(link)
            }
        }
    }

    private func scheduleTick() {
        loop.after(1_000) { [weak self] in
            guard let self, !self.isClosed else { return }
            self.tick()
            self.scheduleTick()
        }
    }

    private func tick() {
        if !settings.trustsClocks { engine.expire(at: now) }
        let now = loop.nowMs
        for link in Array(links.values) {
            let isLate = !link.isReady && now - link.beganMs > settings.helloTimeoutMs
            if isLate || now - link.heardMs > settings.silenceMs { end(link) }
        }
    }
}
