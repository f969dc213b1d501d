import HTTPTypes
package import Hummingbird
import NIOCore

/// The pages inside the binary: the demo and the browser client.
package struct EmbeddedPages: Sendable {
    package struct Page: Sendable {
        package let path: String
        let contentType: String
        let bytes: [UInt8]
        let entityTag: String
        /// Whether pages of other origins may read it.
        ///
        /// A module is imported under their rules (WHATWG Fetch, 3.2).
        let isForEveryOrigin: Bool

        init(path: String, contentType: String, bytes: [UInt8], isForEveryOrigin: Bool = false) {
            self.path = path
            self.contentType = contentType
            self.bytes = bytes
            self.isForEveryOrigin = isForEveryOrigin
            self.entityTag = Page.tag(bytes)
        }

        /// FNV-1a: a change of the text changes the tag, and nothing more is asked of it.
        private static func tag(_ bytes: [UInt8]) -> String {
            let hash = bytes.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x0100_0000_01b3 }
            return "\"\(String(hash, radix: 16))\""
        }
    }

    package let pages: [Page]

    /// - Parameters:
    ///   - demo: false serves the browser client alone.
    ///   - endpoints: nodes that the demo page tries in turn.
    package init(demo: Bool, endpoints: [String] = []) {
        let script = "text/javascript; charset=utf-8"
        // The same for everybody and no secret; what the client then does is checked where it connects.
        let types = "application/typescript; charset=utf-8"
        var pages = [
            ("/pharos.js", script, PackageResources.pharos_js),
            ("/pharos.min.js", script, PackageResources.pharos_min_js),
            ("/pharos.d.ts", types, PackageResources.pharos_d_ts),
            ("/pharos-protobuf.js", script, PackageResources.pharos_protobuf_js),
            ("/pharos-protobuf.d.ts", types, PackageResources.pharos_protobuf_d_ts),
        ].map { Page(path: $0, contentType: $1, bytes: $2, isForEveryOrigin: true) }
        if demo {
            let setup = JSONTree.object([("endpoints", .array(endpoints.map { .string($0) }))])
            pages += [
                Page(path: "/", contentType: "text/html; charset=utf-8", bytes: PackageResources.index_html),
                Page(path: "/demo.js", contentType: script, bytes: PackageResources.demo_js),
                Page(path: "/demo.css", contentType: "text/css; charset=utf-8", bytes: PackageResources.demo_css),
                Page(path: "/demo.json", contentType: "application/json", bytes: setup.encoded()),
            ]
        }
        self.pages = pages
    }

    /// The page, or 304 if the client has it (RFC 9110, section 13.1.2).
    package func response(_ page: Page, to request: Request) -> Response {
        var headers: HTTPFields = [
            .eTag: page.entityTag,
            .cacheControl: "no-cache",
            .contentSecurityPolicy: "default-src 'self'; connect-src 'self' ws: wss:",
            .xContentTypeOptions: "nosniff",
        ]
        if page.isForEveryOrigin {
            headers[.accessControlAllowOrigin] = "*"
            // For pages that admit only what says so (`Cross-Origin-Embedder-Policy`).
            headers[.crossOriginResourcePolicy] = "cross-origin"
        }
        if let known = request.headers[.ifNoneMatch], matches(known, page.entityTag) {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = page.contentType
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: page.bytes)))
    }

    private func matches(_ known: String, _ tag: String) -> Bool {
        known.split(separator: ",").contains { entry in
            let entry = entry.drop { $0 == " " }
            return entry == "*" || entry.drop { $0 == "W" || $0 == "/" }.hasPrefix(tag)
        }
    }
}
