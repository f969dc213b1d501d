/// Finds the name somebody probably meant.
package enum Suggestion {
    /// The candidate nearest to `unknown`.
    ///
    /// nil if none is near enough to be worth naming.
    ///
    /// Near is a small edit distance, or the same end: `port` and `server_port` both lead to `http_server.port`.
    package static func closest(to unknown: String, among candidates: [String]) -> String? {
        let limit = max(1, min(3, unknown.utf8.count / 4))
        var best: (name: String, distance: Int)?
        for name in candidates {
            let distance = editDistance(unknown, name)
            if distance <= limit, distance < best?.distance ?? .max { best = (name, distance) }
        }
        if let best { return best.name }
        let ending = "_" + flattened(unknown)
        return candidates.filter { ("_" + flattened($0)).hasSuffix(ending) }.min { $0.utf8.count < $1.utf8.count }
    }

    /// Damerau-Levenshtein distance in bytes.
    ///
    /// It counts inserting, deleting, replacing, and swapping two neighbours.
    package static func editDistance(_ left: String, _ right: String) -> Int {
        let left = Array(left.utf8.prefix(nameLimit)), right = Array(right.utf8.prefix(nameLimit))
        if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
        var beforeLast = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        for i in 1...left.count {
            var row = [i] + [Int](repeating: 0, count: right.count)
            for j in 1...right.count {
                let same = left[i - 1] == right[j - 1]
                row[j] = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1))
                if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] {
                    row[j] = min(row[j], beforeLast[j - 2] + 1)
                }
            }
            (beforeLast, last) = (last, row)
        }
        return last[right.count]
    }

    /// Names longer than this many bytes are compared by their beginning.
    private static let nameLimit = 128

    private static func flattened(_ name: String) -> String {
        String(name.map { $0 == "." ? "_" : $0 })
    }
}
