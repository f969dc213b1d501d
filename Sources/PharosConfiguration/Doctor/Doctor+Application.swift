import PharosDomain

extension Doctor {
    /// Judges an origin; one that is away is no reason not to start.
    ///
    /// It may come later, and until then clients are asked to try again.
    static func origin(_ origin: SystemFacts.Origin) -> Finding {
        let subject = "origin \(origin.name)"
        let address = "\(origin.host) port \(origin.port)"
        guard let failure = origin.failure else {
            return Finding(severity: .fine, subject: subject, message: "\(address) accepts connections")
        }
        return Finding(
            severity: .advice, subject: subject, message: "\(address): \(failure)",
            remedy: "Start the application, or correct the url in origins: until then its hooks refuse everybody.")
    }

    /// Whether events for the application would survive this process.
    static func told(_ configuration: PharosConfiguration?) -> [Finding] {
        guard let configuration, configuration.tellsEvents else { return [] }
        let subject = "events"
        guard configuration.settings.store.path.isEmpty else {
            return [Finding(severity: .fine, subject: subject, message: "kept in store.path until they were told")]
        }
        return [
            Finding(
                severity: .advice, subject: subject,
                message: "kept in memory: what was not told yet is lost when the process ends",
                remedy: "Set store.path to a directory.")
        ]
    }

    /// Variables that look like settings and are none.
    package static func environment(_ lines: [String]) -> [Finding] {
        lines.map { Finding(severity: .advice, subject: "environment", message: $0) }
    }
}
