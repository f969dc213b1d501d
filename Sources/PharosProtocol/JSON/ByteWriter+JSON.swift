import PharosBytes

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Writes JSON by the rules of the client protocol.
///
/// Fields with zero values are left out, but for those that the reference always writes: `jsonText`, `jsonCount`.
///
/// Commas place themselves: a member that does not follow an opening bracket is preceded by one. Nothing allocates
/// unless the writer's memory has to grow.
extension ByteWriter {
    /// Opens an object that is a value by itself.
    ///
    /// It is the whole message or an element of an array.
    mutating func beginJSONObject() { append(UInt8(ascii: "{")) }

    /// Opens an object that is a member of the object now open.
    mutating func beginJSONObject(_ name: StaticString) {
        jsonName(name)
        append(UInt8(ascii: "{"))
    }

    mutating func endJSONObject() { append(UInt8(ascii: "}")) }

    mutating func beginJSONArray(_ name: StaticString) {
        jsonName(name)
        append(UInt8(ascii: "["))
    }

    /// To be called before each element of an array.
    mutating func nextJSONElement() { jsonComma() }

    mutating func endJSONArray() { append(UInt8(ascii: "]")) }

    /// Bytes known when the program was built.
    ///
    /// By this name, since a literal passed to `append` becomes a `String` first.
    mutating func jsonLiteral(_ text: StaticString) { append(text) }

    /// `name`, which needs no escapes, and a colon.
    mutating func jsonName(_ name: StaticString) {
        jsonComma()
        append(UInt8(ascii: "\""))
        append(name)
        jsonLiteral("\":")
    }

    /// A member name from outside.
    mutating func jsonKey(_ name: String) {
        jsonComma()
        appendJSONString(name)
        append(UInt8(ascii: ":"))
    }

    mutating func jsonField(_ name: StaticString, string: String) {
        guard !string.isEmpty else { return }
        jsonName(name)
        appendJSONString(string)
    }

    mutating func jsonField(_ name: StaticString, unsigned: UInt64) {
        guard unsigned != 0 else { return }
        jsonName(name)
        appendDecimal(unsigned)
    }

    mutating func jsonField(_ name: StaticString, signed: Int64) {
        guard signed != 0 else { return }
        jsonName(name)
        if signed < 0 { append(UInt8(ascii: "-")) }
        appendDecimal(signed.magnitude)
    }

    mutating func jsonField(_ name: StaticString, bool: Bool) {
        guard bool else { return }
        jsonName(name)
        jsonLiteral("true")
    }

    /// A field of type `bytes`: JSON embedded as it is, on one line.
    mutating func jsonField(_ name: StaticString, raw: [UInt8]) {
        guard !raw.isEmpty else { return }
        jsonName(name)
        appendOneLine(raw)
    }

    /// For bytes that are JSON where they are good: anything else is left out.
    mutating func jsonField(_ name: StaticString, checked: [UInt8]) {
        guard !checked.isEmpty, checked.withUnsafeBytes({ JSONScanner.isValid($0) }) else { return }
        jsonField(name, raw: checked)
    }

    /// A field of type `bytes` that may hold anything.
    ///
    /// Either `"data":{…}`, or `"data":"<base64>","b64data":true`.
    ///
    /// Readers that do not know the flag get a string. Nothing that others publish breaks their message.
    mutating func jsonField(_ name: StaticString, payload: [UInt8]) {
        guard !payload.isEmpty else { return }
        guard !payload.withUnsafeBytes({ JSONScanner.isValid($0) }) else { return jsonField(name, raw: payload) }
        jsonName(name)
        appendJSONString(Base64.encode(payload))
        jsonBase64Flag(name)
    }

    /// Says of the field `name` that it holds base64.
    mutating func jsonBase64Flag(_ name: StaticString) {
        jsonComma()
        jsonLiteral("\"b64")
        append(name)
        jsonLiteral("\":true")
    }

    /// A text that is written even if it is empty.
    mutating func jsonText(_ name: StaticString, _ text: String) {
        jsonName(name)
        appendJSONString(text)
    }

    /// A number that is written even if it is zero.
    mutating func jsonCount(_ name: StaticString, _ count: UInt64) {
        jsonName(name)
        appendDecimal(count)
    }

    /// `text` in quotes, with escapes where RFC 8259, section 7, demands them.
    mutating func appendJSONString(_ text: String) {
        append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { bytes in
            var start = 0
            for index in 0..<bytes.count where bytes[index] < 0x20 || bytes[index] == 0x22 || bytes[index] == 0x5C {
                append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[start..<index]))
                appendJSONEscape(bytes[index])
                start = index + 1
            }
            append(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[start...]))
        }
        append(UInt8(ascii: "\""))
    }

    /// Appends `json` without its line breaks.
    ///
    /// Line breaks separate messages, and in valid JSON they are whitespace between tokens.
    mutating func appendOneLine(_ json: [UInt8]) {
        json.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            if memchr(start, 0x0A, bytes.count) == nil, memchr(start, 0x0D, bytes.count) == nil {
                append(bytes)
            } else {
                for byte in bytes where byte != 0x0A && byte != 0x0D { append(byte) }
            }
        }
    }

    private mutating func appendJSONEscape(_ byte: UInt8) {
        append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: append(UInt8(ascii: "b"))
        case 0x09: append(UInt8(ascii: "t"))
        case 0x0A: append(UInt8(ascii: "n"))
        case 0x0C: append(UInt8(ascii: "f"))
        case 0x0D: append(UInt8(ascii: "r"))
        case 0x20...: append(byte)
        default:
            jsonLiteral("u00")
            append(byte >> 4 == 0 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
            let low = byte & 0x0F
            append(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
        }
    }

    private mutating func jsonComma() {
        guard count > 0 else { return }
        let last = base[count - 1]
        if last != UInt8(ascii: "{"), last != UInt8(ascii: "[") { append(UInt8(ascii: ",")) }
    }
}
