extension NodeMetrics {
    func updateApplication(_ application: ApplicationCounters, _ state: inout State) {
        for lane in application.lanes where lane.requests > 0 {
            let labels = [("origin", lane.origin), ("hook", lane.hook)]
            count("origin_requests_total", labels, lane.requests, &state)
            gauge("origin_requests_inflight", lane.inFlight, labels, &state)
            seconds("origin_duration_seconds_total", labels, lane.durationSeconds, &state)
            gauge("origin_breaker_open", lane.isBreakerOpen ? 1 : 0, labels, &state)
            for (reason, number) in lane.errors {
                count("origin_errors_total", labels + [("reason", reason)], number, &state)
            }
        }
        guard let events = application.events else { return }
        gauge("events_waiting", events.waiting, &state)
        gauge("events_waiting_bytes", events.waitingBytes, &state)
        count("events_recorded_total", nil, events.recorded, &state)
        count("events_told_total", nil, events.told, &state)
        count("events_failures_total", nil, events.failures, &state)
        count("events_dead_letters_total", nil, events.deadLetters, &state)
        count("events_lost_total", nil, events.lost, &state)
    }
}
