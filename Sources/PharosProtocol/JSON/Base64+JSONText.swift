import PharosBytes

extension Base64 {
    /// The bytes for which a string in a JSON document stands.
    ///
    /// Some writers escape the slash.
    static func decode(_ text: JSONText) -> [UInt8]? {
        guard text.hasEscapes else { return decode(text.raw) }
        guard var unescaped = try? text.string else { return nil }
        return unescaped.withUTF8 { decode(UnsafeRawBufferPointer($0)) }
    }
}
