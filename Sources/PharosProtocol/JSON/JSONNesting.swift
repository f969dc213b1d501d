/// The arrays and objects that are open where a JSON text is being read.
protocol JSONContainers {
    var isEmpty: Bool { get }
    /// Whether another one may be entered.
    var hasRoom: Bool { get }
    /// Whether the innermost is an object.
    var isInObject: Bool { get }
    mutating func enter(isObject: Bool)
    mutating func leave()
}

/// Up to `JSONGrammar.depthLimit` open containers.
///
/// One bit each fits one word, and nothing is allocated.
struct JSONNesting: JSONContainers {
    private var depth = 0
    /// The lowest bit is the innermost.
    private var objects: UInt64 = 0

    var isEmpty: Bool { depth == 0 }
    var hasRoom: Bool { depth < JSONGrammar.depthLimit }
    var isInObject: Bool { objects & 1 == 1 }

    mutating func enter(isObject: Bool) {
        depth += 1
        objects = objects << 1 | (isObject ? 1 : 0)
    }

    mutating func leave() {
        depth -= 1
        objects >>= 1
    }
}

/// Any number of them; only for what is being refused.
struct JSONDeepNesting: JSONContainers {
    private var objects: [Bool] = []

    var isEmpty: Bool { objects.isEmpty }
    var hasRoom: Bool { true }
    var isInObject: Bool { objects.last ?? false }

    mutating func enter(isObject: Bool) { objects.append(isObject) }
    mutating func leave() { objects.removeLast() }
}
