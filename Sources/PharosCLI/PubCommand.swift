import ArgumentParser
import CPharosSys
import Glibc
import PharosDomain
import PharosAuth

/// `pharos pub`: publishes one message through the server API.
struct PubCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pub", abstract: "Publish to a channel.",
        discussion: """
            Example: pharos pub news '{"text":"hello"}'
            Data that is not JSON goes out as a JSON string. `-` reads the data from standard input.
            """)

    /// The server's own limit of a body, by default; more cannot arrive.
    private static let dataLimit = 8 << 20

    @Argument(help: "The channel.")
    var channel: String

    @Argument(help: "The data: JSON, or a text; - for standard input.")
    var data: String

    @Option(help: "The server.")
    var url = "http://127.0.0.1:8000"

    @Option(name: .customLong("api-key"), help: "The API key; also from PHAROS_HTTP_API_KEY.")
    var apiKey: String?

    func run() throws {
        do throws(WireClientError) {
            let address = try WireClientAddress(url, defaultPath: "/api/publish")
            let answer = try WireClientRequest.post(address, body: try body(), apiKey: effectiveKey)
            print(try PubCommand.outcome(of: answer, channel: channel))
        } catch {
            StandardError.print("pharos pub: \(error)")
            throw ExitCode(1)
        }
    }

    private var effectiveKey: String? {
        if let apiKey { return apiKey }
        let value = getenv("PHAROS_HTTP_API_KEY").map { String(cString: $0) }
        return value?.isEmpty == false ? value : nil
    }

    private func body() throws(WireClientError) -> [UInt8] {
        let bytes = data == "-" ? try readStandardInput() : Array(data.utf8)
        let json = PubCommand.json(bytes)
        if json.isQuoted { StandardError.print("note: the data is not JSON and is sent as a JSON string") }
        var body = JSONObjectWriter()
        body.add("channel", channel)
        body.add("data", json: json.text)
        return body.bytes
    }

    /// `bytes` where they are JSON, otherwise their text as a JSON string.
    static func json(_ bytes: [UInt8]) -> (text: [UInt8], isQuoted: Bool) {
        do throws(JSONReader.Failure) {
            _ = try JSONReader.value(bytes)
            return (bytes, false)
        } catch {
            // Deep or repeating members are JSON all the same: the server decides what it takes.
            guard error == .syntax else { return (bytes, false) }
        }
        var text = String(decoding: bytes, as: UTF8.self)
        if text.hasSuffix("\n") { text.removeLast() }
        var object = JSONObjectWriter()
        object.add("", text)
        // The text between `{"":` and `}` is the string.
        return (Array(object.bytes.dropFirst(4).dropLast()), true)
    }

    private func readStandardInput() throws(WireClientError) -> [UInt8] {
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(STDIN_FILENO, &part, part.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw WireClientError("cannot read standard input", code: -Int(errno)) }
            if count == 0 { return bytes }
            bytes += part[..<count]
            guard bytes.count <= Self.dataLimit else { throw WireClientError("more than 8 MB of data") }
        }
    }

    /// The line to print; an error is a sentence with the way out, where there is one.
    static func outcome(of answer: WireClientRequest.Answer, channel: String) throws(WireClientError) -> String {
        let body = (try? JSONReader.value(answer.body))?.object
        if let error = body?["error"]?.object {
            throw WireClientError(explain(code: error["code"]?.seconds ?? 0, error["message"]?.string ?? ""))
        }
        switch answer.status {
        case 200: break
        case 401:
            throw WireClientError("the server wants another API key: --api-key or PHAROS_HTTP_API_KEY (401)")
        case 403: throw WireClientError("this API key may not publish (403)")
        case 404: throw WireClientError("there is no server API at this address (404)")
        case 413: throw WireClientError("the data is larger than the server takes (413, http_api.max_body_size)")
        default: throw WireClientError("the server answers with status \(answer.status)")
        }
        guard let result = body?["result"]?.object else { throw WireClientError("the answer is not a server API's") }
        // Channels without history have no positions.
        guard let offset = result["offset"]?.seconds, offset > 0 else { return "published to \(channel)" }
        return "published to \(channel): offset \(offset), epoch \(result["epoch"]?.string ?? "")"
    }

    private static func explain(code: Int64, _ message: String) -> String {
        switch code {
        case 102: "the channel's namespace is not configured (102, \(message))"
        case 107: "the server cannot use the request: channel name, data or format (107, \(message))"
        default: "the server refuses: \(message) (\(code))"
        }
    }
}
