import PharosDomain

/// Reads one JSON text (RFC 8259) and accepts nothing beyond it.
///
/// Stricter than the RFC in two ways that matter where signatures are checked: a member name may occur once only, and
/// nesting is limited. Half a surrogate pair may stand in what is passed on as it is; read as a text it is none.
package struct JSONReader {
    /// Why a text was refused. Holds no part of it.
    package enum Failure: Error, Equatable {
        case syntax
        case tooDeep
        case duplicateName
        case invalidText
    }

    /// Nested arrays and objects.
    package static let depthLimit = 32

    private let bytes: ArraySlice<UInt8>
    private var position: Int
    private var depth = 0

    private init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        self.position = bytes.startIndex
    }

    /// Reads `bytes` as exactly one value.
    package static func value(_ bytes: [UInt8]) throws(Failure) -> JSONValue {
        var reader = JSONReader(bytes[...])
        reader.skipSpace()
        let value = try reader.readValue()
        reader.skipSpace()
        guard reader.position == reader.bytes.endIndex else { throw .syntax }
        return value
    }

    /// Reads `bytes` as exactly one object.
    package static func object(_ bytes: [UInt8]) throws(Failure) -> JSONObject {
        guard case .object(let object) = try value(bytes) else { throw .syntax }
        return object
    }

    /// Drops the white space between the tokens of a valid text.
    package static func compacted(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var insideString = false
        var afterBackslash = false
        for byte in text {
            if insideString {
                if afterBackslash {
                    afterBackslash = false
                } else if byte == UInt8(ascii: "\\") {
                    afterBackslash = true
                } else if byte == UInt8(ascii: "\"") {
                    insideString = false
                }
            } else if isSpace(byte) {
                continue
            } else if byte == UInt8(ascii: "\"") {
                insideString = true
            }
            result.append(byte)
        }
        return result
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }

    private var current: UInt8? {
        position < bytes.endIndex ? bytes[position] : nil
    }

    private mutating func skipSpace() {
        while let byte = current, Self.isSpace(byte) { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard current == byte else { return false }
        position += 1
        return true
    }

    private mutating func readValue() throws(Failure) -> JSONValue {
        switch current {
        case UInt8(ascii: "{"): return .object(try readObject())
        case UInt8(ascii: "["): return .array(try readArray())
        case UInt8(ascii: "\""): return try readString().map { .string($0) } ?? .brokenString
        case UInt8(ascii: "t"): return try readLiteral("true", as: .bool(true))
        case UInt8(ascii: "f"): return try readLiteral("false", as: .bool(false))
        case UInt8(ascii: "n"): return try readLiteral("null", as: .null)
        default: return .number(try readNumber())
        }
    }

    private mutating func readLiteral(_ text: StaticString, as value: JSONValue) throws(Failure) -> JSONValue {
        let count = text.utf8CodeUnitCount
        guard bytes.endIndex - position >= count else { throw .syntax }
        for index in 0..<count where bytes[position + index] != text.utf8Start[index] { throw .syntax }
        position += count
        return value
    }

    private mutating func enter() throws(Failure) {
        position += 1
        depth += 1
        guard depth <= Self.depthLimit else { throw .tooDeep }
        skipSpace()
    }

    private mutating func readArray() throws(Failure) -> [JSONValue] {
        try enter()
        defer { depth -= 1 }
        var elements: [JSONValue] = []
        if take(UInt8(ascii: "]")) { return elements }
        while true {
            elements.append(try readValue())
            skipSpace()
            if take(UInt8(ascii: "]")) { return elements }
            guard take(UInt8(ascii: ",")) else { throw .syntax }
            skipSpace()
        }
    }

    private mutating func readObject() throws(Failure) -> JSONObject {
        try enter()
        defer { depth -= 1 }
        var object = JSONObject()
        var names = NameSet()
        if take(UInt8(ascii: "}")) { return object }
        while true {
            let start = position
            // No name that is asked for has half a pair: this one differs from others by its spelling.
            let name = ClaimName(try readString() ?? String(decoding: bytes[start..<position], as: UTF8.self))
            guard names.insert(name, among: object) else { throw .duplicateName }
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw .syntax }
            skipSpace()
            let valueStart = position
            let value = try readValue()
            object.members.append(.init(name: name, value: value, source: bytes[valueStart..<position]))
            skipSpace()
            if take(UInt8(ascii: "}")) { return object }
            guard take(UInt8(ascii: ",")) else { throw .syntax }
            skipSpace()
        }
    }

    /// RFC 8259 §6: no leading zeros, no plus sign, digits on both sides of the point.
    private mutating func readNumber() throws(Failure) -> String {
        let start = position
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try readDigits() }
        if take(UInt8(ascii: ".")) { try readDigits() }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try readDigits()
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func readDigits() throws(Failure) {
        let start = position
        while let byte = current, byte >= 0x30, byte <= 0x39 { position += 1 }
        guard position > start else { throw .syntax }
    }
}

/// The member names of one object.
///
/// It finds the second of a kind in constant time however many there are.
private struct NameSet {
    private static let smallCount = 16
    private var names: Set<ClaimName> = []

    /// False when `name` was there before.
    mutating func insert(_ name: ClaimName, among object: JSONObject) -> Bool {
        let count = object.members.count
        if count < Self.smallCount { return !object.members.contains { $0.name == name } }
        if names.isEmpty { names = Set(object.members.map(\.name)) }
        return names.insert(name).inserted
    }
}

extension JSONReader {
    /// nil: it has half a surrogate pair.
    private mutating func readString() throws(Failure) -> String? {
        guard take(UInt8(ascii: "\"")) else { throw .syntax }
        var text: [UInt8] = []
        var isWhole = true
        while let byte = current {
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else { throw .invalidText }
                return isWhole ? string : nil
            case UInt8(ascii: "\\"):
                if try !readEscape(into: &text) { isWhole = false }
            case 0..<0x20:
                throw .syntax
            default:
                text.append(byte)
            }
        }
        throw .syntax
    }

    /// False for half a surrogate pair.
    private mutating func readEscape(into text: inout [UInt8]) throws(Failure) -> Bool {
        guard let byte = current else { throw .syntax }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            guard let scalar = try readEscapedScalar() else { return false }
            text.append(contentsOf: String(scalar).utf8)
        default: throw .syntax
        }
        return true
    }

    private mutating func readEscapedScalar() throws(Failure) -> Unicode.Scalar? {
        let first = try readHexUnit()
        if let scalar = Unicode.Scalar(UInt32(first)) { return scalar }
        let start = position
        guard UTF16.isLeadSurrogate(first), take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
            position = start
            return nil
        }
        let second = try readHexUnit()
        guard UTF16.isTrailSurrogate(second) else {
            // Another escape, which may begin a pair of its own.
            position = start
            return nil
        }
        return Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00))
    }

    private mutating func readHexUnit() throws(Failure) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = current else { throw .syntax }
            position += 1
            switch byte {
            case 0x30...0x39: unit = unit << 4 | UInt16(byte - 0x30)
            case 0x41...0x46: unit = unit << 4 | UInt16(byte - 0x41 + 10)
            case 0x61...0x66: unit = unit << 4 | UInt16(byte - 0x61 + 10)
            default: throw .syntax
            }
        }
        return unit
    }
}
