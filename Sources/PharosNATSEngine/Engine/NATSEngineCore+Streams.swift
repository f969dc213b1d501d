import CPharosSys
import PharosDomain
import PharosNATS

/// Streams: looked up and made when they are first needed.
extension NATSEngineCore {
    /// Calls `body` when the stream is there, or cannot be had.
    ///
    /// The first one of a class is made first and tells whether another number of streams is in use.
    func use(_ id: StreamID, _ body: @escaping (StreamUse) -> Void) {
        if !streams.isKnown(id), let historyRefusal { return body(.refused(historyRefusal)) }
        switch streams.use(id, body) {
        case .known(let use): return body(use)
        case .wait: return
        case .ask: break
        }
        guard id.part != 0 else { return look(for: id, mayCreate: true) }
        use(StreamID(id.retention, part: 0)) { [unowned self] use in
            if case .ready = use { look(for: id, mayCreate: true) } else { found(id, use) }
        }
    }

    private func found(_ id: StreamID, _ use: StreamUse) {
        for body in streams.found(id, use) { body(use) }
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
        for id in streams.ready {
            guard let subject = try? api.streamInfo(names.stream(id)) else { continue }
            ask(subject, []) { [unowned self] answer in
                guard let answer, let description = try? StreamDescription(answer) else { return }
                clocks[id, default: ServerClock()].note(description.timeMs, nowMs: nowMs)
            }
        }
    }
}
