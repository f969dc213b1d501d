import CPharosSys
import PharosDomain
import PharosNATS

/// The state of a stream, as far as this node knows.
enum StreamState {
    /// It is asked for; these wait.
    case asking([(StreamUse) -> Void])
    case ready
    /// It cannot be used until the link is made anew.
    case refused(ReplyError)
}

/// Whether a stream can be used.
enum StreamUse {
    case ready, later
    case refused(ReplyError)
}

/// Streams: looked up and made when first needed, and read at their leaders.
extension NATSEngineCore {
    /// The oldest server that has atomic batches as this engine needs them.
    private static let oldestServer = [2, 12, 1]

    /// Looks at the server that a connection has led to.
    func checkServer(_ info: NATSInfo) {
        let numbers = info.version.split(separator: "-")[0].split(separator: ".").map { Int($0) ?? 0 }
        let isOld = numbers.lexicographicallyPrecedes(NATSEngineCore.oldestServer)
        if isOld {
            let text = "history needs nats-server 2.12.1 or newer, this one is \(info.version)"
            historyRefusal = ReplyError(code: ReplyError.notAvailable.code, message: text)
            settings.report("nats: \(text)")
        } else {
            historyRefusal = nil
        }
        streams = streams.filter { if case .refused = $0.value { false } else { true } }
    }

    // MARK: Making them

    /// Calls `body` when the stream is there, or cannot be had.
    ///
    /// The first one of a class is made first and tells whether another number of streams is in use.
    func use(_ id: StreamID, _ body: @escaping (StreamUse) -> Void) {
        switch streams[id] {
        case .ready: return body(.ready)
        case .refused(let error): return body(.refused(error))
        case .asking(let waiting):
            streams[id] = .asking(waiting + [body])
            return
        case nil: break
        }
        if let historyRefusal { return body(.refused(historyRefusal)) }
        streams[id] = .asking([body])
        guard id.part != 0 else { return look(for: id, mayCreate: true) }
        use(StreamID(id.retention, part: 0)) { [unowned self] use in
            if case .ready = use { look(for: id, mayCreate: true) } else { found(id, use) }
        }
    }

    private func found(_ id: StreamID, _ use: StreamUse) {
        guard case .asking(let waiting) = streams[id] else { return }
        switch use {
        case .ready: streams[id] = .ready
        case .later: streams[id] = nil
        case .refused(let error): streams[id] = .refused(error)
        }
        for body in waiting { body(use) }
    }

    private func look(for id: StreamID, mayCreate: Bool) {
        guard let subject = try? api.streamInfo(names.stream(id)) else { return found(id, .later) }
        ask(subject, []) { [unowned self] answer in
            guard let answer else { return found(id, .later) }
            switch try? JetStreamError.find(in: answer) {
            case nil: accept(answer, id)
            case .some(let error) where error.reason == JetStreamError.streamNotFound && mayCreate: create(id)
            case .some(let error): later(id, error)
            }
        }
    }

    private func create(_ id: StreamID) {
        let configuration = StreamConfiguration(id: id, names: names, settings: settings)
        guard let subject = try? api.createStream(names.stream(id)) else { return found(id, .later) }
        ask(subject, configuration.creation(wallMs: pharos_wall_ms())) { [unowned self] answer in
            guard let answer else { return found(id, .later) }
            switch try? JetStreamError.find(in: answer) {
            case nil: accept(answer, id)
            // Another node was faster.
            case .some(let error) where error.reason == 10_058: look(for: id, mayCreate: false)
            case .some(let error): later(id, error)
            }
        }
    }

    private func later(_ id: StreamID, _ error: JetStreamError) {
        settings.report("nats: stream \(names.stream(id)): \(error.text) (\(error.reason))")
        found(id, .later)
    }

    private func accept(_ answer: [UInt8], _ id: StreamID) {
        guard let description = try? StreamDescription(answer) else { return found(id, .later) }
        clocks[id, default: ServerClock()].note(description.timeMs, nowMs: nowMs)
        let configuration = StreamConfiguration(id: id, names: names, settings: settings)
        guard let objection = configuration.objection(to: description) else { return found(id, .ready) }
        settings.report("nats: \(objection)")
        found(id, .refused(.internalError))
    }

    /// Asks the leaders of the streams in use for their time.
    func askTimes() {
        for (id, state) in streams {
            guard case .ready = state, let subject = try? api.streamInfo(names.stream(id)) else { continue }
            ask(subject, []) { [unowned self] answer in
                guard let answer, let description = try? StreamDescription(answer) else { return }
                clocks[id, default: ServerClock()].note(description.timeMs, nowMs: nowMs)
            }
        }
    }

    // MARK: Asking

    /// Asks the JetStream API; nil: no answer.
    func ask(_ subject: String, _ json: [UInt8], _ body: @escaping ([UInt8]?) -> Void) {
        connection.request(json, to: subject, timeoutMs: max(settings.requestTimeoutMs / 2, 1)) { answer in
            if case .messages(let messages) = answer { body(messages.last?.payload) } else { body(nil) }
        }
    }

    /// Reads one message at the stream's leader.
    ///
    /// - Parameter json: the members of the request that say which one.
    func readAtLeader(_ id: StreamID, _ json: String, _ body: @escaping (ChannelWriter.Last) -> Void) {
        readRaw(id, json) { [unowned self] stored in
            switch stored {
            case nil: body(.failed)
            case .some(nil): body(.none)
            case .some(.some(let raw)):
                if let message = StoredMessage(raw) { return body(.message(message)) }
                settings.report("nats: a message on \(raw.subject) is none of this server's")
                body(.failed)
            }
        }
    }

    /// The same for any message; nil: no answer.
    ///
    /// - Parameter mayCreate: whether a stream that turns out to be gone is made anew.
    func readRaw(
        _ id: StreamID, _ json: String, mayCreate: Bool = true, _ body: @escaping (JetStreamStoredMessage??) -> Void
    ) {
        use(id) { [unowned self] use in
            guard case .ready = use, let subject = try? api.getMessage(names.stream(id)) else { return body(nil) }
            ask(subject, Array(json.utf8)) { [unowned self] answer in
                guard let answer, let read = try? JetStreamStoredMessage.read(answer) else { return body(nil) }
                switch read {
                case .success(let message): body(.some(message))
                case .failure(let error) where error.reason == JetStreamError.messageNotFound: body(.some(nil))
                case .failure(let error):
                    guard error.reason == JetStreamError.streamNotFound else { return body(nil) }
                    streams[id] = nil
                    mayCreate ? readRaw(id, json, mayCreate: false, body) : body(nil)
                }
            }
        }
    }

    func readLast(_ channel: ChannelName, _ id: StreamID, _ body: @escaping (ChannelWriter.Last) -> Void) {
        readAtLeader(id, #"{"last_by_subj":"\#(names.channel(channel, id))"}"#, body)
    }

    func readNext(
        _ channel: ChannelName, after sequence: UInt64, _ id: StreamID, _ body: @escaping (ChannelWriter.Last) -> Void
    ) {
        readAtLeader(id, #"{"seq":\#(sequence + 1),"next_by_subj":"\#(names.channel(channel, id))"}"#, body)
    }
}
