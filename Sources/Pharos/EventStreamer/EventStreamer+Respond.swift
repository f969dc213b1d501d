import HTTPTypes
public import Hummingbird
import NIOCore
import PharosBytes
import PharosDomain
import PharosProtocol
import ServiceLifecycle

/// The HTTP side: one answer per connection, which lasts.
extension EventStreamer {
    /// Answers `GET …?id=<client>` with the client's stream.
    ///
    /// Mount it so: `router.get("/stream", use: streamer.respond)`.
    ///
    /// Without an id 400, with one that is not known 401. A page that comes back is sent what it missed: after
    /// `Last-Event-ID` if it says so, in a header or a parameter, else after the last event that was sent; only in the first
    /// case the first event says whether anything is missing.
    @Sendable public func respond(to request: Request, context: some RequestContext) async throws -> Response {
        guard let id = request.uri.queryParameters["id"].map({ String($0) }), !id.isEmpty else {
            return Response(status: .badRequest)
        }
        return respond(to: request, as: id)
    }

    /// How long a page may take to read what it is sent when its stream ends.
    static var lastWords: Duration { .seconds(1) }

    /// Answers with the stream of a client that your own middleware has found out.
    ///
    /// - Parameter request: as Hummingbird received it: its body is watched for the end of the connection.
    public func respond(to request: Request, as id: String) -> Response {
        guard let client = found(id) else {
            return Response(
                status: .unauthorized, body: ResponseBody(byteBuffer: ByteBuffer(string: "Invalid client ID")))
        }
        let parameter = request.uri.queryParameters.first { LastEventID.isName(FieldName($0.key)) && !$0.value.isEmpty }
        let last = request.headers[.lastEventID] ?? parameter.map { String($0.value) }
        // Only once the answer is being written: a connection that vanishes before must not leave a client that counts as
        // connected.
        let body = ResponseBody { writer in
            self.streamBegan()
            defer { self.streamEnded() }
            guard let opening = client.connect(after: last) else { return try await writer.finish(nil) }
            defer { client.disconnect(opening.stream, nowMs: self.clock()) }
            // A task of its own, which can be ended even while the page reads nothing and the writer waits for it. Only
            // that task uses the writer; this one waits for its end.
            nonisolated(unsafe) var writer = writer
            let writing = Task {
                try await request.body.consumeWithInboundCloseHandler { _ in
                    try await self.write(client, opening, to: &writer)
                } onInboundClosed: {
                    client.disconnect(opening.stream, nowMs: self.clock())
                }
                try await writer.finish(nil)
            }
            try await withGracefulShutdownHandler {
                try await withTaskCancellationHandler {
                    try await writing.value
                } onCancel: {
                    client.disconnect(opening.stream, nowMs: self.clock())
                    writing.cancel()
                }
            } onGracefulShutdown: {
                client.finish(opening.stream)
                Task.detached {
                    try? await Task.sleep(for: EventStreamer.lastWords)
                    writing.cancel()
                }
            }
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/event-stream", .cacheControl: "no-cache, no-store, must-revalidate",
                // Proxies of the nginx kind would hold back what is meant to arrive now.
                .accelBuffering: "no",
            ], body: body)
    }

    private func write(
        _ client: StreamedClient, _ opening: StreamedClient.Opening, to writer: inout any ResponseBodyWriter
    ) async throws {
        let encoder = EventStreamEncoder(configuration.form == .named ? .named : .array)
        try await writer.write(first(client, opening, encoder))
        client.sent(opening.stream, nowMs: clock())
        while true {
            var bytes = ByteWriter()
            var isOver = false
            switch await client.next(for: opening.stream) {
            case .send(let events, let number, let missed):
                encode(events, of: client, number: number, missed: missed, encoder, into: &bytes)
            case .beat: EventStreamEncoder.comment(into: &bytes)
            case .close:
                encoder.closed(into: &bytes)
                isOver = true
            case .leave: return
            }
            let buffer = bytes.withBytes { ByteBuffer(bytes: $0) }
            try await writer.write(buffer)
            if isOver { return }
            client.sent(opening.stream, nowMs: clock())
        }
    }

    /// The first event.
    ///
    /// It has the client's id and TTL, its topics, and whether anything is missing.
    private func first(
        _ client: StreamedClient, _ opening: StreamedClient.Opening, _ encoder: EventStreamEncoder
    ) -> ByteBuffer {
        var bytes = ByteWriter()
        EventStreamEncoder.retry(milliseconds: Int(configuration.retry.boundedMilliseconds), into: &bytes)
        let info = EventStreamInfo(
            clientID: client.id, clientTTLMs: configuration.ttl.boundedMilliseconds,
            subscriptions: opening.topics.map { .init($0, recovered: opening.isComplete) })
        encoder.info(info, id: client.eventID(opening.number), into: &bytes)
        return bytes.withBytes { ByteBuffer(bytes: $0) }
    }

    private func encode(
        _ events: ArraySlice<StreamedEvents.Event>, of client: StreamedClient, number: UInt64, missed: UInt64,
        _ encoder: EventStreamEncoder, into bytes: inout ByteWriter
    ) {
        if missed > 0 {
            let message = "\(missed) events were dropped"
            encoder.failure(EventStreamFailure(code: "lagging", message: message, topic: ""), into: &bytes)
        }
        for (index, event) in events.enumerated() {
            let id = client.eventID(number + UInt64(index))
            switch event {
            case .failure(let failure): encoder.failure(failure, into: &bytes)
            case .publication(let topic, let publication):
                do throws(EventStreamError) {
                    try encoder.publication(
                        channel: topic, publication.data, isJSON: publication.isJSON, id: id, into: &bytes)
                } catch {
                    // A payload that this form cannot carry is reported, not left out.
                    let message =
                        error == .payloadIsNotText
                        ? "a publication is no text"
                        : "a publication has a carriage return, which this form cannot carry"
                    encoder.failure(
                        EventStreamFailure(code: "not-representable", message: message, topic: topic), into: &bytes)
                }
            }
        }
    }
}

extension HTTPField.Name {
    fileprivate static let lastEventID = HTTPField.Name("Last-Event-ID")!
    fileprivate static let accelBuffering = HTTPField.Name("X-Accel-Buffering")!
}
