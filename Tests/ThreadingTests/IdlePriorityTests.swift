import Synchronization
import TestSupport
import Testing
import Threading

#if os(Linux)
    import Glibc
#endif

@Suite struct IdlePriorityTests {
    /// What one piece writes is there for the next, whichever thread does them.
    @Test func doesOnePieceAfterAnother() {
        var asked = 0
        let idle = IdlePriority {
            asked += 1
            return asked % 3 != 0
        }
        var numbers: [Int] = []
        for number in 0..<300 {
            let count = idle.run {
                numbers.append(number)
                return numbers.count
            }
            #expect(count == number + 1)
        }
        idle.pause()
        #expect(numbers == Array(0..<300))
    }

    #if os(Linux)
        @Test func givesWayWhileItIsPatient() {
            let isPatient = Atomic(true)
            let idle = IdlePriority { isPatient.load(ordering: .relaxed) }
            let caller = pthread_self()
            #expect(idle.run { pthread_equal(pthread_self(), caller) } == 0)
            isPatient.store(false, ordering: .relaxed)
            #expect(idle.run { pthread_equal(pthread_self(), caller) } != 0)
        }

        @Test func anImpatientOneHasNoThread() {
            let caller = pthread_self()
            #expect(IdlePriority { false }.run { pthread_equal(pthread_self(), caller) } != 0)
        }

        @Test func itsThreadHasTheProcessorWhenNobodyElseWantsIt() {
            let before = sched_getscheduler(0)
            // SCHED_IDLE of Linux.
            #expect(IdlePriority { true }.run { sched_getscheduler(0) } == 5)
            #expect(sched_getscheduler(0) == before)
        }
    #endif
}
