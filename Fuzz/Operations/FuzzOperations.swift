// What must hold for every sequence of operations. A libFuzzer target: see `Fuzz/run`.

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

// libFuzzer calls from one thread.
nonisolated(unsafe) private var keys = OperationKeys()
/// Whether single inputs are run again, as one is that failed: then it is told what is done.
nonisolated(unsafe) private var prints = false

@_cdecl("LLVMFuzzerInitialize")
public func fuzzInitialize(
    _ count: UnsafeMutablePointer<Int32>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>
) -> Int32 {
    for place in 1..<max(1, Int(count.pointee)) {
        guard let argument = arguments.pointee[place], argument.pointee != CChar(bitPattern: UInt8(ascii: "-")) else {
            continue
        }
        var status = stat()
        prints = prints || stat(argument, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }
    return 0
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    OperationRun.run(UnsafeBufferPointer(start: bytes, count: count), keys: keys, prints: prints)
    return 0
}
