/// Writes one flat JSON object, member by member.
package struct JSONObjectWriter {
    private var text: [UInt8] = [UInt8(ascii: "{")]

    package init() {}

    /// The finished object.
    package var bytes: [UInt8] { text + [UInt8(ascii: "}")] }

    package mutating func add(_ name: String, _ value: String) {
        addName(name)
        appendString(value)
    }

    package mutating func add(_ name: String, _ value: Int64) {
        addName(name)
        text.append(contentsOf: String(value).utf8)
    }

    /// - Parameter json: a complete JSON text, written as it is.
    package mutating func add(_ name: String, json: [UInt8]) {
        addName(name)
        text.append(contentsOf: json)
    }

    private mutating func addName(_ name: String) {
        if text.count > 1 { text.append(UInt8(ascii: ",")) }
        appendString(name)
        text.append(UInt8(ascii: ":"))
    }

    private mutating func appendString(_ value: String) {
        let digits = Array("0123456789abcdef".utf8)
        text.append(UInt8(ascii: "\""))
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                text.append(UInt8(ascii: "\\"))
                text.append(byte)
            case 0..<0x20:
                text.append(contentsOf: Array("\\u00".utf8))
                text.append(digits[Int(byte >> 4)])
                text.append(digits[Int(byte & 15)])
            default:
                text.append(byte)
            }
        }
        text.append(UInt8(ascii: "\""))
    }
}
