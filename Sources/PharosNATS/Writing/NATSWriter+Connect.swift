import PharosBytes

extension NATSWriter {
    /// CONNECT.
    package mutating func connect(_ options: NATSConnectOptions) {
        bytes.append("CONNECT {\"verbose\":false,\"pedantic\":false" as StaticString)
        appendField("tls_required", options.requiresTLS)
        appendField("auth_token", options.token)
        appendField("user", options.user)
        appendField("pass", options.password)
        appendField("jwt", options.jwt)
        appendField("nkey", options.publicKey)
        appendField("sig", options.signature)
        appendField("name", options.name)
        bytes.append(",\"lang\":\"swift\"" as StaticString)
        appendField("version", options.version)
        bytes.append(",\"protocol\":1" as StaticString)
        appendField("echo", options.echo)
        appendField("headers", options.headers)
        appendField("no_responders", options.headers)
        bytes.append("}\r\n" as StaticString)
    }

    private mutating func appendField(_ name: StaticString, _ value: Bool) {
        appendName(name)
        if value {
            bytes.append("true" as StaticString)
        } else {
            bytes.append("false" as StaticString)
        }
    }

    private mutating func appendField(_ name: StaticString, _ value: String?) {
        guard let value else { return }
        appendName(name)
        bytes.appendNATSText(value)
    }

    private mutating func appendName(_ name: StaticString) {
        bytes.append(",\"" as StaticString)
        bytes.append(name)
        bytes.append("\":" as StaticString)
    }
}

extension ByteWriter {
    /// `text` as a JSON string.
    ///
    /// Control characters are escaped, so that it cannot end a line.
    mutating func appendNATSText(_ text: String) {
        append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                append(UInt8(ascii: "\\"))
                append(byte)
            case 0..<0x20:
                append("\\u00" as StaticString)
                append(UInt8(ascii: "0") + (byte >> 4))
                let low = byte & 15
                append(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
            default: append(byte)
            }
        }
        append(UInt8(ascii: "\""))
    }
}
