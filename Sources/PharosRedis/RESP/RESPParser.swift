/// The inbound side of one Redis connection: bytes become whole values.
///
/// By the RESP3 specification, whose types include those of RESP2. Not recursive, so that nesting costs no stack; each
/// byte is looked at once and copied at most twice, however it arrives. After an error the parser stays failed, since
/// where the next value begins is unknown. Not thread-safe.
package struct RESPParser: Sendable {
    package let limits: RESPLimits
    private var line = RESPLine()
    /// The payload that is being read.
    private var bulk: RESPBulk?
    /// The aggregates that are not whole, from the outermost.
    private var open: [RESPAggregate] = []
    /// Elements and bytes of the value so far, as announced.
    private var elements = 0
    private var valueBytes = 0
    private var failure: RESPError?

    /// The result of one line or payload.
    private enum Step {
        case needMore
        /// An aggregate has begun, or a payload.
        case begun
        case value(RESPValue)
    }

    package init(limits: RESPLimits = RESPLimits()) { self.limits = limits }

    /// Whether the parser stands between two values.
    package var isBetweenValues: Bool { open.isEmpty && bulk == nil && line.bytes.isEmpty }

    /// Reads on until a value is whole; nil when all of `input` is consumed before.
    ///
    /// What is read is taken from the front of `input`. Throws the first error again whenever it is called afterwards.
    package mutating func next(_ input: inout UnsafeRawBufferPointer) throws(RESPError) -> RESPValue? {
        if let failure { throw failure }
        do throws(RESPError) {
            while true {
                switch try step(&input) {
                case .needMore: return nil
                case .begun: continue
                case .value(let value):
                    if let whole = attach(value) { return whole }
                }
            }
        } catch {
            self = RESPParser(limits: limits)
            failure = error
            throw error
        }
    }

    private mutating func step(_ input: inout UnsafeRawBufferPointer) throws(RESPError) -> Step {
        if let type = bulk?.type {
            guard let payload = try bulk?.take(from: &input) else { return .needMore }
            bulk = nil
            return .value(try RESPParser.value(type, payload: payload))
        }
        guard try line.take(from: &input, limit: limits.lineBytes) else { return .needMore }
        try count(bytes: line.bytes.count)
        let step = try interpretLine()
        line.removeAll()
        return step
    }

    private mutating func interpretLine() throws(RESPError) -> Step {
        switch line.bytes[0] {
        case UInt8(ascii: "$"), UInt8(ascii: "="), UInt8(ascii: "!"): try beginBulk()
        case UInt8(ascii: "*"): try begin(.array)
        case UInt8(ascii: "%"): try begin(.map)
        case UInt8(ascii: "~"): try begin(.set)
        case UInt8(ascii: ">"): try begin(.push)
        case UInt8(ascii: "|"): try begin(.attribute)
        default: .value(try RESPParser.scalar(line.bytes))
        }
    }

    private mutating func beginBulk() throws(RESPError) -> Step {
        let type = line.bytes[0]
        guard let length = try RESPNumber.length(line.bytes) else {
            guard type == UInt8(ascii: "$") else { throw .malformedLength }
            return .value(.null)
        }
        guard length <= limits.bulkBytes else { throw .bulkTooLong }
        if type == UInt8(ascii: "="), length < 4 { throw .malformedVerbatimString }
        try count(bytes: length)
        bulk = RESPBulk(type: type, length: length)
        return .begun
    }

    private mutating func begin(_ kind: RESPAggregate.Kind) throws(RESPError) -> Step {
        guard let count = try RESPNumber.length(line.bytes) else {
            guard kind == .array else { throw .malformedLength }
            return .value(.null)
        }
        guard kind != .push || open.allSatisfy(\.isBeforeValue) else { throw .nestedPush }
        guard count <= limits.elements else { throw .tooManyElements }
        let aggregate = RESPAggregate(kind, count: count)
        elements += aggregate.missing
        guard elements <= limits.elements else { throw .tooManyElements }
        guard aggregate.missing > 0 else { return .value(aggregate.finish()) }
        guard open.count < limits.depth else { throw .tooDeep }
        open.append(aggregate)
        return .begun
    }

    private mutating func count(bytes: Int) throws(RESPError) {
        valueBytes += bytes
        guard valueBytes <= limits.valueBytes else { throw .valueTooLong }
    }

    /// Gives a value to the aggregate that misses it.
    ///
    /// Returns the outermost value once that is whole.
    private mutating func attach(_ value: RESPValue) -> RESPValue? {
        var value = value
        while !open.isEmpty {
            open[open.count - 1].append(value)
            guard open[open.count - 1].missing == 0 else { return nil }
            value = open.removeLast().finish()
        }
        elements = 0
        valueBytes = 0
        return value
    }
}
