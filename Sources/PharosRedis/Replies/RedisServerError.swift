/// An error that Redis answered, by the word it begins with.
package struct RedisServerError: Error, Equatable, Sendable, CustomStringConvertible {
    package let kind: Kind
    /// The whole text, with the word; bytes that are no UTF-8 are replaced.
    package let message: String

    /// The meaning of an error, as far as a client acts upon it.
    package enum Kind: Equatable, Sendable {
        /// MOVED: another node of the cluster has the slot, from now on.
        case moved(RedisRedirection)
        /// ASK: another node has it for the next command only, which ASKING must precede.
        case ask(RedisRedirection)
        /// CLUSTERDOWN: the cluster, or the slot, is not served.
        case clusterDown
        /// CROSSSLOT: the keys of one command are in several slots.
        case crossSlot
        /// TRYAGAIN: the keys of one command are on two nodes while their slot moves.
        case tryAgain
        /// READONLY: a write to a replica.
        case readOnly
        /// MASTERDOWN: a replica without its primary, which may not answer.
        case masterDown
        /// NOREPLICAS: fewer replicas than a write needs.
        case noReplicas
        /// LOADING: the data is being read after a start.
        case loading
        /// BUSY: a script runs.
        case busy
        /// OOM: a write beyond `maxmemory`.
        case outOfMemory
        /// MISCONF: writes are refused since the data cannot be saved.
        case cannotSave
        /// NOSCRIPT: the script of an EVALSHA has to be sent.
        case noScript
        /// NOAUTH: a password is asked for.
        case noAuth
        /// WRONGPASS: the user or the password is wrong.
        case wrongPassword
        /// NOPERM: the user may not do that.
        case noPermission
        /// NOPROTO: HELLO asked for a version that does not exist there.
        case noProtocol
        /// WRONGTYPE: the key holds a value of another type.
        case wrongType
        /// ERR, about a command or subcommand that does not exist.
        case unknownCommand
        /// Another word, ERR in most cases; empty if the text begins with no such word.
        case other(String)
    }

    /// Whether the same command may succeed later, or on another node.
    ///
    /// The command was not carried out; a script may have been, up to the call that failed.
    package var isTemporary: Bool {
        switch kind {
        case .moved, .ask, .clusterDown, .tryAgain, .readOnly, .masterDown, .noReplicas, .loading, .busy,
            .outOfMemory, .cannotSave:
            true
        case .crossSlot, .noScript, .noAuth, .wrongPassword, .noPermission, .noProtocol, .wrongType, .unknownCommand,
            .other:
            false
        }
    }

    package var description: String { message }
}

/// The node that a cluster names instead of the one that was asked.
package struct RedisRedirection: Equatable, Sendable {
    /// From 0 to 16,383.
    package let slot: Int
    /// The name or address; nil: that of the node that answered.
    package let host: String?
    package let port: UInt16
}
