import PharosNATS
import PharosRedis

/// The properties of the parsers of brokers' protocols for any input.
///
/// Each function says which property is violated, or nil. The first byte of an input says where the rest is cut.
package enum BrokerProperties {
    /// Messages of a NATS server are the same whole, cut in two, and byte by byte.
    package static func nats(_ input: UnsafeRawBufferPointer) -> String? {
        guard let first = input.first else { return nil }
        let stream = Array(input.dropFirst())
        let cut = Int(first) % (stream.count + 1)
        let whole = natsMessages([stream])
        guard natsMessages([Array(stream[..<cut]), Array(stream[cut...])]) == whole else {
            return "a cut stream says something else"
        }
        guard natsMessages(stream.map { [$0] }) == whole else { return "bytes one by one say something else" }
        return nil
    }

    /// Values of a Redis server are the same whole, cut in two, and byte by byte.
    package static func resp(_ input: UnsafeRawBufferPointer) -> String? {
        guard let first = input.first else { return nil }
        let stream = Array(input.dropFirst())
        let cut = Int(first) % (stream.count + 1)
        let whole = values([stream])
        guard values([Array(stream[..<cut]), Array(stream[cut...])]) == whole else {
            return "a cut stream says something else"
        }
        guard values(stream.map { [$0] }) == whole else { return "bytes one by one say something else" }
        return nil
    }

    /// The messages, and at the end the failure if there is one, as text.
    ///
    /// As text, since a number that is none is not equal to itself.
    private static func natsMessages(_ pieces: [[UInt8]]) -> [String] {
        var limits = NATSLimits()
        limits.messageBytes = 4_096
        var parser = NATSParser(limits: limits)
        var said: [String] = []
        for piece in pieces {
            let failure: String? = piece.withUnsafeBytes { bytes in
                var rest = bytes
                do throws(NATSParseError) {
                    while let message = try parser.next(&rest) { said.append("\(message)") }
                    return nil
                } catch {
                    return "failed: \(error)"
                }
            }
            guard let failure else { continue }
            said.append(failure)
            break
        }
        return said
    }

    private static func values(_ pieces: [[UInt8]]) -> [String] {
        var parser = RESPParser(limits: RESPLimits(bulkBytes: 4_096, elements: 1_024, valueBytes: 16_384))
        var said: [String] = []
        for piece in pieces {
            let failure: String? = piece.withUnsafeBytes { bytes in
                var rest = bytes
                do throws(RESPError) {
                    while let value = try parser.next(&rest) { said.append("\(value)") }
                    return nil
                } catch {
                    return "failed: \(error)"
                }
            }
            guard let failure else { continue }
            said.append(failure)
            break
        }
        return said
    }
}
