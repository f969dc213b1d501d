import PharosBytes
import PharosDomain
import PharosProtocol

/// The client protocol over long polls with a session.
///
/// Each request has a connection of its own.
final class PollLink: TransportLink, @unchecked Sendable {
    private var cursor = ""

    private lazy var session: String = {
        guard let start = query.firstRange(of: "session=") else { return SessionKeys.make() }
        return String(query[start.upperBound...].prefix { $0 != "&" })
    }()

    override func deliver(_ message: [UInt8]) throws { _ = try poll("POST", message) }

    override func pump() throws -> Bool { try poll("GET", []) }

    private func poll(_ method: String, _ body: [UInt8]) throws -> Bool {
        var path = "/connection/poll?session=\(session)"
        if !cursor.isEmpty { path += "&cursor=\(cursor)" }
        let link = try connection()
        defer { done(link) }
        let answer = try StreamLink(link, path, method: method, headers: headers, body: body)
        let text = try answer.rest()
        switch answer.status {
        case 200: break
        case 404 where method == "GET": return false
        default: throw TestClient.Failure.refused(status: answer.status)
        }
        guard let parts = PollAnswer(text) else { throw TestClient.Failure.unexpected(text) }
        cursor = parts.cursor
        for message in parts.messages { try arrived(Array(message.utf8)) }
        return true
    }
}

/// The answer of a poll with a session, taken apart.
package struct PollAnswer: Equatable, Sendable {
    package let cursor: String
    package let messages: [String]

    /// nil: the text is something else.
    package init?(_ text: String) {
        guard text.hasPrefix("{\"cursor\":\""), text.hasSuffix("]}"), let end = text.firstRange(of: "\",\"messages\":[")
        else { return nil }
        cursor = String(text[..<end.lowerBound].dropFirst(11))
        var messages: [String] = []
        var (depth, isText, isEscaped) = (0, false, false)
        var message = ""
        for character in text[end.upperBound...].dropLast(2) {
            if depth == 0, character == "," { continue }
            message.append(character)
            if isText {
                if !isEscaped, character == "\"" { isText = false }
                isEscaped = !isEscaped && character == "\\"
                continue
            }
            switch character {
            case "\"": isText = true
            case "{", "[": depth += 1
            case "}", "]": depth -= 1
            default: break
            }
            if depth == 0 {
                messages.append(message)
                message = ""
            }
        }
        self.messages = messages
    }
}

/// Session keys as clients choose them.
package enum SessionKeys {
    /// A random one.
    package static func make() -> String {
        let characters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        return String((0..<22).map { _ in characters.randomElement()! })
    }
}
