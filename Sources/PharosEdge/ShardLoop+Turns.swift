import CPharosSys
import PharosBytes

/// One turn of the loop: what is ready is served, then all output is sent.
extension ShardLoop where Handler: ~Copyable {
    /// Runs one turn, for a program that runs the loop by hand.
    ///
    /// It waits at most `waitMs` milliseconds for something to do.
    package mutating func runTurn(waitMs: Int64) {
        withUnsafeTemporaryAllocation(of: pharos_event.self, capacity: 256) { turn($0, waitMs: waitMs) }
    }

    mutating func turn(_ events: UnsafeMutableBufferPointer<pharos_event>, waitMs: Int64) {
        var limit = min(max(nextTickMs - edge.nowMs, 0), waitMs)
        if !edge.rollingTopics.isEmpty || !edge.aside.isEmpty || edge.hasUnfinishedWork { limit = 0 }
        let timeout = edge.wheel.timeout(nowMs: edge.nowMs, limit: limit)
        edge.turn &+= 1
        // Input that is set aside in this turn is for the next one.
        let due = edge.aside.count
        let isWorkDue = edge.hasUnfinishedWork
        edge.hasUnfinishedWork = false
        _ = serveReady(events, timeoutMs: timeout)
        fireTimers()
        serveSetAside(due)
        if isWorkDue { handler.continueWork(&edge) }
        gatherPublications(events)
        settle()
    }

    /// Waits for what is ready and serves it; false: there was nothing.
    private mutating func serveReady(_ events: UnsafeMutableBufferPointer<pharos_event>, timeoutMs: Int64) -> Bool {
        let count = pharos_epoll_wait(edge.epoll, events.baseAddress!, Int32(events.count), Int32(timeoutMs))
        edge.nowMs = pharos_monotonic_ms()
        edge.wallMs = pharos_wall_ms()
        var hasMail = false
        for index in 0..<Int(max(count, 0)) {
            let event = events[index]
            if event.data == Self.listenerMark {
                acceptConnections(listener, context: nil)
            } else if event.data == Self.tlsListenerMark {
                acceptConnections(tlsListener, context: edge.configuration.tlsContexts?.context)
            } else if event.data == Self.mailboxMark {
                hasMail = true
            } else {
                handle(event)
            }
        }
        if hasMail { readMail() }
        return count > 0
    }

    /// Before a fan-out to many, answers leave, and what has come meanwhile is served.
    ///
    /// A publisher with several publications on their way goes on while the fan-out lasts, and those that are ready share
    /// its sends. The answers go first in any case, so that no connection sees another order. Where other shards have got
    /// answers, what they send next is awaited for some microseconds: a fan-out that is begun too early takes much longer.
    private mutating func gatherPublications(_ events: UnsafeMutableBufferPointer<pharos_event>) {
        var (rounds, awaited) = (0, 0)
        while rounds < 4, awaited < 16, edge.isFanOutAhead {
            resumeRequests()
            let othersMaySend = handler.outputLeaves(&edge)
            edge.flushDirty()
            let hasMail = othersMaySend && awaitMail()
            if hasMail { awaited += 1 } else { rounds += 1 }
            guard serveReady(events, timeoutMs: 0) || hasMail else { return }
        }
    }

    /// Lets other threads run until a message comes; false: none has come soon.
    private func awaitMail() -> Bool {
        for _ in 0..<64 {
            if !mailbox.isEmpty { return true }
            pharos_yield()
        }
        return false
    }

    private mutating func resumeRequests() {
        var index = 0
        while index < edge.resumed.count {
            let id = edge.resumed[index]
            index += 1
            // Input that was set aside goes on in the next turn.
            guard edge.isOpen(id), !edge.connections[id.slot].pointee.flags.contains(.isSetAside) else { continue }
            edge.beginSlice()
            resume(id)
        }
        edge.resumed.removeAll(keepingCapacity: true)
    }

    /// Sends the turn's output, then sees to what could not be sent.
    private mutating func settle() {
        sendOutput()
        if !edge.rollingTopics.isEmpty {
            // Mail ends the turn's share early: other shards wait for what it asks, and send nothing meanwhile.
            var parts = 0
            repeat {
                edge.rollTopics()
                parts += 1
            } while parts < Edge.rollingParts && !edge.rollingTopics.isEmpty && mailbox.isEmpty
            sendOutput()
        }
        if !edge.drops.isEmpty {
            tellDrops()
            sendOutput()
        }
        if let share = edge.reportHeld() {
            meetTotal(share)
            sendOutput()
            _ = edge.reportHeld()
        }
        edge.releasePrepared()
        handler.outputLeaves(&edge)
        if !edge.isAccepting { stopListening() }
    }

    /// Sends output, and looks after the connections that this left in trouble.
    ///
    /// It does so until nothing is left to do.
    private mutating func sendOutput() {
        repeat {
            resumeRequests()
            handler.outputLeaves(&edge)
            edge.deliverTopics()
            edge.flushDirty()
            tellArrived()
            while let id = edge.slow.popLast() {
                guard edge.isOpen(id) else { continue }
                edge.connections[id.slot].pointee.flags.remove(.isSlow)
                edge.counters.slow += 1
                handler.becameSlow(id, &edge)
            }
            while let id = edge.failed.popLast() { end(id) }
        } while !edge.dirty.isEmpty || !edge.dirtyTopics.isEmpty || !edge.resumed.isEmpty
            || !edge.carriers.dirty.isEmpty
    }

    /// Reports dropped messages to the handler.
    ///
    /// Messages that are dropped meanwhile are reported in the next turn.
    private mutating func tellDrops() {
        var notes: [DropNote] = []
        swap(&notes, &edge.drops)
        for note in DropNote.merged(notes) {
            guard edge.isOpen(note.id), edge.connections[note.id.slot].pointee.phase.takesMessages else { continue }
            handler.publicationsDropped(
                note.id, topic: note.topic, dropped: note.dropped, replaced: note.replaced, &edge)
        }
    }

    /// Brings this shard's waiting output down to `share` bytes.
    ///
    /// Too much waits in the whole process: what may be dropped here is dropped, then the slowest connections are
    /// ended.
    private mutating func meetTotal(_ share: Int) {
        let slowest = edge.connectionsByWaitingBytes()
        for id in slowest {
            guard edge.heldBytes > share else { return }
            edge.shed(id.slot, to: 0)
        }
        for id in slowest {
            guard edge.heldBytes > share else { return }
            guard edge.isOpen(id), edge.connections[id.slot].pointee.phase.takesMessages else { continue }
            edge.counters.slow += 1
            edge.counters.slowByTotal += 1
            handler.becameSlow(id, &edge)
        }
    }

    private mutating func tellArrived() {
        var index = 0
        while index < edge.arrived.count {
            let id = edge.arrived[index]
            index += 1
            guard edge.isOpen(id) else { continue }
            edge.connections[id.slot].pointee.flags.remove(.hasArrived)
            handler.outputArrived(id, &edge)
        }
        edge.arrived.removeAll(keepingCapacity: true)
    }
}
