extension ImportTable {
    static let transports = table(
        kept("websocket.", "message_size_limit write_timeout compression compression_min_size compression_level"),
        kept("", "http_stream.enabled sse.enabled"),
        notNeeded(
            "websocket.", "read_buffer_size write_buffer_size use_write_buffer_pool", "buffers are as large as needed"),
        notNeeded(
            "websocket.", "decompressed_message_size_limit",
            "`websocket.message_size_limit` counts the decompressed message"),
        absent("websocket.", "disabled", nearest: "close `/connection/websocket` in the reverse proxy"),
        [
            ("websocket", "/connection/websocket"), ("http_stream", "/connection/http_stream"),
            ("sse", "/connection/sse"), ("emulation", "/emulation"),
        ].flatMap { name, path in
            absent(
                name + ".", "handler_prefix", idle: [path],
                nearest: "another path in the reverse proxy; here it is `\(path)`")
        },
        notNeeded(
            "", "http_stream.max_request_body_size sse.max_request_body_size emulation.max_request_body_size",
            "`websocket.message_size_limit` counts for every transport"),
        [
            unidirectional("uni_sse", nearest: "`events.enabled`: plain EventSource at `/events`"),
            unidirectional("uni_http_stream", nearest: "`events.enabled`, or `poll.enabled`: long polls at `/poll`"),
            unidirectional("uni_websocket", nearest: "`raw` paths, or `/connection/websocket` with `connect` alone"),
            wholeAbsent("uni_grpc", idle: ["11000"], nearest: "`events.enabled` or `poll.enabled`"),
            unidirectional("webtransport", nearest: "`/connection/websocket`, or `http_stream.enabled`"),
            wholeAbsent(
                "sockjs",
                idle: ["/connection/sockjs", "https://cdn.jsdelivr.net/npm/sockjs-client@1/dist/sockjs.min.js"],
                nearest: "`http_stream.enabled` and `sse.enabled`, which today's clients fall back to"),
        ])

    private static func unidirectional(_ name: String, nearest: String) -> ImportRule {
        wholeAbsent(name, idle: ["/connection/\(name)", "65536", "1", "1s", "1000ms"], nearest: nearest)
    }
}
