import Testing

@testable import PharosEdge

@Suite("usable processors")
struct UsableProcessorsTests {
    private func quota(_ groups: String, _ files: [String: String]) -> Double? {
        CPUQuota.processors(groups: groups) { files[$0] }
    }

    @Test("the least of machine, affinity and quota counts, and a part of a processor is one")
    func least() {
        #expect(UsableProcessors(online: 8, allowed: 8).count == 8)
        #expect(UsableProcessors(online: 8, allowed: 3).count == 3)
        #expect(UsableProcessors(online: 8, allowed: 8, quota: 2).count == 2)
        #expect(UsableProcessors(online: 8, allowed: 8, quota: 1.5).count == 2)
        #expect(UsableProcessors(online: 8, allowed: 1, quota: 4).count == 1)
        #expect(UsableProcessors(online: 8, allowed: 8, quota: 0.05).count == 1)
        #expect(UsableProcessors(online: 2, allowed: 2, quota: 64).count == 2)
        #expect(UsableProcessors(online: 2, allowed: 2, quota: 1e300).count == 2)
        #expect(UsableProcessors(online: 0, allowed: 0).count == 1)
    }

    @Test("it is said which of them it was")
    func text() {
        #expect(UsableProcessors(online: 4, allowed: 4).text == "4")
        #expect(UsableProcessors(online: 4, allowed: 2).text == "2 of 4, by this process' affinity")
        #expect(
            UsableProcessors(online: 4, allowed: 4, quota: 1.5).text
                == "2 of 4, by the control group's quota of 1.50")
        #expect(
            UsableProcessors(online: 4, allowed: 4, quota: 2).text == "2 of 4, by the control group's quota of 2")
        #expect(
            UsableProcessors(online: 4, allowed: 4, quota: 0.05).text
                == "1 of 4, by the control group's quota of 0.05")
    }

    @Test("version 2: a container sees its own group as the root")
    func version2() {
        #expect(quota("0::/\n", ["/sys/fs/cgroup/cpu.max": "150000 100000\n"]) == 1.5)
        #expect(quota("0::/\n", ["/sys/fs/cgroup/cpu.max": "max 100000\n"]) == nil)
        #expect(quota("0::/\n", [:]) == nil)
    }

    @Test("version 2: the groups above count as well")
    func above() {
        let files = [
            "/sys/fs/cgroup/system.slice/pharos.service/cpu.max": "max 100000",
            "/sys/fs/cgroup/system.slice/cpu.max": "300000 100000",
            "/sys/fs/cgroup/cpu.max": "800000 100000",
        ]
        #expect(quota("0::/system.slice/pharos.service\n", files) == 3)
    }

    @Test("version 2: a path out of the container's view leads to its root")
    func outside() {
        #expect(quota("0::/../../a\n", ["/sys/fs/cgroup/cpu.max": "50000 100000"]) == 0.5)
    }

    @Test("version 1: quota and period stand in two files", arguments: ["cpu", "cpu,cpuacct", "cpuacct,cpu"])
    func version1(controllers: String) {
        let groups = "5:memory:/docker/ab\n4:\(controllers):/docker/ab\n1:name=systemd:/docker/ab\n"
        let own = "/sys/fs/cgroup/\(controllers)/docker/ab"
        let files = ["\(own)/cpu.cfs_quota_us": "200000\n", "\(own)/cpu.cfs_period_us": "100000\n"]
        #expect(quota(groups, files) == 2)
        // In a container the files of its own group may be those of the mount's root.
        let root = [
            "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        ]
        #expect(quota(groups, root) == 0.5)
        let none = ["\(own)/cpu.cfs_quota_us": "-1\n", "\(own)/cpu.cfs_period_us": "100000\n"]
        #expect(quota(groups, none) == nil)
        #expect(quota(groups, ["\(own)/cpu.cfs_quota_us": "200000\n"]) == nil)
    }

    @Test("both versions at once, and text that is neither")
    func mixed() {
        let groups = "1:cpu:/\n0::/\n"
        let files = [
            "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "300000", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
            "/sys/fs/cgroup/unified/cpu.max": "200000 100000",
        ]
        #expect(quota(groups, files) == 2)
        for bad in ["", "max", "1", "x y", "-5 100000", "100000 0", "99999999999999999999 1", "1 2 3"] {
            #expect(quota("0::/\n", ["/sys/fs/cgroup/cpu.max": bad]) == nil)
        }
        #expect(quota("nonsense\n::\n0:\n", ["/sys/fs/cgroup/cpu.max": "1 1"]) == nil)
    }

    @Test("of this process there is at least one, and no more than the machine has")
    func here() {
        let current = UsableProcessors.current()
        #expect((1...current.online).contains(current.count))
    }
}
