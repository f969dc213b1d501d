package import PharosDomain

/// The parameters in which the id of the last event may be sent.
///
/// They stand in for the header `Last-Event-ID` where it cannot be set.
package enum LastEventID {
    /// Whether a parameter has one of the names in use.
    ///
    /// They are `lastEventId`, `lastEventID`, `last_event_id`, `last-event-id`, `Last-Event-ID` and
    /// `evs_last_event_id`.
    package static func isName(_ parameter: FieldName) -> Bool {
        guard 11...17 ~= parameter.utf8.count else { return false }
        let letters = parameter.utf8.filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "_") }.map { $0 | 0x20 }
        return letters.elementsEqual("lasteventid".utf8) || letters.elementsEqual("evslasteventid".utf8)
    }
}
