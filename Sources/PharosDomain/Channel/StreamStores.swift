/// The stores of streams, by name, and the choice of one for a namespace.
///
/// Filled where the server is composed; an engine asks it. A store is shared by all relays, or made anew for each of them.
package struct StreamStores: Sendable {
    private enum Source: Sendable {
        case shared(any DurableStreams)
        case perRelay(@Sendable () -> any DurableStreams)
    }

    /// The store of channels without a history: it keeps only keys and versions.
    package static let memoryName: StoreName = "memory"
    package static let diskName: StoreName = "disk"

    private var sources: [StoreName: Source] = [:]
    /// Used by namespaces with a history that name no store.
    private(set) package var usual = StreamStores.memoryName

    /// - Parameter memory: makes the store in the process' memory, for one relay each.
    package init(memory: @escaping @Sendable () -> any DurableStreams) {
        sources[StreamStores.memoryName] = .perRelay(memory)
    }

    /// Adds a store that all relays share; it becomes the usual one.
    package mutating func add(_ store: any DurableStreams, named name: StoreName) {
        sources[name] = .shared(store)
        usual = name
    }

    /// The stores for one relay.
    package func open() -> [StoreName: any DurableStreams] {
        sources.mapValues { source in
            switch source {
            case .shared(let store): store
            case .perRelay(let make): make()
            }
        }
    }

    /// The name of a channel's store.
    ///
    /// That of its namespace if there is one of this name, else the one in memory.
    package func name(for options: ChannelOptions) -> StoreName {
        guard options.hasHistory else { return StreamStores.memoryName }
        let wanted = options.durability == .asConfigured ? usual : StoreName(options.durability.rawValue)
        return sources[wanted] == nil ? StreamStores.memoryName : wanted
    }

    private var shared: [any DurableStreams] {
        sources.values.compactMap { if case .shared(let store) = $0 { store } else { nil } }
    }

    /// The first failure of any store that relays share; else they work.
    package var health: StoreHealth { shared.lazy.map(\.health).first { $0 != .working } ?? .working }

    /// The reason why confirmed data may be missing since the start; nil: none is.
    package var loss: String? { shared.lazy.compactMap(\.loss).first }
}

/// The clock that the times of a store's operations go by.
package enum StreamClock: Sendable {
    /// Milliseconds since 1970: they mean something after a restart.
    case wall
    /// Milliseconds that never step: for what ends with the process.
    case monotonic
}

extension DurableStreams {
    package var clock: StreamClock { .wall }

    /// Stores with a medium to wait for answer later.
    package func carryOutNow(_ operation: StreamOperation) -> Result<StreamOutcome, ReplyError>? { nil }

    package var answersAtOnce: Bool { false }

    /// Stores with a thread of their own see to that themselves.
    package func expire(nowMs: Int64) {}
}
