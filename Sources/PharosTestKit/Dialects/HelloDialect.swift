package import PharosBytes
package import PharosDomain
package import PharosProtocol

/// A dialect in which the server speaks first.
///
/// Clients name their events and acknowledge them. For tests only: it shows that the seam fits a client that is spoken to
/// in another order. Each message is an object of JSON.
///
/// | server | client |
/// | --- | --- |
/// | `{"hello":{"client":"…","ping":25}}`, before anything else | `{"token":"…"}`, first of all |
/// | `{"ready":true}`, or `{"error":"…"}` | `{"event":"x","channel":"y","sid":1}` |
/// | `{"sid":1,"ok":true}`, or `{"sid":1,"error":"…"}` | `{"stop":"x","sid":2}` |
/// | `{"event":"x","data":…}` | `{"ack":3}`: the first three events have arrived |
/// | `{"ping":true}` | `{"pong":true}` |
package struct HelloDialect: ClientDialect {
    /// Events that may be sent without having been acknowledged.
    package let window: Int

    package init(window: Int = 4) { self.window = window }

    package var traits: DialectTraits {
        var traits = DialectTraits()
        traits.hasConversations = true
        return traits
    }

    package var selection: DialectSelection {
        var selection = DialectSelection()
        selection.subprotocols = ["hello.v1"]
        return selection
    }

    /// Not called: event names are each client's own, so there are no shared lanes.
    package func encodePublication(
        _ publication: Publication, in channel: ChannelName, epoch: Epoch, form: UInt8, into writer: inout ByteWriter
    ) -> MessageKind { preconditionFailure("this dialect has no shared lanes") }

    package func pings(over framing: TransportFraming, query: UnsafeRawBufferPointer) -> PingStyle { .message }

    package func end(_ reason: Disconnect, over framing: TransportFraming, into writer: inout ByteWriter) -> EndStyle {
        guard framing != .frame else { return .closing(reason) }
        writer.append("{\"bye\":")
        writer.appendDecimal(reason.code)
        writer.append("}")
        return .lastMessage(.text)
    }

    package func converse(_ request: ConversationRequest) throws(ConversationRefusal) -> (any Conversation)? {
        HelloConversation(self, request)
    }
}

/// One connection of `HelloDialect`.
package final class HelloConversation: Conversation {
    private enum State { case greeting, connected, ending, over }

    /// The id of the connect; those of other commands are the client's.
    package static let connectID = UInt32.max

    private let dialect: HelloDialect
    private let framing: TransportFraming
    private let pingSeconds: UInt32
    private var state = State.greeting
    /// Event names that the client has chosen.
    private var names: [ChannelName: String] = [:]
    private var asked: [UInt32: (channel: ChannelName, name: String)] = [:]
    private var sent = 0
    private var acknowledged = 0

    init(_ dialect: HelloDialect, _ request: ConversationRequest) {
        self.dialect = dialect
        (framing, pingSeconds) = (request.framing, request.pingSeconds)
    }

    private var isOpen: Bool { state == .greeting || state == .connected }

    package func opened(as client: ClientName, into output: inout ConversationOutput) {
        say("{\"hello\":{\"client\":\(HelloMessage.quoted(client.text)),\"ping\":\(pingSeconds)}}", &output)
    }

    package func received(
        _ message: UnsafeRawBufferPointer, into output: inout ConversationOutput
    ) throws(MalformedFrame) {
        guard isOpen else { return }
        let message = try HelloMessage(message)
        switch (state, message.kind) {
        case (.greeting, .token(let token)):
            state = .connected
            var connect = ConnectRequest()
            connect.token = token
            output.append(.commands([Command(id: HelloConversation.connectID, request: .connect(connect))]))
        case (.connected, .subscribe(let name, let channel)):
            asked[message.sid] = (channel, name)
            output.append(
                .commands([Command(id: message.sid, request: .subscribe(SubscribeRequest(channel: channel)))]))
        case (.connected, .stop(let name)):
            guard let channel = names.first(where: { $0.value == name })?.key else {
                throw MalformedFrame(reason: "no subscription has this event")
            }
            names[channel] = nil
            output.append(.commands([Command(id: message.sid, request: .unsubscribe(channel: channel))]))
        case (.connected, .acknowledge(let count)):
            guard acknowledged...sent ~= count else { throw MalformedFrame(reason: "no such event was sent") }
            acknowledged = count
        case (.connected, .pong): output.append(.commands([Command(id: 0, request: nil)]))
        default: throw MalformedFrame(reason: "not in this order")
        }
    }

    package func replied(_ reply: Reply, into output: inout ConversationOutput) {
        guard isOpen else { return }
        let subscription = asked.removeValue(forKey: reply.id)
        switch reply.result {
        case .connect: say("{\"ready\":true}", &output)
        case .error(let error):
            let sid = reply.id == HelloConversation.connectID ? "" : "\"sid\":\(reply.id),"
            say("{\(sid)\"error\":\(HelloMessage.quoted(error.message))}", &output)
        case .subscribe(let result):
            say("{\"sid\":\(reply.id),\"ok\":true}", &output)
            guard let (channel, name) = subscription else { return }
            names[channel] = name
            for publication in result.publications { send(publication, name, &output) }
        default: say("{\"sid\":\(reply.id),\"ok\":true}", &output)
        }
    }

    package func pushed(_ push: Push, into output: inout ConversationOutput) {
        switch push.event {
        case .publication(let publication, let epoch):
            published(publication, in: push.channel, epoch: epoch, into: &output)
        case .unsubscribe: names[push.channel] = nil
        default: break
        }
    }

    package func published(
        _ publication: Publication, in channel: ChannelName, epoch: Epoch, into output: inout ConversationOutput
    ) {
        guard let name = names[channel] else { return }
        send(publication, name, &output)
    }

    /// Sends one event, or ends the connection if the window is full.
    private func send(_ publication: Publication, _ name: String, _ output: inout ConversationOutput) {
        guard isOpen else { return }
        guard sent - acknowledged < dialect.window else {
            state = .ending
            return output.append(.disconnect(.slow))
        }
        sent += 1
        say(
            "{\"event\":\(HelloMessage.quoted(name)),\"data\":\(String(decoding: publication.data, as: UTF8.self))}",
            &output)
    }

    package func pinged(into output: inout ConversationOutput) {
        guard isOpen else { return }
        say("{\"ping\":true}", &output)
    }

    package func ended(_ reason: Disconnect, into output: inout ConversationOutput) {
        guard state != .over else { return }
        state = .over
        output.finish(dialect.end(reason, over: framing, into: &output.bytes))
    }

    private func say(_ text: String, _ output: inout ConversationOutput) {
        output.bytes.append(text)
        output.endMessage(.text)
    }
}
