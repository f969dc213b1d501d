/// The facts about the machine that `doctor` judges.
///
/// They are a plain value, so that every finding can be tested.
package struct SystemFacts: Equatable, Sendable {
    /// Descriptors this process may open.
    package var openFilesSoft = 0
    package var openFilesHard = 0
    /// `net.core.somaxconn`; nil: not readable.
    package var acceptBacklogLimit: Int?
    package var ports: [Port] = []
    package var origins: [Origin] = []
    /// nil: the configuration needs no directory.
    package var store: Store?
    /// Seconds since 1970.
    package var now: Int64 = 0
    /// Whether two readings of the monotonic clock were in order.
    package var isClockMonotonic = true
    package var memoryTotal: UInt64?
    package var memoryAvailable: UInt64?
    /// Bytes the control group allows; nil: no limit.
    package var memoryLimit: UInt64?
    /// Processors that this process may use.
    package var cores = 1
    /// The number of processors for people.
    ///
    /// It has the reason where they are not all of the machine's; "": the number is enough.
    package var coresText = ""

    package init() {}

    /// Where the configuration says that the application is.
    package struct Origin: Equatable, Sendable {
        package var name: String
        package var host: String
        package var port: Int
        /// Why no connection could be made; nil: one was.
        package var failure: String?

        package init(name: String, host: String, port: Int, failure: String?) {
            self.name = name
            self.host = host
            self.port = port
            self.failure = failure
        }
    }

    /// The directory of the durable store.
    package struct Store: Equatable, Sendable {
        /// From the root on.
        package var path: String
        package var exists = false
        /// Why it cannot be used; nil: it can.
        package var problem: String?
        /// The process that uses it, "" if that has no name; nil: none does.
        package var user: String?
        /// Bytes for this user; nil: not known.
        package var free: UInt64?

        package init(path: String) { self.path = path }
    }

    /// A port the configuration wants.
    package struct Port: Equatable, Sendable {
        /// The key that chose it.
        package var key: String
        package var address: String
        package var number: Int
        package var state: State
        /// How the Pharos is that listens there; nil: none does.
        package var health: Health?

        package init(key: String, address: String, number: Int, state: State) {
            self.key = key
            self.address = address
            self.number = number
            self.state = state
        }

        package enum Health: Equatable, Sendable {
            case well
            /// It does not answer `/health`.
            case unknown
            /// The server's `/health` reports a fault.
            case ill(String)
        }

        package enum State: Equatable, Sendable {
            case free
            /// By whom, as far as this user may see: `nginx (pid 12)`.
            case taken(by: String?)
            /// The text of the system's error.
            case refused(String)
        }
    }
}
