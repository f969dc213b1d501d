import PharosLinks
import PharosRedis

/// The map of slots: asked for, compared, and followed.
extension RedisClusterNodes {
    func look() {
        guard !isClosed, !isAsking, asking.isReady, loop.nowMs - askedMs >= 100 else { return }
        isAsking = true
        askedMs = loop.nowMs
        asking.send(["CLUSTER", "SLOTS"], withinMs: settings.requestTimeoutMs) { [weak self] result in
            guard let self else { return }
            self.isAsking = false
            switch result {
            case .success(let reply):
                guard let new = ClusterMap(reply, host: self.asking.address?.host ?? "") else {
                    return self.report("CLUSTER SLOTS gave a reply of another form")
                }
                guard !new.masters.isEmpty else { return self.asking.reconnect("it knows no slots") }
                self.take(new)
            case .failure(.server(let error)):
                self.report("the map of slots was refused: \(error)")
                self.asking.reconnect("\(error)")
            case .failure: break
            }
        }
    }

    private func take(_ new: ClusterMap) {
        guard !isClosed else { return }
        let isNew = new != map || !isKnown
        (map, isKnown) = (new, true)
        use(new)
        if isNew {
            owner?.topologyChanged()
        } else if masters.allSatisfy(\.isBack) {
            absentMs = nil
        } else if let since = absentMs, loop.nowMs - since > 2_000 {
            // This node may be cut off from the others.
            absentMs = nil
            asking.reconnect("another node is asked")
        } else {
            absentMs = absentMs ?? loop.nowMs
        }
        // Not before channels have left.
        for (address, count) in unused where count > 2 {
            unused[address] = nil
            nodes.removeValue(forKey: address)?.close()
        }
    }

    /// Connects to the masters of a map, and notes those that are in it no more.
    func use(_ map: ClusterMap) {
        let used = Set(map.masters)
        for address in used {
            unused[address] = nil
            let master = node(at: address)
            if master.probe.map({ map[$0.tag] != address }) ?? true, let tag = map.tag(of: address) {
                master.setProbe(names.probe(tag: tag, mark: RedisEngineCore.mark()), tag: tag)
            }
        }
        for address in nodes.keys where !used.contains(address) { unused[address, default: 0] += 1 }
    }

    func node(at address: LinkAddress) -> RedisMaster {
        if let known = nodes[address] { return known }
        guard let owner else { preconditionFailure("the owner ends its topology before itself") }
        let master = RedisMaster(settings, isShard: true, verifiesRole: true, report: report, owner: owner)
        nodes[address] = master
        master.connect(to: [address], on: loop)
        return master
    }
}
