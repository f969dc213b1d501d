import CPharosSys
import PharosBytes
import PharosChannels
package import PharosDomain
package import PharosLinks

#if canImport(Glibc)
    import Glibc
#endif

/// The role `topic` of a node: it listens for the links of all nodes. Any thread.
package final class TopicServer: Sendable {
    package enum StartError: Error, Equatable, Sendable, CustomStringConvertible {
        case cannotListen(address: String, port: UInt16, reason: String)

        package var description: String {
            switch self {
            case .cannotListen(let address, let port, let reason):
                "engine.topic: cannot listen on \(address):\(port): \(reason). Only one node has the role topic."
            }
        }
    }

    package let port: UInt16
    /// Names this hub to the nodes, so that a second one is found out.
    package let mark: UInt64
    private let thread: LinkThread
    private let box = HubBox()

    /// Used on the link thread only.
    private final class HubBox: @unchecked Sendable {
        var hub: TopicHub?
    }

    /// Begins to listen.
    ///
    /// - Parameters:
    ///   - thread: does the hub's work; stopped by the caller, after `close`.
    ///   - idempotencyWindowMs: how long a repeated key gets the first answer.
    package init(
        _ settings: TopicHubSettings, stores: StreamStores, channel: ChannelSettings, idempotencyWindowMs: Int64,
        on thread: LinkThread
    ) throws(StartError) {
        let listener = pharos_listen(settings.address, settings.port, 128, 0)
        guard listener >= 0 else {
            throw .cannotListen(
                address: settings.address, port: settings.port, reason: String(cString: strerror(-listener)))
        }
        port = UInt16(clamping: pharos_local_port(listener))
        let mark = UInt64.random(in: 1 ... .max)
        self.mark = mark
        self.thread = thread
        let box = box
        thread.perform { loop in
            let engine = InProcessEngine(stores, settings: channel, idempotencyWindowMs: idempotencyWindowMs) {
                thread.perform { _ in box.hub?.collect() }
            }
            box.hub = TopicHub(settings, mark: mark, listener: listener, engine: engine, on: loop)
        }
    }

    /// Ends all links, and listens no more.
    package func close() {
        let box = box
        thread.perform { _ in
            box.hub?.close()
            box.hub = nil
        }
    }
}
