/// The events that are recorded, remembered and sent, and their origins.
///
/// All of it follows from the settings alone.
package struct EventRules: Equatable, Sendable {
    /// The kinds of events to be recorded.
    ///
    /// These are the ones that are sent, and those that must be known to send them after a crash.
    package let kinds: Set<OriginEvent.Kind>
    /// Bytes of events that may wait before new clients are refused.
    package let maxSize: Int
    /// Whether occupied channels are kept, to be told as vacated after a crash.
    ///
    /// Where several nodes are one server, the others tell that.
    package let remembersChannels: Bool
    private let told: Set<OriginEvent.Kind>
    /// Gets all events but those of raw connections.
    package let eventsTo: OriginName
    /// Origins of raw paths.
    private let rawOrigins: Set<OriginName>

    /// Derives the rules from the settings.
    ///
    /// Clients are remembered as soon as any event of connections is sent; the channels that each one is in, as soon as
    /// `subscribed` or `unsubscribed` is; the occupied channels with `occupied` or `vacated`.
    ///
    /// - Parameter isOneOfSeveral: whether this process is one node of a cluster.
    package init(_ settings: HookSettings, isOneOfSeveral: Bool = false) {
        remembersChannels = !isOneOfSeveral
        eventsTo = settings.eventsTo
        maxSize = settings.eventsMaxSize
        rawOrigins = Set(settings.raw.map(\.origin).filter { !$0.isEmpty })
        told = settings.eventsTo.isEmpty ? [] : settings.events.subtracting([.rawEstablished, .rawClosed])
        var kinds: Set<OriginEvent.Kind> = []
        let reports = settings.keepAliveInterval > 0 && !settings.eventsTo.isEmpty
        if reports || !told.isDisjoint(with: [.connected, .disconnected, .subscribed, .unsubscribed]) {
            kinds.formUnion([.connected, .disconnected])
        }
        if !told.isDisjoint(with: [.subscribed, .unsubscribed]) { kinds.formUnion([.subscribed, .unsubscribed]) }
        if !told.isDisjoint(with: [.occupied, .vacated]) { kinds.formUnion([.occupied, .vacated]) }
        if !rawOrigins.isEmpty { kinds.formUnion([.rawEstablished, .rawClosed]) }
        self.kinds = kinds
    }

    /// The origins that events are sent to.
    package var origins: [OriginName] {
        var origins = rawOrigins
        if !eventsTo.isEmpty { origins.insert(eventsTo) }
        return origins.sorted()
    }

    /// Whether the log has any use for an event.
    ///
    /// The events of a raw connection without an origin have no receiver.
    package func isRecorded(_ event: OriginEvent) -> Bool {
        kinds.contains(event.kind) && !(event.kind.isOfRawConnection && event.origin.isEmpty)
    }

    /// The origin that the event is sent to; nil: there is none.
    package func target(of event: OriginEvent) -> OriginName? {
        switch event.kind {
        case .rawEstablished: nil
        case .rawClosed: event.origin.isEmpty ? nil : event.origin
        default: told.contains(event.kind) ? eventsTo : nil
        }
    }

    /// Whether events of `kind` are sent to `eventsTo`.
    package func tells(_ kind: OriginEvent.Kind) -> Bool { told.contains(kind) }
}

extension OriginEvent.Kind {
    package var isOfRawConnection: Bool { self == .rawEstablished || self == .rawClosed }
}
