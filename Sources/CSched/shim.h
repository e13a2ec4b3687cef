// Swift imports the C library without its extensions, so that sched_getcpu is hidden from it.
#pragma once

#ifdef __linux__
extern int sched_getcpu(void);
#endif

/// The number of the processor that the calling thread runs on; -1 where that cannot be told.
static inline int sched_processor(void) {
#ifdef __linux__
    // The C library reads it from memory that the kernel keeps up to date for the thread (rseq): no system call.
    return sched_getcpu();
#else
    return -1;
#endif
}
