@_spi(TestKit) import ServiceLifecycle
import Synchronization

/// The groups of ServiceLifecycle, for the waiting parts of this library.
enum Lifecycle {
    /// Whether this task belongs to a service of a group.
    ///
    /// Then it will be asked to shut down. ServiceLifecycle has no other way to find out: `withGracefulShutdownHandler` sets
    /// no handler outside of a group, and does not say so.
    static var isService: Bool { TaskLocals.gracefulShutdownManager != nil }
}

/// How a server ends, for those that depend on it.
///
/// A group ends its services one after the other, and a service that ends before its turn is an error of the whole group.
/// So when the server is asked first, the others of its group have to wait for their turn. Outside of a group there is none
/// to wait for.
final class ServerEnding: Sendable {
    private let isServiceOfGroup = Atomic<Bool>(false)

    /// The server runs, in the task that asks.
    func begin() { isServiceOfGroup.store(Lifecycle.isService, ordering: .releasing) }

    /// Waits for the calling service's own end, after the server's.
    ///
    /// The service is asked to shut down, or its task is cancelled.
    func ownTurn() async {
        guard isServiceOfGroup.load(ordering: .acquiring), Lifecycle.isService else { return }
        try? await gracefulShutdown()
    }
}
