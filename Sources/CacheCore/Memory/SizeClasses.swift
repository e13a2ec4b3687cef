/// The sizes of the slots into which pages are divided.
///
/// A page is divided into equal slots, four at least: a slot is as large as so many of them allow, in steps of eight bytes.
/// Slots of a class grow in steps of about a sixteenth where pages can be divided so finely, and of eight bytes if that is more. The last class
/// has the largest slots and is for pieces of values alone.
final class SizeClasses: @unchecked Sendable {
    // Sendable: nothing changes after init.
    /// Bytes of the slots of each class, the smallest first.
    let sizes: [Int]
    /// How many slots a page of each class has.
    let slotsPerPage: [Int]
    /// For each count of eight bytes, the smallest class whose slots have as many.
    private let classes: UnsafeMutableBufferPointer<UInt8>

    static let smallest = 32
    private static let slotsOfLargest = 4
    private static let step = 8

    /// - Parameter pageSize: Bytes of a page: a power of two.
    init(pageSize: Int) {
        // So many classes as there are of larger pages would be too many.
        let share = pageSize > 16 << 10 ? 10 : 16
        var sizes: [Int] = []
        var slots = Self.slotsOfLargest
        var size = pageSize / slots
        while size >= Self.smallest {
            // What the next class has less is worth a class of its own.
            if let last = sizes.last, last - size < max(Self.step, last / share) {
            } else {
                sizes.append(size)
            }
            slots += 1
            size = pageSize / slots & ~(Self.step - 1)
        }
        sizes.reverse()
        let ascending = sizes
        classes = .allocate(capacity: pageSize / Self.slotsOfLargest / Self.step + 1)
        for count in classes.indices {
            let index = ascending.firstIndex { $0 >= count * Self.step } ?? ascending.count - 1
            classes.initializeElement(at: count, to: UInt8(index))
        }
        self.sizes = ascending + [pageSize / Self.slotsOfLargest]
        slotsPerPage = self.sizes.map { pageSize / $0 }
        precondition(count <= UInt64.bitWidth, "a slab has a bit for each class")
    }

    deinit { classes.deallocate() }

    var count: Int { sizes.count }
    /// The class of pieces of values.
    var pieceClass: Int { count - 1 }
    /// Bytes of the largest slot.
    var largest: Int { sizes[count - 1] }

    /// The class of the smallest slots that have room for so many times eight bytes; valid while this lives.
    var classOfEights: UnsafePointer<UInt8> { UnsafePointer(classes.baseAddress.unsafelyUnwrapped) }
}
