import PharosDomain

extension Doctor {
    /// The directory of a configuration's store and the databases in it.
    ///
    /// nil: none is opened.
    package static func store(
        of configuration: PharosConfiguration?
    ) -> (path: String, databases: [(database: String, lock: String)])? {
        guard let configuration, !configuration.settings.store.path.isEmpty else { return nil }
        let databases =
            (configuration.storesOnDisk ? [StoreProbe.streams] : [])
            + (configuration.tellsEvents ? [StoreProbe.events] : [])
        return databases.isEmpty ? nil : (configuration.settings.store.path, databases)
    }

    /// Judges the store's directory.
    ///
    /// It must be there or be possible to make, be this server's alone, and have room.
    static func store(_ facts: SystemFacts) -> [Finding] {
        guard let store = facts.store else { return [] }
        let subject = "store.path"
        if let problem = store.problem {
            return [
                Finding(
                    severity: .broken, subject: subject, message: problem,
                    remedy: "Give the server's user the right to read and write there, or choose another directory.")
            ]
        }
        let room = store.free.map { ", \(mebibytes($0)) MiB free" } ?? ""
        if let user = store.user {
            let name = user.isEmpty ? "" : " (process \(user))"
            guard isRunning(facts, user) else {
                return [
                    Finding(
                        severity: .broken, subject: subject,
                        message: "\(store.path) is in use by another server\(name)",
                        remedy: "Stop that one, or give this one a directory of its own.")
                ]
            }
            return [
                Finding(
                    severity: .fine, subject: subject,
                    message: "\(store.path) is in use by the running Pharos\(name)\(room)")
            ]
        }
        let state = "\(store.path) \(store.exists ? "is there and can be written" : "can be made")"
        if let free = store.free, free < roomAdvised {
            return [
                Finding(
                    severity: free < roomNeeded ? .broken : .advice, subject: subject, message: state + room,
                    remedy: "Free some space: when the disk is full, publishers are refused until there is room again.")
            ]
        }
        return [Finding(severity: .fine, subject: subject, message: state + room)]
    }

    /// Bytes: a server may start with less, and would soon refuse publications.
    private static let roomNeeded: UInt64 = 16 << 20
    private static let roomAdvised: UInt64 = 512 << 20

    /// Whether the store's user is the Pharos on the wanted port.
    private static func isRunning(_ facts: SystemFacts, _ process: String) -> Bool {
        facts.ports.contains { port in
            guard case .taken(let owner) = port.state, port.health != nil else { return false }
            // Another user's processes have no names here.
            return owner.map { process.isEmpty || $0.hasSuffix("(pid \(process))") } ?? true
        }
    }

    /// Judges a port that is taken.
    ///
    /// A running Pharos there is no fault: people look at servers that run.
    static func taken(_ port: SystemFacts.Port, _ address: String, by owner: String, _ facts: SystemFacts) -> Finding? {
        let subject = port.key
        switch port.health {
        case .well?:
            return Finding(
                severity: .fine, subject: subject,
                message: "\(address) is served by a running Pharos, \(owner), which is well")
        case .unknown?:
            return Finding(
                severity: .fine, subject: subject,
                message:
                    "\(address) is served by a running Pharos, \(owner); how it is it does not tell: health.enabled is off"
            )
        case .ill(let problem)?:
            return Finding(
                severity: .advice, subject: subject,
                message: "\(address) is served by a running Pharos, \(owner), which is not well: \(problem)",
                remedy: "Look at its log, and at /health.")
        case nil:
            // The port for TLS is the same server's, and is not spoken to.
            guard case .taken(let holder) = port.state,
                facts.ports.contains(where: { $0.key != port.key && $0.health != nil && $0.state == .taken(by: holder) }
                )
            else { return nil }
            return Finding(severity: .fine, subject: subject, message: "\(address) is served by the same, \(owner)")
        }
    }
}
