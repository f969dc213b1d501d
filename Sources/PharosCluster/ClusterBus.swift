/// Carries messages between the nodes of a cluster.
///
/// Each broker has one implementation. A message is delivered at most once, and those of one sender in their order; it is
/// lost while a link is down, and to a node that is not there. Who is there, questions, answers and deadlines are built on
/// top, once for all (`NodeMessages`). Any thread.
package protocol ClusterBus: AnyObject, Sendable {
    /// Begins to deliver.
    ///
    /// - Parameters:
    ///   - node: the mark of this node's incarnation: the address that others send to.
    ///   - receive: gets each message that another node has sent to this one or to all; on a thread of the bus, must not
    ///     block.
    func start(node: UInt64, receive: @escaping @Sendable ([UInt8]) -> Void)

    /// Sends a message to one node; nil: to all others.
    ///
    /// This node does not get its own messages to all, and may get them to itself.
    func send(_ message: [UInt8], to node: UInt64?)

    /// Whether messages are carried at the moment.
    var isLinked: Bool { get }
}
