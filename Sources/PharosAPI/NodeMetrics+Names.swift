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
        "node_rejected_messages_total": "Messages from other nodes that were none; they are dropped.",
        "node_partial_answers_total": "Answers that lacked the part of a node, which did not answer in time.",
        "engine_linked": "1: the engine can be asked. Always 1 without a cluster.",
        "engine_links_lost_total": "How often the link to the engine was lost.",
        "engine_gaps_total": "Times that something may have been missing in a channel with subscribers here.",
        "engine_gaps_closed_total": "Of those: closed by fetching what was missing.",
        "engine_gaps_given_up_total": "Of those: not to be closed, so that positioned subscribers were told.",
        "engine_batch_publications":
            "Publications that were sent to the engine together, and answered: how many there were at a time.",
        "engine_round_trip_seconds": "Time from sending them to the last answer.",
        "engine_fetched_publications_total": "Publications fetched to close gaps.",
        "node_num_clients": "Clients that are connected.",
        "node_num_users": "Different users of the connected clients.",
        "node_num_subscriptions": "Subscriptions of the connected clients.",
        "node_num_channels": "Channels with at least one subscriber.",
        "raw_num_connections": "Connections at raw paths.",
        "raw_waiting_bytes": "Bytes of their messages that wait for their origins.",
        "node_messages_sent_total": "Publications accepted.",
        "node_messages_received_total": "Messages that clients sent.",
        "client_connections_accepted_total": "Connections accepted.",
        "client_connections_inflight": "Connections that are open, the one that asks included.",
        "client_connections_refused_total": "Connections refused, by the HTTP status of the answer.",
        "client_num_by_name": "Clients that are connected, by registered SDK name.",
        "client_reply_errors_total": "Errors in replies, by code.",
        "client_server_disconnects_total": "Connections that the server ended, by code.",
        "client_server_unsubscribes_total": "Subscriptions that the server ended, by code.",
        "client_commands_total": "Commands that clients sent.",
        "client_recover_total": "Subscriptions that asked for recovery, and whether nothing was missing.",
        "client_recovered_publications_total": "Publications delivered by recovery.",
        "client_slow_closed_total": "Connections closed because their output exceeded the limit.",
        "client_slow_closed_for_process_limit_total":
            "Of those: closed since all connections together exceeded the limit.",
        "client_dropped_publications_total": "Publications that slow readers did not get, by their namespace's policy.",
        "client_replaced_publications_total":
            "Publications that a newer one replaced while a slow reader had not got them.",
        "client_parked_sessions": "Clients that are away and whose state is kept.",
        "store_errors_total": "Publications that the durable store refused.",
        "store_lost": "1: at the start, publications that had been answered for were missing. Every epoch has changed.",
        "transport_waiting_polls": "Long polls that wait for news.",
        "transport_polled_sessions": "Sessions that are polled.",
        "transport_messages_sent_total": "Messages sent to clients.",
        "transport_sent_bytes_total": "Bytes sent to clients.",
        "transport_messages_received_total": "Messages received from clients.",
        "transport_received_bytes_total": "Bytes received from clients.",
        "transport_sends_total": "Writes to connections; fewer than the messages, as messages share them.",
        "transport_accept_errors_total": "Connections that could not be accepted for want of descriptors.",
        "transport_reclaimed_total": "Idle connections ended because new ones needed their places.",
        "transport_responder_requests": "Requests for pages, health and metrics that are being answered.",
        "transport_body_bytes": "Bytes of request bodies that have not arrived whole.",
        "transport_tls_connections": "TLS connections that are open.",
        "transport_tls_handshakes_inflight": "TLS connections whose handshake is not done.",
        "transport_tls_handshakes_total": "TLS handshakes by how they ended; refused ones found no room.",
        "origin_requests_total": "Questions to the application and batches of events, by origin and hook.",
        "origin_requests_inflight": "Of those: under way.",
        "origin_duration_seconds_total": "Time from questions to their ends, summed up.",
        "origin_breaker_open": "1 while nothing is asked, since too many questions came to nothing.",
        "origin_errors_total": "Questions and batches that came to nothing, by reason.",
        "events_waiting": "Events that wait to be told.",
        "events_waiting_bytes": "Bytes of those.",
        "events_recorded_total": "Events recorded.",
        "events_told_total": "Events that the application has acknowledged.",
        "events_failures_total": "Batches that were not acknowledged, and are sent again.",
        "events_dead_letters_total": "Events that were given up after their time.",
        "events_lost_total": "Events that could be kept nowhere.",
        "api_commands_total": "Server API calls.",
        "api_command_errors_total": "Server API calls answered with an error, by code.",
    ]
}
