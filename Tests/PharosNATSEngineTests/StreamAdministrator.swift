import PharosDomain
import PharosLinks
import PharosNATS

@testable import PharosNATSEngine

/// An operator's hands on the streams of a server.
struct StreamAdministrator {
    private let server: NATSServer

    init(_ server: NATSServer) { self.server = server }

    /// Deletes the streams that tests use.
    func deleteAll() async throws {
        let settings = server.settings()
        let names = StreamNames(prefix: settings.prefix)
        let retention = RetentionClass(TestNode.options, settings.channels)
        for part in 0..<settings.streams {
            let subject = "$JS.API.STREAM.DELETE." + names.stream(StreamID(retention, part: part))
            _ = try await ask(subject)
        }
    }

    /// The stream of a channel of the tests.
    private func stream(of channel: ChannelName, _ options: ChannelOptions) -> StreamID {
        let settings = server.settings()
        return StreamID(of: channel, RetentionClass(options, settings.channels), streams: settings.streams)
    }

    /// The last message of a channel.
    func last(of channel: ChannelName, _ options: ChannelOptions = TestNode.options) async throws -> StoredMessage? {
        let names = StreamNames(prefix: server.settings().prefix)
        let id = stream(of: channel, options)
        let json = #"{"last_by_subj":"\#(names.channel(channel, id))"}"#
        guard let answer = try await ask("$JS.API.STREAM.MSG.GET." + names.stream(id), json) else { return nil }
        return StoredMessage(try JetStreamStoredMessage.read(answer).get())
    }

    /// Deletes the last message of a channel, as a server would lose it.
    func loseLast(of channel: ChannelName) async throws {
        guard let last = try await last(of: channel) else { return }
        let names = StreamNames(prefix: server.settings().prefix)
        let id = stream(of: channel, TestNode.options)
        _ = try await ask("$JS.API.STREAM.MSG.DELETE." + names.stream(id), #"{"seq":\#(last.sequence)}"#)
    }

    private func ask(_ subject: String, _ json: String = "") async throws -> [UInt8]? {
        let settings = server.settings()
        let thread = try LinkThread(name: "pharos-admin")
        let answer = await withCheckedContinuation { (continuation: CheckedContinuation<[UInt8]?, Never>) in
            thread.perform { loop in
                let connection = NATSConnection(settings, echo: true, name: "admin", on: loop)
                // Kept by its own handler until it is closed.
                connection.handlers.ready = { _ in
                    connection.request(Array(json.utf8), to: subject, timeoutMs: 5_000) { answer in
                        loop.after(0) {
                            connection.close()
                            connection.handlers = NATSConnection.Handlers()
                            if case .messages(let messages) = answer {
                                continuation.resume(returning: messages.last?.payload)
                            } else {
                                continuation.resume(returning: nil)
                            }
                        }
                    }
                }
            }
        }
        thread.stop()
        return answer
    }
}
