import PharosBytes
import PharosDomain
import PharosProtocol

extension CodecProperties {
    private static let node = Array("0.0.0.0:8081/sr".utf8)

    /// Service requests keep their rules, and every id has one meaning.
    ///
    /// The first byte chooses the decoder.
    package static func rawService(_ input: UnsafeRawBufferPointer) -> String? {
        guard let first = input.first else { return nil }
        let body = UnsafeRawBufferPointer(rebasing: input[1...])
        switch first % 3 {
        case 0: return serviceRequest(body)
        case 1: return connectionID(ClientName(decoding: body))
        default:
            guard let connection = RawConnectionPath.connection(in: body) else { return nil }
            return connection.isEmpty ? "an empty id in a path" : connectionID(connection)
        }
    }

    private static func serviceRequest(_ body: UnsafeRawBufferPointer) -> String? {
        guard let request = try? RawServiceRequest.decode(body) else { return nil }
        guard request.closings.allSatisfy({ RawServiceRequest.mayClose(with: $0.code) }) else {
            return "a code that no close frame may have"
        }
        var report = RawReport()
        for outgoing in request.messages {
            if outgoing.message.isText, String(validating: outgoing.message.data, as: UTF8.self) == nil {
                return "a text that is no UTF-8"
            }
            for connection in outgoing.connections {
                if let violation = connectionID(connection) { return violation }
            }
            report.unknown += outgoing.connections
        }
        var text = ByteWriter()
        report.encode(into: &text)
        return text.withBytes { JSONScanner.isValid($0) } ? nil : "a report that is no JSON"
    }

    private static func connectionID(_ text: ClientName) -> String? {
        guard let id = RawConnectionID(text, node: node) else { return nil }
        let written = id.text(node: node)
        guard RawConnectionID(written, node: node) == id else { return "an id that changes when it is written" }
        let isSame =
            text.utf8.filter { $0 != UInt8(ascii: "=") }.count == written.utf8.filter { $0 != UInt8(ascii: "=") }.count
        return isSame ? nil : "two lengths of one id"
    }
}
