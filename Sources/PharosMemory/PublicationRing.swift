import PharosDomain

/// The newest publications of one stream, oldest first, each with its end of life.
struct PublicationRing {
    private struct Entry {
        var publication: Publication
        var expiresMs: Int64
    }

    private var entries: [Entry?] = []
    private var head = 0
    private(set) var count = 0

    /// The publication at `index`, counted from the oldest.
    subscript(index: Int) -> Publication {
        precondition(index < count, "the ring holds fewer publications")
        return entries[(head + index) % entries.count]!.publication
    }

    mutating func append(_ publication: Publication, expiresMs: Int64, limit: Int) {
        while count >= limit, count > 0 { dropFirst() }
        guard limit > 0 else { return }
        if count == entries.count { grow(limit) }
        entries[(head + count) % entries.count] = Entry(publication: publication, expiresMs: expiresMs)
        count += 1
    }

    func hasExpired(_ nowMs: Int64) -> Bool {
        count > 0 && entries[head]!.expiresMs <= nowMs
    }

    mutating func dropExpired(_ nowMs: Int64) {
        while hasExpired(nowMs) { dropFirst() }
        if count == 0 { removeAll() }
    }

    mutating func removeAll() {
        entries = []
        head = 0
        count = 0
    }

    private mutating func dropFirst() {
        entries[head] = nil
        head = (head + 1) % entries.count
        count -= 1
    }

    private mutating func grow(_ limit: Int) {
        var grown: [Entry?] = []
        let capacity = min(max(entries.count * 2, 4), max(limit, count + 1))
        grown.reserveCapacity(capacity)
        for index in 0..<count { grown.append(entries[(head + index) % entries.count]) }
        while grown.count < capacity { grown.append(nil) }
        entries = grown
        head = 0
    }
}
