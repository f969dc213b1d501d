extension ClientSession {
    /// How far a connection is. Each state holds what is known only in it.
    package enum State: Sendable {
        /// nil: nothing is known of the client yet.
        case awaitingConnect(Arrival?)
        /// The connect is being worked on; commands wait.
        case connecting(Connecting)
        case connected
        /// The connect was answered with an error: nothing more is processed.
        ///
        /// Holds what an earlier connection left and this one has taken for nothing.
        case refused(unused: LeftState?)
        case closed
    }

    /// Knowledge of a client before its first command.
    package final class Arrival: Sendable {
        /// The user, where that needs no token. A token that the client brings still wins.
        let identity: ConnectionClaims?
        /// The client has the key of a session.
        ///
        /// Nothing is taken from anybody yet: that the key is known says nothing about whether the client may connect.
        let bringsKey: Bool

        init(identity: ConnectionClaims?, bringsKey: Bool) {
            self.identity = identity
            self.bringsKey = bringsKey
        }
    }

    /// A connect that is not answered yet.
    package final class Connecting: Sendable {
        let connect: Connect
        let stage: Stage

        init(_ connect: Connect, _ stage: Stage) {
            self.connect = connect
            self.stage = stage
        }

        /// Which answer is awaited.
        enum Stage: Sendable {
            case verifying
            /// The application says who the client is.
            case asking
            /// An earlier state is looked for. nil: nothing but the key names the client.
            case claiming(Admission?)
            /// The client is known, and its channels are read for the result.
            case subscribing(ConnectResult)
        }
    }

    /// The command that connects, and what is known of the client's key.
    struct Connect: Sendable {
        let command: UInt32
        let request: ConnectRequest
        var key: Key

        enum Key: Sendable {
            case none
            case brought
            /// It was looked for; nil: nothing is left.
            case claimed(LeftState?)
        }

        /// The state of an earlier connection, once it has been looked for.
        var left: LeftState? {
            guard case .claimed(let left) = key else { return nil }
            return left
        }
    }

    /// The claims by which a client may connect, and the data of its reply.
    struct Admission: Sendable {
        let claims: ConnectionClaims
        let data: [UInt8]
    }

    /// The state of an earlier connection, behind a reference.
    package final class LeftState: Sendable {
        let state: RestoredState
        init(_ state: RestoredState) { self.state = state }
    }
}
