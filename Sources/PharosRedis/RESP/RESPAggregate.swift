/// An aggregate of which elements are still to come.
struct RESPAggregate {
    enum Kind {
        case array, set, push, map
        /// The pairs and then the value that they are about.
        case attribute
    }

    let kind: Kind
    private(set) var missing: Int
    private var elements: [RESPValue] = []

    /// - Parameter count: elements, or pairs, as announced.
    init(_ kind: Kind, count: Int) {
        self.kind = kind
        missing =
            switch kind {
            case .array, .set, .push: count
            case .map: count * 2
            case .attribute: count * 2 + 1
            }
    }

    /// Whether only the value that attributes are about is missing.
    var isBeforeValue: Bool { kind == .attribute && missing == 1 }

    mutating func append(_ element: RESPValue) {
        elements.append(element)
        missing -= 1
    }

    /// The value, once no element is missing.
    consuming func finish() -> RESPValue {
        switch kind {
        case .array: .array(elements)
        case .set: .set(elements)
        case .push: .push(elements)
        case .map: .map(RESPAggregate.pairs(of: elements))
        case .attribute:
            .attributed(attributes: RESPAggregate.pairs(of: elements.dropLast()), value: elements[elements.count - 1])
        }
    }

    private static func pairs(of elements: some RandomAccessCollection<RESPValue>) -> [RESPPair] {
        var pairs: [RESPPair] = []
        pairs.reserveCapacity(elements.count / 2)
        var rest = elements[...]
        while let key = rest.popFirst(), let value = rest.popFirst() { pairs.append(RESPPair(key, value)) }
        return pairs
    }
}
