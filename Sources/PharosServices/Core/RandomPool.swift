import CPharosSys

/// Random numbers from the operating system, fetched many at a time.
///
/// A system call for each number would take noticeable time when many clients connect.
struct RandomPool: RandomNumberGenerator {
    private static let size = 64
    private var numbers: [UInt64] = []

    mutating func next() -> UInt64 {
        if numbers.isEmpty {
            numbers = Array(repeating: 0, count: RandomPool.size)
            numbers.withUnsafeMutableBytes { pharos_random($0.baseAddress!, $0.count) }
        }
        return numbers.removeLast()
    }
}
