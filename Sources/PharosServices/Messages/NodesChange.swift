/// Nodes that have come or gone, by the marks of their incarnations.
struct NodesChange: Sendable {
    var gone: Set<UInt64> = []
    var came: Set<UInt64> = []
}
