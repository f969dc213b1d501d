extension NodeMetrics {
    func updateApplication(_ application: ApplicationCounters, _ state: inout State) {
        for lane in application.lanes where lane.requests > 0 {
            let labels = [("origin", lane.origin), ("hook", lane.hook)]
            count("origin_requests", labels, lane.requests, &state)
            gauge("origin_requests_inflight", lane.inFlight, labels, &state)
            count("origin_duration_milliseconds", labels, UInt64(max(lane.durationSeconds * 1_000, 0)), &state)
            gauge("origin_breaker_open", lane.isBreakerOpen ? 1 : 0, labels, &state)
            for (reason, number) in lane.errors {
                count("origin_errors", labels + [("reason", reason)], number, &state)
            }
        }
        guard let events = application.events else { return }
        gauge("events_waiting", events.waiting, &state)
        gauge("events_waiting_bytes", events.waitingBytes, &state)
        count("events_recorded", nil, events.recorded, &state)
        count("events_told", nil, events.told, &state)
        count("events_failures", nil, events.failures, &state)
        count("events_dead_letters", nil, events.buried, &state)
        count("events_lost", nil, events.lost, &state)
    }
}
