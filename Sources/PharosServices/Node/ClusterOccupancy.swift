import PharosBytes
import PharosDomain

/// This node's part in finding the first and the last subscriber of channels.
///
/// Any thread. See `ChannelOccupancy`. It does not end with a shard: the last subscribers of a node may be on any of them.
final class ClusterOccupancy: Sendable {
    private struct State: Sendable {
        var machine: ChannelOccupancy
        var output: [ChannelOccupancy.Output] = []
        var isCarryingOut = false
    }

    private let state: Locked<State>
    private let sender: NodeSender
    private let tell: @Sendable (ChannelName, Bool) -> Void

    /// Makes the part of one node.
    ///
    /// - Parameter tell: gets what is to be told to the application, in order; must not block.
    init(
        here: UInt64, settleMs: Int64, nowMs: Int64, sender: NodeSender,
        tell: @escaping @Sendable (ChannelName, Bool) -> Void
    ) {
        state = Locked(State(machine: ChannelOccupancy(here: here, settleMs: settleMs, nowMs: nowMs)))
        self.sender = sender
        self.tell = tell
    }

    /// A channel has got its first subscriber on this node, or has lost its last.
    func change(_ channel: ChannelName, isOccupied: Bool, nowMs: Int64) {
        run { $0.change(channel, isOccupied: isOccupied, nowMs: nowMs) }
    }

    func receive(_ message: OccupancyMessage, from node: UInt64, nowMs: Int64) {
        run { $0.receive(message, from: node, nowMs: nowMs) }
    }

    /// See `ChannelOccupancy`.
    func nodesChanged(
        gone: Set<UInt64> = [], came: Set<UInt64> = [], forgetful: Set<UInt64> = [], nowMs: Int64
    ) {
        run { $0.nodesChanged(gone: gone, came: came, forgetful: forgetful, nowMs: nowMs) }
    }

    func tick(nowMs: Int64) { run { $0.tick(nowMs: nowMs) } }

    func end(nowMs: Int64) { run { $0.end(nowMs: nowMs) } }

    /// Gives input to the machine, and carries out what follows.
    ///
    /// That is done outside the lock, by one thread at a time, so that its order stays.
    private func run(_ input: (inout ChannelOccupancy) -> Void) {
        let isMine = state.withLock { state in
            input(&state.machine)
            state.output += state.machine.takeOutput()
            defer { state.isCarryingOut = true }
            return !state.isCarryingOut
        }
        while isMine, let output = next() {
            for each in output {
                switch each {
                case .tell(let channel, let isOccupied): tell(channel, isOccupied)
                case .send(let message, let node): sender.send(.occupancy(message), to: node)
                }
            }
        }
    }

    private func next() -> [ChannelOccupancy.Output]? {
        state.withLock { state in
            state.isCarryingOut = !state.output.isEmpty
            defer { state.output = [] }
            return state.output.isEmpty ? nil : state.output
        }
    }
}
