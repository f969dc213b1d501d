import PharosDomain
import PharosProtocol

/// The newest events of one client, numbered from 1.
///
/// Sent or not, they are kept until newer ones push them out.
struct StreamedEvents: Sendable {
    enum Event: Sendable {
        case publication(topic: ChannelName, PharosDomain.Publication)
        case failure(EventStreamFailure)

        var size: Int {
            switch self {
            case .publication(_, let publication): publication.data.count
            case .failure: 64
            }
        }
    }

    private let limit: Int
    private let byteLimit: Int
    private var kept: [Event] = []
    /// Places of `kept` that are free already.
    private var head = 0
    private var bytes = 0
    /// Number of the oldest that is kept, and of the one that comes next.
    private(set) var first: UInt64 = 1

    init(limit: Int, byteLimit: Int) {
        self.limit = max(limit, 1)
        self.byteLimit = byteLimit
    }

    var next: UInt64 { first + UInt64(kept.count - head) }

    mutating func append(_ event: Event) {
        kept.append(event)
        bytes += event.size
        while kept.count - head > limit || (bytes > byteLimit && kept.count - head > 1) {
            bytes -= kept[head].size
            head += 1
            first += 1
        }
        // Rarely, so that it costs little per event; until then what is gone takes as much memory as what is kept.
        if head > kept.count / 2, head > 32 {
            kept.removeFirst(head)
            head = 0
        }
    }

    /// At most `limit` events from `number` on, which must not be gone.
    func read(from number: UInt64, limit: Int) -> ArraySlice<Event> {
        let start = head + Int(number - first)
        return kept[start..<min(start + limit, kept.count)]
    }

    mutating func removeAll() {
        first = next
        kept = []
        (head, bytes) = (0, 0)
    }
}
