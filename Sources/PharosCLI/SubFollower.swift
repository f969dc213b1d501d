import CPharosSys
import Glibc
import PharosDomain
import PharosProtocol

/// Follows channels over any number of connections.
///
/// It connects, subscribes, recovers by position, and starts again.
struct SubFollower {
    private let address: WireClientAddress
    private let token: String
    private let printer: SubPrinter
    /// In the order given; a command's id counts them.
    private let channels: [ChannelName]
    /// Channels that the server will not give.
    private var dropped: Set<ChannelName> = []
    /// The position up to which a channel has been printed, where it has positions.
    private var positions: [ChannelName: StreamPosition] = [:]
    private var backOff = SubBackOff()
    /// Seconds between the server's pings; 0: it sends none.
    private var pingSeconds: Int64 = 0

    init(address: WireClientAddress, token: String, channels: [String], printer: SubPrinter) {
        self.address = address
        self.token = token
        self.channels = channels.map { ChannelName($0) }
        self.printer = printer
    }

    /// Follows until an error, and returns only by it.
    ///
    /// The server says that it is of no use to come back, or no channel is left.
    mutating func run() throws(WireClientError) {
        while true {
            let end: String
            do throws(WireClientError) {
                end = try follow(try WireClient.connect(address))
            } catch  where !error.isFinal {
                end = error.description
            }
            let pauseMs = backOff.next()
            let tenths = (pauseMs + 50) / 100
            printer.state("disconnected", "\(end); again in \(tenths / 10).\(tenths % 10) s")
            // Nothing else happens in this process: the pause is the whole of its work.
            var wait = pollfd(fd: -1, events: 0, revents: 0)
            _ = poll(&wait, 1, Int32(clamping: pauseMs))
        }
    }

    /// One connection from its first command to its end; returns why it ended.
    private mutating func follow(_ client: consuming WireClient) throws(WireClientError) -> String {
        try client.send(firstCommands())
        pingSeconds = 0
        while true {
            // A server that pings is silent for longer only when it is gone.
            let patienceMs = pingSeconds > 0 ? pingSeconds * 1000 + 10_000 : Int64.max / 2
            switch try client.receive(untilMs: pharos_monotonic_ms() + patienceMs) {
            case .nothing: return "no sign of life from the server for \(patienceMs / 1000) s"
            case .closed(let code, let reason):
                let explanation = SubPrinter.explain(code: UInt32(code), reason)
                if !Disconnect(code: UInt32(code), reason: "").isReconnect || code == 1009 {
                    throw .final("\(explanation)")
                }
                return explanation
            case .messages(let messages):
                var again: [Command] = []
                for message in messages { try handle(message, &again) }
                if !again.isEmpty { try client.send(again) }
            }
        }
    }

    /// Connect and all subscribes, which the protocol lets a client send at once.
    private func firstCommands() -> [Command] {
        var connect = ConnectRequest()
        connect.token = token
        connect.name = "pharos-sub"
        connect.version = PharosVersion.current
        return [Command(id: 1, request: .connect(connect))]
            + channels.filter { !dropped.contains($0) }.map { subscribe($0) }
    }

    /// The id of a subscribe stands for its channel: 2 for the first one.
    private func subscribe(_ channel: ChannelName) -> Command {
        var request = SubscribeRequest(channel: channel)
        request.joinLeave = true
        request.recoverable = true
        request.positioned = true
        if let position = positions[channel] {
            request.recover = true
            request.epoch = position.epoch
            request.offset = position.offset
        }
        let index = channels.firstIndex(of: channel) ?? 0
        return Command(id: UInt32(index + 2), request: .subscribe(request))
    }

    private mutating func handle(_ message: ServerMessage, _ again: inout [Command]) throws(WireClientError) {
        switch message {
        case .ping: break
        case .reply(let reply): try handle(reply)
        case .push(let push): try handle(push, &again)
        }
    }

    private mutating func handle(_ reply: Reply) throws(WireClientError) {
        switch reply.result {
        case .connect(let result):
            pingSeconds = Int64(result.ping)
            backOff.reset()
            printer.state("connected", "client \(result.client), server \(result.version)")
        case .subscribe(let result):
            guard let channel = channel(of: reply.id) else { return }
            printer.subscribed(channel, result)
            for publication in result.publications { printer.publication(channel, publication) }
            if result.recoverable || result.positioned {
                let last = result.publications.last?.offset ?? result.offset
                positions[channel] = StreamPosition(offset: max(last, result.offset), epoch: result.epoch)
            }
        case .error(let error) where reply.id == 1:
            let text = "connect: \(error.message) (\(error.code))"
            if error.isTemporary { throw WireClientError(text) }
            throw .final(error.code == 109 ? "the token has expired (109); give a new one with --token" : text)
        case .error(let error):
            guard let channel = channel(of: reply.id) else { return }
            if error.isTemporary { throw WireClientError("\(channel): \(error.message) (\(error.code))") }
            if error.code == 112 { positions[channel] = nil }
            try drop(channel, "\(error.message) (\(error.code))")
        default: break
        }
    }

    private mutating func handle(_ push: Push, _ again: inout [Command]) throws(WireClientError) {
        switch push.event {
        case .publication(let publication, let epoch):
            printer.publication(push.channel, publication)
            if var position = positions[push.channel], publication.offset > 0 {
                position.offset = publication.offset
                if !epoch.isEmpty { position.epoch = epoch }
                positions[push.channel] = position
            }
        case .join(let info): printer.presence(push.channel, "join", info)
        case .leave(let info): printer.presence(push.channel, "leave", info)
        case .unsubscribe(let reason):
            guard channels.contains(push.channel) else { return }
            printer.state("unsubscribed", "\(push.channel): \(reason.reason) (\(reason.code))")
            // From 2500 on a client subscribes again by itself.
            if reason.code >= 2500 {
                again.append(subscribe(push.channel))
            } else {
                try drop(push.channel, "ended by the server")
            }
        case .message(let data): printer.message(data)
        case .disconnect(let disconnect):
            printer.state("disconnecting", SubPrinter.explain(code: disconnect.code, disconnect.reason))
        case .subscribe: printer.state("subscribed", "\(push.channel): by the server")
        case .connect, .refresh: break
        }
    }

    private func channel(of id: UInt32) -> ChannelName? {
        let index = Int(id) - 2
        return channels.indices.contains(index) ? channels[index] : nil
    }

    /// Gives a channel up; without any left there is nothing to do.
    private mutating func drop(_ channel: ChannelName, _ why: String) throws(WireClientError) {
        printer.state("refused", "\(channel): \(why)")
        positions[channel] = nil
        dropped.insert(channel)
        if dropped.count == channels.count { throw .final("no channel is left") }
    }
}
