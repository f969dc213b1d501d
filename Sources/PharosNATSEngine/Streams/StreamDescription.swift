import PharosProtocol

/// The server's words about a stream.
struct StreamDescription: Equatable {
    var name = ""
    var replicas = 1
    var schema: String?
    var streams: String?
    /// The server's time when it answered, in milliseconds since 1970.
    var timeMs: Int64?

    /// Reads the answer to STREAM.INFO or STREAM.CREATE that is no error.
    init(_ json: [UInt8]) throws(MalformedFrame) {
        self = try StreamDescription.read(json) { (scanner) throws(MalformedFrame) in
            try StreamDescription(&scanner)
        }
    }

    /// Reads the answer to STREAM.LIST.
    static func list(_ json: [UInt8]) throws(MalformedFrame) -> [StreamDescription] {
        try read(json) { (scanner) throws(MalformedFrame) in
            var found: [StreamDescription] = []
            try scanner.beginObject()
            while let field = try scanner.nextMember() {
                if scanner.skipNull() { continue }
                guard case "streams" = field else {
                    try scanner.skipValue()
                    continue
                }
                try scanner.beginArray()
                while try scanner.nextElement() { found.append(try StreamDescription(&scanner)) }
            }
            return found
        }
    }

    private static func read<Value>(
        _ json: [UInt8], _ body: (inout JSONScanner) throws(MalformedFrame) -> Value
    ) throws(MalformedFrame) -> Value {
        let result = json.withUnsafeBytes { bytes in
            Result { () throws(MalformedFrame) in
                var scanner = JSONScanner(bytes)
                return try body(&scanner)
            }
        }
        return try result.get()
    }

    private init(_ scanner: inout JSONScanner) throws(MalformedFrame) {
        try scanner.beginObject()
        while let field = try scanner.nextMember() {
            switch field {
            case "ts": timeMs = ServerClock.milliseconds(try scanner.text().string)
            case "config": try readConfiguration(&scanner)
            default: try scanner.skipValue()
            }
        }
    }

    private mutating func readConfiguration(_ scanner: inout JSONScanner) throws(MalformedFrame) {
        try scanner.beginObject()
        while let field = try scanner.nextMember() {
            if scanner.skipNull() { continue }
            switch field {
            case "name": name = try scanner.text().string
            case "num_replicas": replicas = try scanner.integer()
            case "metadata": try readMetadata(&scanner)
            default: try scanner.skipValue()
            }
        }
    }

    private mutating func readMetadata(_ scanner: inout JSONScanner) throws(MalformedFrame) {
        try scanner.beginObject()
        while let name = try scanner.nextMember() {
            switch name {
            case "pharos_schema": schema = try scanner.text().string
            case "pharos_streams": streams = try scanner.text().string
            default: try scanner.skipValue()
            }
        }
    }
}
