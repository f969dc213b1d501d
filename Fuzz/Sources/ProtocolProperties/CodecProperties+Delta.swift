import PharosBytes
import PharosProtocol

extension CodecProperties {
    /// A delta of any two texts makes the second out of the first.
    ///
    /// Of texts in UTF-8 it is UTF-8. A delta that is applied at all has the length announced, and nothing grows beyond
    /// the limit.
    ///
    /// The first byte says where the input is cut in two.
    package static func delta(_ input: UnsafeRawBufferPointer) -> String? {
        guard let first = input.first else { return nil }
        let rest = Array(input[1...])
        let cut = rest.count * Int(first) / 256
        let (base, other) = (Array(rest[..<cut]), Array(rest[cut...]))
        return apply(other, to: base) ?? create(from: base, to: other) ?? create(from: other, to: base)
    }

    private static func apply(_ delta: [UInt8], to base: [UInt8]) -> String? {
        let limit = 65_536
        guard let target = try? FossilDelta.apply(delta, to: base, limit: limit) else { return nil }
        guard target.count <= limit else { return "longer than the limit" }
        return create(from: base, to: target)
    }

    private static func create(from base: [UInt8], to target: [UInt8]) -> String? {
        var writer = ByteWriter()
        FossilDelta.create(from: base, to: target, into: &writer)
        let delta = writer.array
        // Two numbers of 32 bits, the two characters after them, and one insert of everything.
        guard delta.count <= target.count + 6 + 1 + 6 + 1 + 6 + 1 else { return "a delta longer than one insert" }
        guard (try? FossilDelta.apply(delta, to: base, limit: target.count)) == target else {
            return "a delta makes something else"
        }
        guard isUTF8(base), isUTF8(target) else { return nil }
        return isUTF8(delta) ? nil : "a delta of texts is no text"
    }

    private static func isUTF8(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }
}
