import Testing

@testable import cache_server

@Suite("The limits of the machine and its control groups")
struct MachineTests {
    private func limits(_ files: [String: String]) -> ResourceLimits { ResourceLimits { files[$0] } }

    private static let meminfo = "MemTotal:       16384000 kB\nMemFree:         1234 kB\n"

    @Test("Without files, nothing is known")
    func nothing() {
        let limits = limits([:])
        #expect(limits.memory == nil)
        #expect(limits.cores == nil)
    }

    @Test("A machine without groups has its own memory, and the cores that the scheduler allows")
    func machine() {
        let limits = limits([
            "/proc/meminfo": Self.meminfo,
            "/proc/self/status": "Name:\tx\nCpus_allowed:\tff,ffffff0f\nCpus_allowed_list:\t0\n",
        ])
        #expect(limits.memory == 16_384_000 * 1024)
        #expect(limits.cores == 36)
    }

    @Test("A container with version 2 sees its limits at the root")
    func version2() {
        let limits = limits([
            "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "536870912\n",
            "/sys/fs/cgroup/cpu.max": "150000 100000\n", "/proc/meminfo": Self.meminfo,
            "/proc/self/status": "Cpus_allowed:\tff\n",
        ])
        #expect(limits.memory == 536_870_912)
        #expect(limits.cores == 2)
    }

    @Test("max is no limit")
    func unlimited() {
        let limits = limits([
            "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "max\n",
            "/sys/fs/cgroup/cpu.max": "max 100000\n", "/proc/meminfo": Self.meminfo,
        ])
        #expect(limits.memory == 16_384_000 * 1024)
        #expect(limits.cores == nil)
    }

    @Test("A service is limited by its group and by every group around it")
    func ancestors() {
        let limits = limits([
            "/proc/self/cgroup": "0::/system.slice/cache.service\n",
            "/sys/fs/cgroup/system.slice/memory.max": "1000000\n",
            "/sys/fs/cgroup/system.slice/cache.service/memory.max": "2000000\n",
            "/sys/fs/cgroup/system.slice/cpu.max": "400000 100000\n",
            "/sys/fs/cgroup/system.slice/cache.service/cpu.max": "50000 100000\n",
        ])
        #expect(limits.memory == 1_000_000)
        #expect(limits.cores == 1)
    }

    @Test("Version 1, with its number for no limit and a quota in two files")
    func version1() {
        var files = [
            "/proc/self/cgroup": "9:name=systemd:/x\n5:memory:/docker/ab\n4:cpu,cpuacct:/docker/ab\n",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "/sys/fs/cgroup/cpu/docker/ab/cpu.cfs_quota_us": "-1\n",
            "/sys/fs/cgroup/cpu/docker/ab/cpu.cfs_period_us": "100000\n", "/proc/meminfo": Self.meminfo,
        ]
        #expect(limits(files).memory == 16_384_000 * 1024)
        #expect(limits(files).cores == nil)
        files["/sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes"] = "268435456\n"
        files["/sys/fs/cgroup/cpu/docker/ab/cpu.cfs_quota_us"] = "300000\n"
        #expect(limits(files).memory == 268_435_456)
        #expect(limits(files).cores == 3)
    }

    @Test("Files that say nonsense say nothing")
    func nonsense() {
        let limits = limits([
            "/proc/self/cgroup": "what\n::\n0::/../../etc\n", "/sys/fs/cgroup/memory.max": "",
            "/sys/fs/cgroup/cpu.max": "0 0",
            "/proc/meminfo": "MemTotal: lots", "/proc/self/status": "Cpus_allowed:\n",
        ])
        #expect(limits.memory == nil)
        #expect(limits.cores == nil)
    }

    @Test("This machine has a core and memory")
    func current() {
        let machine = Machine.current()
        #expect(machine.cores >= 1)
        #expect((machine.memory ?? 0) > 1 << 20)
    }
}
