package import Metrics
import PharosDomain
import PharosProtocol
package import PharosServices
import Synchronization

/// The counters of the entrances beside the edge; zero where there is none.
package struct TransportCounters: Sendable {
    package var application = ApplicationCounters()

    package init() {}
}

/// Reports the node's counters through swift-metrics each time somebody looks.
///
/// The shards count in plain integers of their own; only here, once per scrape, do the numbers become metrics. All label
/// values come from closed sets: what is not known counts as `other`, an unknown client name as `unregistered`.
package final class NodeMetrics: Sendable {
    private let factory: any MetricsFactory
    private let state = Mutex(State())

    struct State {
        var counters: [Series: (handle: Counter, last: UInt64)] = [:]
        var durations: [Series: (handle: FloatingPointCounter, last: Double)] = [:]
        var gauges: [Series: Gauge] = [:]
        /// Names that were there at an earlier scrape.
        ///
        /// When they vanish, their gauge must fall to 0.
        var clientNames: Set<SDKName> = []
    }

    /// - Parameter describe: gets the description of each metric.
    package init(
        factory: any MetricsFactory, version: String, describe: (_ name: String, _ help: String) -> Void = { _, _ in }
    ) {
        self.factory = factory
        for (name, help) in Self.helps { describe("pharos_\(name)", help) }
        for kind in RefusalKind.allCases { describe("pharos_\(kind.row.metric)", kind.row.help) }
        Gauge(label: "pharos_node_build", dimensions: [("version", version)], factory: factory).record(1)
    }

    /// Brings the metrics to the state of `node`.
    ///
    /// Calls may overlap: a count never falls.
    package func update(_ node: NodeCounters, transports: TransportCounters) {
        state.withLock { state in
            updateNode(node, &state)
            updateClients(node, &state)
            updateTransports(node, transports, &state)
            updateAPI(node, &state)
            updateRefusals(node, &state)
            updateApplication(transports.application, &state)
        }
    }

    private func updateNode(_ node: NodeCounters, _ state: inout State) {
        gauge("node_num_nodes", node.currentNodes, &state)
        count("node_rejected_messages_total", nil, node.rejectedMessages, &state)
        count("node_partial_answers_total", nil, node.partialAnswers, &state)
        gauge("engine_linked", node.engine.currentlyLinked, &state)
        count("engine_links_lost_total", nil, node.engine.linksLost, &state)
        count("engine_gaps_total", nil, node.engine.gaps, &state)
        count("engine_gaps_closed_total", nil, node.engine.repairs, &state)
        count("engine_gaps_given_up_total", nil, node.engine.givenUp, &state)
        count("engine_fetched_publications_total", nil, node.engine.repairedPublications, &state)
        gauge("node_num_clients", node.currentClients, &state)
        gauge("node_num_users", node.currentUsers, &state)
        gauge("node_num_subscriptions", node.currentSubscriptions, &state)
        gauge("node_num_channels", node.currentChannels, &state)
        gauge("raw_num_connections", node.currentRawConnections, &state)
        gauge("raw_waiting_bytes", node.currentRawBytes, &state)
        count("node_messages_sent_total", ("type", "publication"), node.publications, &state)
        count("node_messages_received_total", nil, node.messagesReceived, &state)
    }

    private func updateClients(_ node: NodeCounters, _ state: inout State) {
        count("client_connections_accepted_total", nil, node.connectionsAccepted, &state)
        gauge("client_connections_inflight", node.currentConnections, &state)
        for name in state.clientNames where node.clientNames[name] == nil {
            gauge("client_num_by_name", 0, label: ("name", name.text), &state)
        }
        state.clientNames.formUnion(node.clientNames.keys)
        for (name, number) in node.clientNames {
            gauge("client_num_by_name", number, label: ("name", name.text), &state)
        }
        byCode("client_connections_refused_total", "status", node.connectionsRefused, Self.statuses, &state)
        byCode("client_reply_errors_total", "code", node.replyErrors, Self.replyCodes, &state)
        byCode("client_server_disconnects_total", "code", node.disconnects, Self.disconnectCodes, &state)
        byCode("client_server_unsubscribes_total", "code", node.unsubscribes, Self.unsubscribeCodes, &state)
        byName("client_commands_total", node.commands, Self.commands, &state)
        count("client_recover_total", ("recovered", "yes"), node.recoveries, &state)
        count("client_recover_total", ("recovered", "no"), node.recoveryFailures, &state)
        count("client_recovered_publications_total", nil, node.recoveredPublications, &state)
        count("client_slow_closed_total", nil, node.slowClosed, &state)
        count("client_slow_closed_for_process_limit_total", nil, node.slowClosedByTotal, &state)
        count("client_dropped_publications_total", nil, node.droppedPublications, &state)
        count("client_replaced_publications_total", nil, node.replacedPublications, &state)
        gauge("client_parked_sessions", node.currentParkedSessions, &state)
        count("store_errors_total", nil, node.storeErrors, &state)
        gauge("store_lost", node.currentStoreLosses, &state)
    }

    private func updateTransports(
        _ node: NodeCounters, _ transports: TransportCounters, _ state: inout State
    ) {
        count("transport_messages_sent_total", nil, node.messagesSent, &state)
        count("transport_sent_bytes_total", nil, node.bytesSent, &state)
        count("transport_messages_received_total", nil, node.messagesReceived, &state)
        count("transport_received_bytes_total", nil, node.bytesReceived, &state)
        count("transport_sends_total", nil, node.sends, &state)
        count("transport_accept_errors_total", nil, node.acceptErrors, &state)
        count("transport_reclaimed_total", nil, node.reclaimed, &state)
        gauge("transport_responder_requests", node.currentResponderRequests, &state)
        gauge("transport_body_bytes", node.currentBodyBytes, &state)
        gauge("transport_waiting_polls", node.currentWaitingPolls, &state)
        gauge("transport_polled_sessions", node.currentPolledSessions, &state)
        gauge("transport_tls_connections", node.currentTLSConnections, &state)
        gauge("transport_tls_handshakes_inflight", node.currentTLSHandshakes, &state)
        let handshakes = "transport_tls_handshakes_total"
        count(handshakes, ("result", "done"), node.tlsHandshakes - node.tlsHandshakesResumed, &state)
        count(handshakes, ("result", "resumed"), node.tlsHandshakesResumed, &state)
        count(handshakes, ("result", "failed"), node.tlsHandshakesFailed, &state)
        count(handshakes, ("result", "refused"), node.tlsHandshakesRefused, &state)
        updateHTTP2(node, &state)
    }

    private func updateHTTP2(_ node: NodeCounters, _ state: inout State) {
        let http2 = node.http2
        gauge("transport_http2_connections", http2.currentConnections, &state)
        gauge("transport_http2_streams", http2.currentStreams, &state)
        gauge("transport_http2_websockets", http2.currentWebSockets, &state)
        count("transport_http2_connections_total", nil, http2.connections, &state)
        count("transport_http2_streams_total", nil, http2.streams, &state)
        count("transport_http2_streams_reset_total", nil, http2.resets, &state)
        count("transport_http2_streams_withdrawn_total", nil, http2.withdrawn, &state)
        count("transport_http2_streams_refused_total", nil, http2.refused, &state)
        for (reason, ended) in http2.endedByReason {
            count("transport_http2_connections_ended_total", ("reason", reason), ended, &state)
        }
    }

    private func updateAPI(_ node: NodeCounters, _ state: inout State) {
        byName("api_commands_total", node.apiCalls, Set(ServerAPI.verbs.map { $0.name.text }), &state)
        byCode("api_command_errors_total", "code", node.apiErrors, Self.replyCodes, &state)
    }

    /// Updates one counter for each kind and reason.
    ///
    /// It is there from the first scrape on: a rate needs a value to begin with.
    private func updateRefusals(_ node: NodeCounters, _ state: inout State) {
        for kind in RefusalKind.allCases {
            let row = kind.row
            for reason in row.reasons {
                count(row.metric, (row.label, reason), node.refusals[kind]?[reason] ?? 0, &state)
            }
        }
    }

    // MARK: Details

    private func gauge(_ name: String, _ value: Int, label: (String, String)? = nil, _ state: inout State) {
        gauge(name, value, label.map { [$0] } ?? [], &state)
    }

    func gauge(_ name: String, _ value: Int, _ state: inout State) { gauge(name, value, [], &state) }

    func gauge(_ name: String, _ value: Int, _ dimensions: [(String, String)], _ state: inout State) {
        let key = NodeMetrics.key(name, dimensions)
        if state.gauges[key] == nil {
            state.gauges[key] = Gauge(label: "pharos_\(name)", dimensions: dimensions, factory: factory)
        }
        state.gauges[key]?.record(value)
    }

    /// A metric with the values of its labels, some of which an operator has named.
    typealias Series = [Identifier<NameOf.Label>]

    private static func key(_ name: String, _ dimensions: [(String, String)]) -> Series {
        [Identifier(name)] + dimensions.map { Identifier($0.1) }
    }

    func count(_ name: String, _ label: (String, String)?, _ value: UInt64, _ state: inout State) {
        count(name, label.map { [$0] } ?? [], value, &state)
    }

    func count(_ name: String, _ dimensions: [(String, String)], _ value: UInt64, _ state: inout State) {
        let key = NodeMetrics.key(name, dimensions)
        if state.counters[key] == nil {
            state.counters[key] = (Counter(label: "pharos_\(name)", dimensions: dimensions, factory: factory), 0)
        }
        guard let (handle, last) = state.counters[key], value > last else { return }
        handle.increment(by: Int64(clamping: value - last))
        state.counters[key]?.last = value
    }

    func seconds(_ name: String, _ dimensions: [(String, String)], _ value: Double, _ state: inout State) {
        let key = NodeMetrics.key(name, dimensions)
        if state.durations[key] == nil {
            state.durations[key] = (
                FloatingPointCounter(label: "pharos_\(name)", dimensions: dimensions, factory: factory), 0
            )
        }
        guard let (handle, last) = state.durations[key], value > last else { return }
        handle.increment(by: value - last)
        state.durations[key]?.last = value
    }

    private func byCode<Code: BinaryInteger & Hashable>(
        _ name: String, _ label: String, _ values: [Code: UInt64], _ known: Set<Int>, _ state: inout State
    ) {
        byName(
            name, Dictionary(uniqueKeysWithValues: values.map { (String($0.key), $0.value) }),
            Set(known.map { String($0) }), label: label, &state)
    }

    private func byName(
        _ name: String, _ values: [String: UInt64], _ known: Set<String>, label: String = "method",
        _ state: inout State
    ) {
        var other: UInt64 = 0
        for (value, number) in values {
            if known.contains(value) {
                count(name, (label, value), number, &state)
            } else {
                other += number
            }
        }
        if other > 0 { count(name, (label, "other"), other, &state) }
    }
}
