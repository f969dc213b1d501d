package import PharosDomain

/// The application that is asked and gets events; nothing set: there is none.
package struct Application: Sendable {
    package var origin: (any Origin)?
    package var raw: (any RawOrigin)?
    package var events: (any EventLog)?

    package init(
        origin: (any Origin)? = nil, raw: (any RawOrigin)? = nil, events: (any EventLog)? = nil
    ) {
        self.origin = origin
        self.raw = raw
        self.events = events
    }
}
