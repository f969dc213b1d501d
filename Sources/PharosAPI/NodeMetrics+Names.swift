/// The closed sets that label values come from, and what each metric is.
extension NodeMetrics {
    static let statuses: Set<Int> = [400, 401, 403, 404, 405, 408, 413, 414, 426, 429, 431, 501, 503, 505]
    static let replyCodes = Set(100...113)
    static let disconnectCodes = Set([3000, 3001]).union(3004...3006).union(3008...3013).union(3500...3509)
        .union([1002, 1003, 1007, 1009])
    static let unsubscribeCodes: Set<Int> = [2000, 2500, 2501]
    static let commands: Set<String> = [
        "connect", "subscribe", "unsubscribe", "publish", "presence", "presence_stats", "history", "ping", "send",
        "rpc", "refresh", "sub_refresh",
    ]

    static let helps: [String: String] = [
        "node_build": "Always 1; the label tells the version.",
        "node_num_nodes": "Nodes that work together.",
        "node_num_clients": "Clients that are connected.",
        "node_num_users": "Different users of the connected clients.",
        "node_num_subscriptions": "Subscriptions of the connected clients.",
        "node_num_channels": "Channels with at least one subscriber.",
        "raw_num_connections": "Connections at raw paths.",
        "raw_waiting_bytes": "Bytes of their messages that wait for their origins.",
        "node_messages_sent_count": "Publications accepted.",
        "node_messages_received_count": "Messages that clients sent.",
        "client_connections_accepted": "Connections accepted.",
        "client_connections_inflight": "Connections that are open.",
        "client_connections_refused": "Connections refused, by the HTTP status of the answer.",
        "client_num_by_name": "Clients that are connected, by registered SDK name.",
        "client_num_reply_errors": "Errors in replies, by code.",
        "client_num_server_disconnects": "Connections that the server ended, by code.",
        "client_num_server_unsubscribes": "Subscriptions that the server ended, by code.",
        "client_commands": "Commands that clients sent.",
        "client_recover": "Subscriptions that asked for recovery, and whether nothing was missing.",
        "client_recovered_publications": "Publications delivered by recovery.",
        "client_slow_closed": "Connections closed because their output exceeded the limit.",
        "client_slow_closed_by_total": "Of those: closed since all connections together exceeded the limit.",
        "client_dropped_publications": "Publications that slow readers did not get, by their namespace's policy.",
        "client_replaced_publications": "Publications that a newer one replaced while a slow reader had not got them.",
        "client_parked_sessions": "Clients that are away and whose state is kept.",
        "store_errors_total": "Publications that the durable store refused.",
        "transport_waiting_polls": "Long polls that wait for news.",
        "transport_polled_sessions": "Sessions that are polled.",
        "transport_messages_sent": "Messages sent to clients.",
        "transport_messages_sent_size": "Bytes sent to clients.",
        "transport_messages_received": "Messages received from clients.",
        "transport_messages_received_size": "Bytes received from clients.",
        "transport_sends": "Writes to connections; fewer than the messages, as messages share them.",
        "transport_accept_errors": "Connections that could not be accepted for want of descriptors.",
        "transport_reclaimed": "Idle connections ended because new ones needed their places.",
        "transport_responder_requests": "Requests for pages, health and metrics that are being answered.",
        "transport_body_bytes": "Bytes of request bodies that have not arrived whole.",
        "transport_tls_connections": "TLS connections that are open.",
        "transport_tls_handshakes_inflight": "TLS connections whose handshake is not done.",
        "transport_tls_handshakes": "TLS handshakes by how they ended; refused ones found no room.",
        "origin_requests": "Questions to the application and batches of events, by origin and hook.",
        "origin_requests_inflight": "Of those: under way.",
        "origin_duration_milliseconds": "Time from questions to their ends, summed up.",
        "origin_breaker_open": "1 while nothing is asked, since too many questions came to nothing.",
        "origin_errors": "Questions and batches that came to nothing, by reason.",
        "events_waiting": "Events that wait to be told.",
        "events_waiting_bytes": "Bytes of those.",
        "events_recorded": "Events recorded.",
        "events_told": "Events that the application has acknowledged.",
        "events_failures": "Batches that were not acknowledged, and are sent again.",
        "events_dead_letters": "Events that were given up after their time.",
        "events_lost": "Events that could be kept nowhere.",
        "api_commands": "Server API calls.",
        "api_command_errors_total": "Server API calls answered with an error, by code.",
    ]
}
