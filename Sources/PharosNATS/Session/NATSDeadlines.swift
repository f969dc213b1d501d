/// Deadlines of tickets, the earliest first: a binary heap.
///
/// A deadline stays when its request ends before it; the owner takes it out when it is the earliest.
struct NATSDeadlines: Sendable {
    struct Entry: Equatable, Sendable {
        var atMs: Int64
        var ticket: UInt64
    }

    private var heap: [Entry] = []

    var count: Int { heap.count }
    var first: Entry? { heap.first }
    /// All of them, the earliest first.
    var ordered: [Entry] { heap.sorted { ($0.atMs, $0.ticket) < ($1.atMs, $1.ticket) } }

    mutating func add(_ atMs: Int64, _ ticket: UInt64) {
        heap.append(Entry(atMs: atMs, ticket: ticket))
        var index = heap.count - 1
        while index > 0 {
            let parent = (index - 1) / 2
            guard heap[index].atMs < heap[parent].atMs else { return }
            heap.swapAt(index, parent)
            index = parent
        }
    }

    mutating func removeFirst() {
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var index = 0
        while true {
            var smallest = index
            for child in 2 * index + 1...2 * index + 2 where child < heap.count {
                if heap[child].atMs < heap[smallest].atMs { smallest = child }
            }
            guard smallest != index else { return }
            heap.swapAt(index, smallest)
            index = smallest
        }
    }

    mutating func removeAll() { heap = [] }
}
