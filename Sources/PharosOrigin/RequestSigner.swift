package import PharosBytes
import PharosCrypto
import PharosDomain
import PharosProtocol

/// Signs requests as the Standard Webhooks specification describes.
///
/// It is HMAC-SHA256 over id, time and body.
///
/// Receivers refuse times more than five minutes off, so that a recorded request is worth nothing later.
package struct RequestSigner: Sendable {
    private let key: SecretKey

    /// Takes a secret; nil if it is empty.
    ///
    /// - Parameter secret: `whsec_` and base64 stand for the decoded bytes; anything else counts as it is. Empty: nil.
    package init?(secret: String) {
        guard !secret.isEmpty else { return nil }
        var encoded = secret.dropFirst(6)
        let decoded = encoded.withUTF8 { Base64.decode(UnsafeRawBufferPointer($0)) }
        if secret.hasPrefix("whsec_"), let decoded, !decoded.isEmpty {
            key = SecretKey(decoded)
        } else {
            key = SecretKey(Array(secret.utf8))
        }
    }

    /// Adds the three fields of the signature.
    ///
    /// - Parameter seconds: since 1970.
    package func append(id: String, seconds: Int64, body: UnsafeRawBufferPointer, into writer: inout ByteWriter) {
        OriginRequestWriter.append("webhook-id", id, into: &writer)
        OriginRequestWriter.append("webhook-timestamp", String(seconds), into: &writer)
        OriginRequestWriter.append(
            "webhook-signature", signature(id: id, seconds: seconds, body: body), into: &writer)
    }

    package func signature(id: String, seconds: Int64, body: UnsafeRawBufferPointer) -> String {
        let message = Array("\(id).\(seconds).".utf8) + body
        return "v1," + Base64.encode(key.code(for: message, .sha256))
    }
}
