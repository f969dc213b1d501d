@testable import PharosRedis

/// The values that pieces of bytes hold, and the error that they end with.
struct Parsed: Equatable {
    var values: [RESPValue] = []
    var error: RESPError?
    var isBetweenValues = true

    var notations: [String] { values.map(\.notation) }

    init(_ pieces: some Sequence<ArraySlice<UInt8>>, limits: RESPLimits = RESPLimits()) {
        var parser = RESPParser(limits: limits)
        for piece in pieces {
            let failed = piece.withUnsafeBytes { piece in
                var input = piece
                do throws(RESPError) {
                    while let value = try parser.next(&input) { values.append(value) }
                } catch {
                    self.error = error
                }
                return error != nil
            }
            if failed { break }
        }
        isBetweenValues = parser.isBetweenValues
    }

    init(_ text: String, limits: RESPLimits = RESPLimits()) {
        self.init(CollectionOfOne(Escapes.bytes(text)[...]), limits: limits)
    }
}

extension Array<UInt8> {
    var everyByte: some Sequence<ArraySlice<UInt8>> { indices.lazy.map { self[$0...$0] } }

    func cut(at index: Int) -> [ArraySlice<UInt8>] { [self[..<index], self[index...]] }

    /// Pieces of 0 to `limit` bytes.
    func randomPieces(limit: Int, using generator: inout some RandomNumberGenerator) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var rest = self[...]
        while !rest.isEmpty {
            let count = Int.random(in: 0...Swift.min(limit, rest.count), using: &generator)
            pieces.append(rest.prefix(count))
            rest = rest.dropFirst(count)
        }
        return pieces
    }
}
