/// The recovery algorithm: proves that nothing is missing, or that something is.
package struct Recovery: Equatable, Sendable {
    package var isRecovered: Bool
    /// The reply's offset: the request's when recovered.
    ///
    /// The client advances from there through `publications`.
    package var offset: UInt64
    package var epoch: Epoch
    package var publications: [Publication]
    /// Where the subscription stands once the reply is out.
    package var position: UInt64

    package enum Failure: Error, Equatable, Sendable {
        /// Live publications do not continue what was read.
        case gap
    }

    /// - Parameters:
    ///   - from: the client's position; nil: it did not ask.
    ///   - buffered: live publications since before the read, in order of arrival.
    package static func merge(
        from: StreamPosition?, mode: ChannelOptions.RecoveryMode, read: StreamRead, buffered: [Publication]
    ) throws(Failure) -> Recovery {
        let isRecovered = from.map { proves($0, mode, read) } ?? false
        var merged = isRecovered ? read.publications : []
        // What arrived live and was read as well is taken once; what follows must follow without a gap.
        var last = max(read.top.offset, merged.last?.offset ?? 0)
        for publication in buffered.sorted(by: { $0.offset < $1.offset }) where publication.offset > last {
            guard publication.offset == last + 1 else { throw .gap }
            merged.append(publication)
            last = publication.offset
        }
        if isRecovered, mode == .cache, let newest = merged.last {
            // A cache subscriber wants the newest value only, and not the one it has.
            let isKnown = newest.offset == from?.offset && from?.epoch == read.top.epoch
            merged = isKnown ? [] : [newest]
        }
        return Recovery(
            isRecovered: isRecovered,
            offset: isRecovered && mode == .stream ? from?.offset ?? 0 : last,
            epoch: read.top.epoch,
            publications: isRecovered ? merged : [],
            position: last)
    }

    private static func proves(
        _ from: StreamPosition, _ mode: ChannelOptions.RecoveryMode, _ read: StreamRead
    ) -> Bool {
        switch mode {
        case .stream:
            guard from.epoch.isEmpty || from.epoch == read.top.epoch else { return false }
            guard let first = read.publications.first, let last = read.publications.last else {
                return read.top.offset == from.offset
            }
            return first.offset == from.offset + 1 && last.offset == read.top.offset
        case .cache:
            if from.offset == read.top.offset, from.epoch == read.top.epoch { return true }
            return read.publications.last.map { $0.offset == read.top.offset } ?? false
        }
    }
}
