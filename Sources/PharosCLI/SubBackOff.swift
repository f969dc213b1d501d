/// The pauses between attempts to connect.
///
/// They double up to 20 s, and each is a random part of its bound.
///
/// The jitter keeps the clients of a server that went away from coming back all at once.
struct SubBackOff {
    static let firstMs: Int64 = 500
    static let longestMs: Int64 = 20_000

    private var boundMs = SubBackOff.firstMs

    /// The next pause in milliseconds: between a fifth of the bound and the bound.
    mutating func next() -> Int64 {
        var random = SystemRandomNumberGenerator()
        return next(using: &random)
    }

    mutating func next(using random: inout some RandomNumberGenerator) -> Int64 {
        defer { boundMs = min(boundMs * 2, Self.longestMs) }
        return Int64.random(in: boundMs / 5...boundMs, using: &random)
    }

    /// A connection stood: the next pause is short again.
    mutating func reset() {
        boundMs = Self.firstMs
    }
}
