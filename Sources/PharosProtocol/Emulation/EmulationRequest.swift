/// Commands for a client's stream that come beside it.
///
/// They are the body of `POST /emulation`.
package struct EmulationRequest: Equatable, Sendable {
    /// As the connect reply named it; never empty.
    package var session = ""
    /// As the connect reply named it; maybe empty.
    package var node = ""
    /// A frame of the stream's wire format, never empty.
    ///
    /// It holds commands as lines of JSON, or length-delimited Protobuf.
    package var data: [UInt8] = []

    /// Bytes of `session` and of `node`: more than any that we give out.
    package static let nameLimit = 255

    package init() {}

    /// Reads `{"session":"…","node":"…","data":"…"}`, where `data` is a JSON string.
    ///
    /// Unknown fields are ignored.
    ///
    /// - Parameter dataLimit: the most bytes that the commands may have.
    package static func decodeJSON(
        _ body: UnsafeRawBufferPointer, dataLimit: Int
    ) throws(EmulationError) -> EmulationRequest {
        let request: EmulationRequest
        do throws(MalformedFrame) {
            var scanner = JSONScanner(body)
            request = try scanner.message()
            try scanner.finish()
        } catch {
            throw .malformed(error)
        }
        try request.check(dataLimit)
        return request
    }

    /// Reads the message `EmulationRequest`: 1 `node`, 2 `session`, 3 `data`.
    ///
    /// Unknown fields are ignored.
    ///
    /// - Parameter dataLimit: the most bytes that the commands may have.
    package static func decodeProtobuf(
        _ body: UnsafeRawBufferPointer, dataLimit: Int
    ) throws(EmulationError) -> EmulationRequest {
        var request = EmulationRequest()
        do throws(MalformedFrame) {
            var reader = ProtobufReader(body)
            while let field = try reader.nextField() {
                switch field.number {
                case 1: request.node = try reader.string(field)
                case 2: request.session = try reader.string(field)
                case 3: request.data = try reader.bytes(field)
                default: try reader.skip(field)
                }
            }
        } catch {
            throw .malformed(error)
        }
        try request.check(dataLimit)
        return request
    }

    private func check(_ dataLimit: Int) throws(EmulationError) {
        guard data.count <= dataLimit else { throw .dataTooLong(limit: dataLimit) }
        guard !session.isEmpty, !data.isEmpty else {
            throw .malformed(MalformedFrame(reason: "session and data are required"))
        }
        guard session.utf8.count <= EmulationRequest.nameLimit, node.utf8.count <= EmulationRequest.nameLimit else {
            throw .malformed(MalformedFrame(reason: "session or node is too long"))
        }
    }
}

extension EmulationRequest: JSONMessage {
    static var withoutFields: EmulationRequest { EmulationRequest() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "session": session = try scanner.stringField()
        case "node": node = try scanner.stringField()
        case "data": data = Array(try scanner.stringField().utf8)
        default: try scanner.skipValue()
        }
    }
}
