/// Why a stateless poll is refused; status 400.
package enum PollRequestError: Error, Equatable, Sendable {
    case parameter(ParameterError)
    /// A room poll whose `Request-Timeout` leaves too little time.
    ///
    /// It leaves less than ten seconds to wait, and is answered as `RoomPollError` says.
    case shortPollingTimeout
}
