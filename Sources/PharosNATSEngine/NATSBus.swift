import PharosBytes
import PharosCluster
package import PharosLinks
import PharosNATS

/// Carries node messages over core subjects of NATS.
///
/// A node is addressed by `<prefix>.n.<mark in hex>`, all of them by `<prefix>.n.all`. It has a connection of its own,
/// to which the server does not send back what came from it. Any thread.
package final class NATSBus: ClusterBus {
    private struct Outgoing: Sendable {
        var message: [UInt8]
        var node: UInt64?
    }

    private struct State: Sendable {
        var waiting: [Outgoing] = []
        var isLinked = false
    }

    private let thread: LinkThread
    private let state = Locked(State())
    private let worker: BusWorker

    /// - Parameter thread: serves the connection; it has to outlive the bus.
    package init(_ settings: NATSEngineSettings, thread: LinkThread) {
        self.thread = thread
        worker = BusWorker(settings)
    }

    package var isLinked: Bool { state.withLock { $0.isLinked } }

    package func start(node: UInt64, receive: @escaping @Sendable ([UInt8]) -> Void) {
        thread.perform { [worker, state] loop in
            worker.start(node: node, on: loop, receive) { isLinked in state.withLock { $0.isLinked = isLinked } }
        }
    }

    package func send(_ message: [UInt8], to node: UInt64?) {
        let wasEmpty = state.withLock { state in
            state.waiting.append(Outgoing(message: message, node: node))
            return state.waiting.count == 1
        }
        guard wasEmpty else { return }
        thread.perform { [worker, state] _ in
            let taken = state.withLock { state in
                defer { state.waiting = [] }
                return state.waiting
            }
            for outgoing in taken { worker.send(outgoing.message, to: outgoing.node) }
        }
    }

    /// Ends the connection.
    package func close() { thread.perform { [worker] _ in worker.close() } }
}

/// The part of the bus that is used on the link thread only, hence unchecked.
private final class BusWorker: @unchecked Sendable {
    private let settings: NATSEngineSettings
    private var connection: NATSConnection?

    init(_ settings: NATSEngineSettings) { self.settings = settings }

    private func subject(_ node: UInt64?) -> String {
        "\(settings.prefix).n.\(node.map { String($0, radix: 16) } ?? "all")"
    }

    func start(
        node: UInt64, on loop: LinkLoop, _ receive: @escaping @Sendable ([UInt8]) -> Void,
        _ linked: @escaping @Sendable (Bool) -> Void
    ) {
        let connection = NATSConnection(settings, echo: false, name: "pharos bus", on: loop)
        connection.handlers.ready = { _ in linked(true) }
        connection.handlers.lost = { _ in linked(false) }
        connection.handlers.message = { receive($0.payload) }
        let report = settings.report
        connection.handlers.error = { report("nats bus: \($0)") }
        for subject in [subject(node), subject(nil)] { _ = try? connection.subscribe(to: subject) }
        self.connection = connection
    }

    func send(_ message: [UInt8], to node: UInt64?) {
        guard let connection, !connection.isCongested else { return }
        // Lost while the link is down, as the seam has it.
        try? connection.publish(message, to: subject(node))
    }

    func close() {
        connection?.close()
        connection = nil
    }
}
