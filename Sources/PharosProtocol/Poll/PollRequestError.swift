/// Why a stateless poll is refused; status 400.
package enum PollRequestError: Error, Equatable, Sendable {
    case parameter(ParameterError)
    /// A room poll whose `Request-Timeout` leaves less than ten seconds to wait: answered as `RoomPollError` says.
    case shortPollingTimeout
}
