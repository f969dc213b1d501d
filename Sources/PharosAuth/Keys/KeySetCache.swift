package import PharosDomain
import Synchronization

/// Fetches one key set.
///
/// It is an HTTP GET of `endpoint`, an address from the configuration.
///
/// It must give up by itself after some seconds and should stop reading at 1 MiB; a larger body is refused anyway.
package typealias KeySetFetch = @Sendable (_ endpoint: String) async throws -> [UInt8]

/// An error of a `KeySetFetch` that says more than that no answer came.
package protocol KeySetFetchFailure: Error, CustomStringConvertible {
    var fault: KeySetFault { get }
}

/// How fetching key sets goes.
///
/// Addresses are without their query, which may hold a key.
package enum KeySetReport: Equatable, Sendable {
    case failed(endpoint: String, KeySetFault, why: String)
    /// The first success after `failed`.
    case recovered(endpoint: String)
}

/// The key sets of one configuration, shared by all shards.
///
/// Looking up never waits for the network: it answers from what is there, or that keys are needed. `load` fetches, once
/// for all who ask at the same time. A reload replaces a whole set at once, so a look-up sees the old or the new set.
final class KeySetCache: Sendable {
    /// Milliseconds for which a set is believed before it is asked for again.
    static let lifetimeMs: Int64 = 3_600_000
    /// Milliseconds between two fetches because of an unknown key.
    ///
    /// They count from the end of the first. Strangers can cause no more.
    static let minimumIntervalMs: Int64 = 10_000

    /// A key that fits a token, and what its address demands of the claims.
    struct Candidate: Sendable {
        var key: VerificationKey
        var binding: [String: String]
    }

    enum Lookup {
        case keys([Candidate])
        /// Keys may come, or are on their way.
        case needsKeys
        /// No key fits, but not every set is there.
        ///
        /// A fetch has failed, and the next must wait a moment.
        case unavailable
    }

    private struct Loaded {
        var set: KeySet
        var loadedMs: Int64
    }

    private struct State {
        /// By address; nil before the first success.
        var sets: [Loaded?]
        /// True from a `needsKeys` (or the start) until the fetch that answers it begins.
        var isWanted = true
        var loading: Task<Void, Never>?
        /// By address: the last fetch came to nothing.
        var isFailing: [Bool]
        var lastLoadEndMs: Int64?

        /// Notes that keys are wanted, unless the last fetch is too recent for another.
        ///
        /// False: the answer stands.
        mutating func ask(_ nowMs: Int64) -> Bool {
            if loading != nil || isWanted { return true }
            if let last = lastLoadEndMs, nowMs - last < KeySetCache.minimumIntervalMs { return false }
            isWanted = true
            return true
        }
    }

    let addresses: KeySetAddresses
    private let fetch: KeySetFetch
    private let monotonicMs: @Sendable () -> Int64
    private let report: @Sendable (KeySetReport) -> Void
    private let state: Mutex<State>

    /// Makes a cache without keys.
    ///
    /// - Parameter monotonicMs: a clock that never goes back: setting the server's time must not hold up keys.
    init(
        addresses: KeySetAddresses, fetch: @escaping KeySetFetch, monotonicMs: @escaping @Sendable () -> Int64,
        report: @escaping @Sendable (KeySetReport) -> Void
    ) {
        self.addresses = addresses
        self.fetch = fetch
        self.monotonicMs = monotonicMs
        self.report = report
        let count = addresses.all.count
        state = Mutex(
            State(sets: Array(repeating: nil, count: count), isFailing: Array(repeating: false, count: count)))
    }

    /// The keys that may have signed `token`.
    func lookup(_ token: CompactToken) -> Lookup {
        let nowMs = monotonicMs()
        return state.withLock { state in
            var candidates: [Candidate] = []
            var isFresh = true
            for (address, loaded) in zip(addresses.all, state.sets) {
                guard let loaded else { continue }
                for entry in loaded.set.entries where entry.fits(token) {
                    candidates.append(Candidate(key: entry.key, binding: address.binding))
                    isFresh = isFresh && nowMs - loaded.loadedMs < Self.lifetimeMs
                }
            }
            if isFresh && !candidates.isEmpty { return .keys(candidates) }
            // When renewal fails, the old keys go on: a known user does not suffer from somebody's broken server.
            if state.ask(nowMs) { return .needsKeys }
            return candidates.isEmpty && state.sets.contains { $0 == nil } ? .unavailable : .keys(candidates)
        }
    }

    /// Whether newer keys might verify `token`, which the known ones do not.
    ///
    /// They are then asked for. Never for a token that names its key: a wrong signature by a known key is a forgery,
    /// and no fetch can repair it.
    func mayChange(forRejected token: CompactToken) -> Bool {
        guard token.keyID == nil else { return false }
        let nowMs = monotonicMs()
        return state.withLock { $0.ask(nowMs) }
    }

    /// Fetches the sets if somebody needs them; joins a fetch that is under way.
    ///
    /// Never throws: a set that cannot be fetched keeps its old keys.
    func load() async {
        let task: Task<Void, Never>? = state.withLock { state in
            if let loading = state.loading { return loading }
            guard state.isWanted else { return nil }
            state.isWanted = false
            let task = Task { await self.fetchAll() }
            state.loading = task
            return task
        }
        await task?.value
    }

    private func fetchAll() async {
        let fetched = await withTaskGroup(of: (Int, Result<KeySet, Failure>).self) { group in
            for (index, address) in addresses.all.enumerated() {
                group.addTask { [fetch] in (index, await KeySetCache.fetched(address.url, fetch)) }
            }
            var sets: [(Int, Result<KeySet, Failure>)] = []
            for await result in group { sets.append(result) }
            return sets
        }
        let endMs = monotonicMs()
        let reports = state.withLock { state in
            var reports: [KeySetReport] = []
            for (index, result) in fetched.sorted(by: { $0.0 < $1.0 }) {
                let endpoint = KeySetCache.shown(addresses.all[index].url)
                switch result {
                case .success(let set):
                    state.sets[index] = Loaded(set: set, loadedMs: endMs)
                    if state.isFailing[index] { reports.append(.recovered(endpoint: endpoint)) }
                    state.isFailing[index] = false
                case .failure(let failure):
                    state.isFailing[index] = true
                    reports.append(.failed(endpoint: endpoint, failure.fault, why: failure.why))
                }
            }
            state.lastLoadEndMs = endMs
            state.loading = nil
            return reports
        }
        for each in reports { report(each) }
    }

    private struct Failure: Error {
        var fault: KeySetFault
        var why: String
    }

    private static func fetched(_ url: String, _ fetch: KeySetFetch) async -> Result<KeySet, Failure> {
        let document: [UInt8]
        do {
            document = try await fetch(url)
        } catch let error as any KeySetFetchFailure {
            return .failure(Failure(fault: error.fault, why: error.description))
        } catch {
            return .failure(Failure(fault: .unreachable, why: "\(error)"))
        }
        do {
            return .success(try KeySet(document: document))
        } catch {
            let fault = error == .tooLarge ? KeySetFault.tooLarge : .malformed
            return .failure(Failure(fault: fault, why: error.text))
        }
    }

    /// An address as it may be shown: without query, and without a password.
    private static func shown(_ url: String) -> String {
        let address = url.prefix { $0 != "?" && $0 != "#" }
        guard let mark = address.firstRange(of: "://"), let at = address.lastIndex(of: "@"), mark.upperBound <= at
        else {
            return String(address)
        }
        return "\(address[..<mark.upperBound])\(address[address.index(after: at)...])"
    }
}
