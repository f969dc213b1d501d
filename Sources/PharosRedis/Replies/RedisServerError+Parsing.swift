extension RedisServerError {
    /// Reads an error's text, without the type in front.
    ///
    /// An error within a script has its own word in front since Redis 7. Redis 6 and older wrap it: "ERR Error running
    /// script (call to …): @user_script:1: @user_script: 1: -READONLY …"; then the inner word counts.
    package init(_ text: [UInt8]) {
        message = String(decoding: text, as: UTF8.self)
        var words = RedisServerError.words(text[...])
        if words.first == "ERR", text.starts(with: "ERR Error running script".utf8),
            let inner = RedisServerError.innerError(text)
        {
            words = RedisServerError.words(inner)
        }
        kind = RedisServerError.kind(words)
    }

    /// The first three words.
    private static func words(_ text: ArraySlice<UInt8>) -> [String] {
        text.split(separator: UInt8(ascii: " "), maxSplits: 3, omittingEmptySubsequences: false).prefix(3)
            .map { String(decoding: $0, as: UTF8.self) }
    }

    private static func kind(_ words: [String]) -> Kind {
        guard let word = words.first, isErrorWord(word) else { return .other("") }
        switch word {
        case "MOVED": return redirection(words).map { .moved($0) } ?? .other(word)
        case "ASK": return redirection(words).map { .ask($0) } ?? .other(word)
        case "CLUSTERDOWN": return .clusterDown
        case "CROSSSLOT": return .crossSlot
        case "TRYAGAIN": return .tryAgain
        case "READONLY": return .readOnly
        case "MASTERDOWN": return .masterDown
        case "NOREPLICAS": return .noReplicas
        case "LOADING": return .loading
        case "BUSY": return .busy
        case "OOM": return .outOfMemory
        case "MISCONF": return .cannotSave
        case "NOSCRIPT": return .noScript
        case "NOAUTH": return .noAuth
        case "WRONGPASS": return .wrongPassword
        case "NOPERM": return .noPermission
        case "NOPROTO": return .noProtocol
        case "WRONGTYPE": return .wrongType
        case "ERR" where words.count > 2 && words[1].lowercased() == "unknown":
            return words[2].hasPrefix("command") || words[2].hasPrefix("subcommand") ? .unknownCommand : .other(word)
        default: return .other(word)
        }
    }

    /// Whether a word is one of capital letters, as those of errors are.
    private static func isErrorWord(_ word: String) -> Bool {
        !word.isEmpty && word.utf8.allSatisfy { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
    }

    /// The words "slot host:port" behind MOVED or ASK; nil if they are none.
    ///
    /// The host may hold colons, be empty, or be "?" where the server does not know it.
    private static func redirection(_ words: [String]) -> RedisRedirection? {
        guard words.count > 2, let slot = Int(words[1]), (0..<ClusterSlots.count).contains(slot),
            let colon = words[2].lastIndex(of: ":"),
            let port = UInt16(words[2][words[2].index(after: colon)...]), port > 0
        else { return nil }
        let host = String(words[2][..<colon])
        return RedisRedirection(slot: slot, host: host.isEmpty || host == "?" ? nil : host, port: port)
    }

    /// The text behind the last ": -", which precedes the error within a script.
    private static func innerError(_ text: [UInt8]) -> ArraySlice<UInt8>? {
        guard text.count >= 3 else { return nil }
        for end in stride(from: text.count, through: 3, by: -1) where text[(end - 3)..<end].elementsEqual(": -".utf8) {
            return text[end...]
        }
        return nil
    }
}
