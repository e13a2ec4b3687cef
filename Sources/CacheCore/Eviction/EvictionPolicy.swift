/// Which entry leaves the cache when room is needed for another.
///
/// All of them note a hit under the read lock alone. Entries that expired more than 134 ms ago always go first.
public enum EvictionPolicy: String, Sendable, CaseIterable {
    /// One of the others, whichever does best at the time: small ghost caches, which hold no values, run all four on a
    /// sample of the keys, and the one with the most hits lately governs. Starts as ``wTinyLFU``; goes by ``lru`` in a form
    /// that keeps a fifth by frequency.
    case auto

    /// The least recently used: the entry whose last `get` or `put` is longest ago. Exact over the whole cache for one
    /// client. Best where what was used lately is used again, worst where keys go round in a loop larger than the cache.
    case lru

    /// First in, first out in two queues, so that what is used only once goes soon
    /// (J. Yang, Y. Zhang, Z. Qiu, Y. Yue, K. V. Rashmi, "FIFO queues are all you need for cache eviction", SOSP 2023).
    case s3FIFO = "s3-fifo"

    /// First in, first out, with a hand that passes over what was used since it came by
    /// (Y. Zhang, J. Yang, Y. Yue, Y. Vigfusson, K. V. Rashmi, "SIEVE is simpler than LRU", NSDI 2024).
    case sieve

    /// A window for what is new and, behind it, what a sketch of all uses says is used more often
    /// (G. Einziger, R. Friedman, B. Manes, "TinyLFU: A highly efficient cache admission policy", ACM TOS 2017; with the
    /// adaptive window of G. Einziger, O. Eytan, R. Friedman, B. Manes, "Adaptive software cache management", Middleware
    /// 2018).
    case wTinyLFU = "w-tinylfu"
}
