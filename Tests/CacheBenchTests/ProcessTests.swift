import Foundation
import Glibc
import Testing

@testable import cache_bench

@Suite("Programs that a run starts")
struct ProcessTests {
    private func shell(_ script: String, in directory: TemporaryDirectory) throws -> ChildProcess {
        try ChildProcess(
            URL(fileURLWithPath: "/bin/sh"), ["-c", script],
            output: directory.url.appendingPathComponent(UUID().uuidString))
    }

    @Test("a program's exit code and output are kept")
    func end() throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let child = try shell("echo out; echo error >&2; exit 7", in: directory)
        #expect(try child.wait().exitCode == 7)
        #expect(child.outputTail() == "out\nerror")
    }

    @Test("stopping ends a program with all that it started, even one that does not listen")
    func stop() throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let child = try shell("trap '' TERM; sleep 600 & echo $!; wait; wait", in: directory)
        while child.outputTail() == "(it wrote nothing)" { pause(.milliseconds(1)) }
        let grandchild = try #require(pid_t(child.outputTail()))
        try child.stop(grace: .milliseconds(50))
        #expect(try child.wait().exitCode == nil)
        let deadline = ContinuousClock.now + .seconds(10)
        while isRunning(grandchild), ContinuousClock.now < deadline { pause(.milliseconds(1)) }
        #expect(!isRunning(grandchild))
    }

    /// Whether a process runs: one that has ended and waits for its parent does not.
    private func isRunning(_ process: pid_t) -> Bool {
        guard let line = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8) else { return false }
        return !line.contains(") Z ")
    }

    @Test("a program sees none of this process's environment but where programs are")
    func environment() throws {
        setenv("CACHE_CAPACITY", "1", 1)
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let child = try shell("echo ${CACHE_CAPACITY-none}; echo ${PATH:+path}", in: directory)
        _ = try child.wait()
        #expect(child.outputTail() == "none\npath")
    }

    @Test("a program that is not there is an error")
    func missing() throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        #expect(throws: BenchmarkError.self) {
            try ChildProcess(
                URL(fileURLWithPath: "/nonexistent/program"), [], output: directory.url.appendingPathComponent("out"))
        }
    }

    @Test("the processor time of a group counts what it does")
    func processorTime() throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let child = try shell("while :; do :; done", in: directory)
        let deadline = ContinuousClock.now + .seconds(30)
        while try ProcessorTime.ofGroups([child.id]) < .milliseconds(50), ContinuousClock.now < deadline {
            pause(.milliseconds(10))
        }
        #expect(try ProcessorTime.ofGroups([child.id]) >= .milliseconds(50))
        try child.stop()
        #expect(try ProcessorTime.ofGroups([child.id]) == .zero)
    }

    @Test("a process's line is read after its name, whatever that holds")
    func statLine() {
        let text = "12 (a) b (c d)) S 1 77 77 0 -1 4194560 1 2 3 4 150 50 9 9 20 0 3 0 100"
        let line = ProcessorTime.StatLine(text)
        #expect(line?.group == 77)
        #expect(line?.ticks == 200)
        #expect(ProcessorTime.StatLine("") == nil)
    }

    @Test("the machine's line counts work and theft")
    func machineLine() {
        let machine = ProcessorTime.Machine("cpu  100 10 90 5000 60 20 30 40 0 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        #expect(machine?.busy == .seconds(250 / ticks))
        #expect(machine?.stolen == .seconds(40 / ticks))
        #expect(ProcessorTime.Machine("intr 1") == nil)
    }
}
