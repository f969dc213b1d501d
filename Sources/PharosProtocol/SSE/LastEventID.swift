package import PharosDomain

/// Under which names the id of the last event is sent where the header `Last-Event-ID` cannot be set.
package enum LastEventID {
    /// In use are `lastEventId`, `lastEventID`, `last_event_id`, `last-event-id`, `Last-Event-ID` and `evs_last_event_id`.
    package static func isName(_ parameter: FieldName) -> Bool {
        guard 11...17 ~= parameter.utf8.count else { return false }
        let letters = parameter.utf8.filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "_") }.map { $0 | 0x20 }
        return letters.elementsEqual("lasteventid".utf8) || letters.elementsEqual("evslasteventid".utf8)
    }
}
