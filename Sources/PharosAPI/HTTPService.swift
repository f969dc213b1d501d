import HTTPTypes
package import Hummingbird
import HummingbirdCore
package import Logging
package import NIOCore
import NIOHTTP1
package import PharosDomain

/// HTTP/1.1 on channels that somebody else accepted: it has no listener of its own.
package struct HTTPService: Sendable {
    /// What a connection may take; all from the outside is bounded by one of these.
    package struct Limits: Sendable {
        /// A connection without a request, or whose request does not go on, is closed after this.
        package var idleTimeout = Duration.seconds(60)
        /// From a request's head to the end of its body.
        package var bodyTimeout = Duration.seconds(30)
        /// For the client to take an answer.
        package var responseTimeout = Duration.seconds(10)
        /// Bytes of one request's head.
        package var headSize = 16_384
        package var headerCount = 100
        /// Bytes of one request's body.
        package var bodySize = 8_388_608

        package init() {}

        package init(edge: EdgeSettings, api: APISettings) {
            bodyTimeout = .seconds(edge.bodyTimeout)
            headSize = edge.headSizeLimit
            bodySize = api.maxBodySize
        }
    }

    private let http1: HTTP1Channel
    private let logger: Logger

    /// - Parameter responder: answers each request; what it throws becomes a 500.
    package init<Responder: HTTPResponder>(
        responder: Responder, limits: Limits = Limits(), logger: Logger
    ) where Responder.Context: InitializableFromSource<ApplicationRequestContextSource> {
        self.logger = logger
        var decoder = HTTP1Channel.Configuration.DecoderConfiguration()
        decoder.maxHeaderFieldSize = limits.headSize
        decoder.maxHeaderListSize = limits.headSize
        decoder.maxHeaderFieldCount = limits.headerCount
        self.http1 = HTTP1Channel(
            responder: { request, writer, channel in
                let source = ApplicationRequestContextSource(channel: channel, logger: logger)
                var response: Response
                do {
                    response = try await responder.respond(to: request, context: Responder.Context(source: source))
                } catch let error as HTTPParserError {
                    throw error
                } catch {
                    logger.error("request failed", metadata: ["error": "\(type(of: error))"])
                    response = .failure(.internalServerError, "internal server error")
                }
                response.headers[.date] = HTTPDate.now()
                try await writer.write(response: response.head, body: response.body)
            },
            configuration: HTTP1Channel.Configuration(
                additionalChannelHandlers: [RequestGuard(limits: limits)],
                idleTimeout: TimeAmount(limits.idleTimeout),
                httpDecoderConfiguration: decoder))
    }

    /// Puts HTTP's handlers at the end of the channel's pipeline and serves it until it closes.
    ///
    /// On the channel's event loop. Bytes that were read before are to be fired into the pipeline in front of them.
    package func serve(_ channel: any Channel) -> EventLoopFuture<Void> {
        let http1 = http1
        let logger = logger
        return http1.setup(channel: channel, logger: logger).map { value in
            // Ends with the channel: whoever counts the channels has counted the tasks.
            Task { await http1.handle(value: value, logger: logger) }
        }
    }
}
