#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The processor time that the calling thread has taken, in seconds: what others do on the machine does not add to it.
package func threadProcessorTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}
