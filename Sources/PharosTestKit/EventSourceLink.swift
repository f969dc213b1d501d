/// An event stream as a browser reads it (HTML standard, section 9.2.6).
package final class EventSourceLink: @unchecked Sendable {
    package struct Event: Equatable, Sendable {
        /// Empty: the stream named none.
        package var name: String
        package var data: String
        /// The last event id at its time.
        package var id: String

        package init(name: String = "", data: String, id: String) {
            self.name = name
            self.data = data
            self.id = id
        }
    }

    package let stream: StreamLink
    package private(set) var lastID = ""
    package private(set) var retryMs: Int?
    package private(set) var comments = 0
    private var text: [UInt8] = []
    private var events: [Event] = []
    private var name = ""
    private var data: [String] = []

    package init(_ link: any ClientLink, _ path: String, headers: [(String, String)] = []) throws {
        stream = try StreamLink(link, path, headers: headers)
    }

    /// The next event; nil: the stream has ended as it should.
    package func next() throws -> Event? {
        while events.isEmpty {
            guard let chunk = try stream.chunk() else { return nil }
            text += chunk
            while let end = text.firstIndex(of: 10) {
                line(String(decoding: text[..<end], as: UTF8.self))
                text.removeSubrange(...end)
            }
        }
        return events.removeFirst()
    }

    /// The next event, which must come.
    package func event() throws -> Event {
        guard let event = try next() else { throw TestClient.Failure.vanished }
        return event
    }

    private func line(_ line: String) {
        if line.isEmpty {
            if !data.isEmpty { events.append(Event(name: name, data: data.joined(separator: "\n"), id: lastID)) }
            name = ""
            data = []
            return
        }
        if line.hasPrefix(":") {
            comments += 1
            return
        }
        let colon = line.firstIndex(of: ":") ?? line.endIndex
        var value = line[colon...].dropFirst()
        if value.first == " " { value = value.dropFirst() }
        switch line[..<colon] {
        case "event": name = String(value)
        case "data": data.append(String(value))
        case "id": lastID = String(value)
        case "retry": retryMs = Int(value)
        default: break
        }
    }
}
