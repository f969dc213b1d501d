import CPharosSys

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A thread of the operating system, for work that blocks or never ends.
///
/// Swift's own threads are as many as there are processors; what blocks one of them takes it from everything else.
package struct SystemThread: Sendable {
    /// Why a thread could not be started: an error number of the system.
    package struct StartFailure: Error, Equatable, CustomStringConvertible {
        package let code: Int32

        package var description: String { String(cString: strerror(code)) }
    }

    private let handle: pthread_t

    /// Starts a thread that runs `body` and then ends.
    ///
    /// Each thread is either joined or detached, once: else the system keeps what belongs to it.
    ///
    /// - Parameters:
    ///   - name: how the system's tools show the thread; at most 15 bytes.
    ///   - processor: the one to pin the thread to, if that can be done; nil: none.
    package init(
        name: String, processor: Int? = nil, body: @escaping @Sendable () -> Void
    ) throws(StartFailure) {
        let start = Unmanaged.passRetained(Start(name: name, processor: processor, body: body))
        var thread = pthread_t()
        let code = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, start.toOpaque())
        guard code == 0 else {
            start.release()
            throw StartFailure(code: code)
        }
        handle = thread
    }

    /// Blocks the calling thread until this one has ended.
    package func join() { pthread_join(handle, nil) }

    /// Lets the thread end unobserved.
    package func detach() { pthread_detach(handle) }
}

/// The argument of a thread's first function.
private final class Start: Sendable {
    private let name: String
    private let processor: Int?
    private let body: @Sendable () -> Void

    init(name: String, processor: Int?, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.processor = processor
        self.body = body
    }

    func run() {
        pharos_name_thread(name)
        if let processor { _ = pharos_pin_thread(Int32(processor)) }
        body()
    }
}
