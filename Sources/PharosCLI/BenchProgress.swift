import Glibc

/// One line on the terminal that says how far a bench is.
///
/// There is none where there is no terminal.
struct BenchProgress: Sendable {
    private let isTerminal = isatty(STDERR_FILENO) == 1

    init() {}

    func show(_ result: BenchResult, ready: Int) {
        guard isTerminal else { return }
        let plan = result.plan
        let text =
            if result.published == 0 {
                "connecting: \(ready) of \(plan.connections) ready, \(result.failed) failed"
            } else {
                "published \(result.published)\(plan.count.map { " of \($0)" } ?? ""), delivered \(result.delivered)"
            }
        // Back to the start of the line, and the rest of it wiped.
        write("\r\(text)\u{1B}[K")
    }

    func clear() {
        if isTerminal { write("\r\u{1B}[K") }
    }

    private func write(_ text: String) {
        var text = text
        text.withUTF8 { _ = Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
