import PharosBytes
import Synchronization

/// Carries out the changes of one database, one after another.
///
/// It ends when its queue is closed.
protocol DedicatedWriter: AnyObject {
    var database: StoreDatabase { get }

    func run()
}

/// The thread on which a database's writer works.
///
/// It closes the database at its end.
final class WriterThread: Sendable {
    /// nil once it has ended.
    private let thread: Mutex<SystemThread?>

    /// Starts the thread. From then on the writer and its database belong to it.
    ///
    /// - Parameter title: names the thread's purpose in the message of the error.
    init(name: String, title: String, _ writer: any DedicatedWriter) throws(StoreError) {
        let handover = WriterHandover(writer)
        do {
            thread = Mutex(try SystemThread(name: name) { handover.run()?.close() })
        } catch {
            throw StoreError(code: .unusable, message: "cannot start the \(title)'s thread: \(error)")
        }
    }

    /// Waits until the writer has ended and its database is closed.
    func join() {
        thread.withLock { thread in
            thread?.join()
            thread = nil
        }
    }
}

/// Hands a writer over to its thread.
///
/// One thread at a time uses it: the one that makes it, then the one that it is given to.
private final class WriterHandover: @unchecked Sendable {
    private var writer: (any DedicatedWriter)?

    init(_ writer: any DedicatedWriter) { self.writer = writer }

    /// Runs the writer to its end and releases it.
    ///
    /// Its statements go with it: the database can only be closed without them.
    func run() -> StoreDatabase? {
        let database = writer?.database
        writer?.run()
        writer = nil
        return database
    }
}
