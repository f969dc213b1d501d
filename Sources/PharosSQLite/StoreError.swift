package import PharosDomain

/// Why a store could not be opened.
///
/// The message names the path and what to do about it.
package struct StoreError: Error, Equatable, CustomStringConvertible {
    private enum Kind { case inUse, newerVersion, notAllowed, damaged, foreign, unusable }

    package struct Code: Equatable, Sendable {
        private let kind: Kind

        private init(_ kind: Kind) { self.kind = kind }

        /// Another server works on the same directory.
        package static let inUse = Code(.inUse)
        /// A newer version of Pharos has written the database.
        package static let newerVersion = Code(.newerVersion)
        /// The operating system does not let us create, read or write.
        package static let notAllowed = Code(.notAllowed)
        /// The database's bytes make no sense.
        package static let damaged = Code(.damaged)
        /// The file is a database, but none of ours.
        package static let foreign = Code(.foreign)
        /// Anything else, a full disk for example.
        package static let unusable = Code(.unusable)
    }

    package let code: Code
    package let message: String

    package var description: String { message }
}

/// An event of the store that an operator should know of.
///
/// It is reported on the store's thread, except for events while it opens.
package enum StoreEvent: Equatable, Sendable {
    /// The database was brought to this version's schema.
    case migrated(from: Int, to: Int)
    /// Publishing fails, or some stream cannot be read.
    ///
    /// The store's health says the same.
    case failing(String)
    /// The stored data of a stream cannot be read.
    ///
    /// Its name is for the log, not for clients.
    case damaged(channel: ChannelName)
    /// Something that was answered for may be missing; the text says why.
    ///
    /// All epochs have changed.
    case lost(String)
    /// The write-ahead log was damaged, but nothing is missing.
    ///
    /// All of it had been moved into the database before.
    case needlessLogRemoved
    /// Everything works again.
    case recovered
    /// Expired publications could not be deleted; tried again in a minute.
    case tidyingFailed(String)
}
