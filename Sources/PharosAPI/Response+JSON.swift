import HTTPTypes
package import Hummingbird
import NIOCore

extension Response {
    /// A response whose body is JSON already.
    package static func json(
        _ body: some Sequence<UInt8> & Sendable, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        headers[.xContentTypeOptions] = "nosniff"
        return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
    }

    /// `{"error":{"code":…,"message":"…"}}` with a status.
    ///
    /// It is the form of each error that HTTP itself has to answer.
    ///
    /// - Parameter message: a fixed text of ours, never anything that the client sent.
    package static func failure(
        _ status: HTTPResponse.Status, _ message: String, headers: HTTPFields = [:]
    ) -> Response {
        let body = JSONTree.object([
            ("error", .object([("code", .integer(status.code)), ("message", .string(message))]))
        ])
        return json(body.encoded(), status: status, headers: headers)
    }
}
