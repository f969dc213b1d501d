import PharosDomain

/// The queues by origin and the connected clients.
///
/// `MemoryEventLog` keeps it behind its lock.
struct MemoryEventState: Sendable {
    typealias Reader = CheckedContinuation<[NumberedEvent], Never>

    private struct Queue {
        /// Those before `first` were acknowledged.
        var events: [NumberedEvent] = []
        var first = 0
        var reader: (Reader, EventBatchLimits)?
    }

    private let rules: EventRules
    private var queues: [OriginName: Queue] = [:]
    private var isReleased = false
    private(set) var sequence: UInt64 = 0
    private(set) var totals = EventTotals()
    private(set) var presence = ConnectedClients()

    init(_ rules: EventRules) {
        self.rules = rules
    }

    /// The reader that waited for it, if one did, and what it gets.
    mutating func record(_ event: OriginEvent) -> (reader: Reader, events: [NumberedEvent])? {
        presence.apply(event)
        totals.recorded += 1
        guard let target = rules.target(of: event) else { return nil }
        // The dispatcher moves what is too much to the dead-letter log long before this.
        guard totals.waitingBytes <= 3 * rules.maxSize + 1_048_576 else {
            totals.lost += 1
            return nil
        }
        sequence += 1
        totals.waiting += 1
        totals.waitingBytes += event.size
        queues[target, default: Queue()].events.append(NumberedEvent(sequence: sequence, event: event))
        guard let (reader, limits) = queues[target]?.reader else { return nil }
        queues[target]?.reader = nil
        return (reader, oldest(of: target, limits))
    }

    /// The next events; nil: there are none yet, and `reader` will get them.
    mutating func next(
        for origin: OriginName, after acknowledged: UInt64, _ limits: EventBatchLimits, _ reader: Reader
    ) -> [NumberedEvent]? {
        forget(origin, upTo: acknowledged)
        let events = oldest(of: origin, limits)
        if !events.isEmpty || isReleased { return events }
        queues[origin, default: Queue()].reader = (reader, limits)
        return nil
    }

    mutating func release() -> [Reader] {
        isReleased = true
        var readers: [Reader] = []
        for (origin, queue) in queues {
            if let reader = queue.reader { readers.append(reader.0) }
            queues[origin]?.reader = nil
        }
        return readers
    }

    private mutating func forget(_ origin: OriginName, upTo acknowledged: UInt64) {
        guard var queue = queues.removeValue(forKey: origin) else { return }
        while queue.first < queue.events.count, queue.events[queue.first].sequence <= acknowledged {
            totals.waiting -= 1
            totals.waitingBytes -= queue.events[queue.first].event.size
            queue.first += 1
        }
        // Moving the rest up costs as much as was forgotten since the last time.
        if queue.first * 2 >= queue.events.count {
            queue.events.removeFirst(queue.first)
            queue.first = 0
        }
        queues[origin] = queue
    }

    private func oldest(of origin: OriginName, _ limits: EventBatchLimits) -> [NumberedEvent] {
        guard let queue = queues[origin] else { return [] }
        var bytes = 0
        let events = queue.events[queue.first...].prefix(limits.count).prefix { event in
            bytes += event.event.size
            return bytes <= limits.bytes
        }
        return events.isEmpty ? Array(queue.events[queue.first...].prefix(1)) : Array(events)
    }
}
