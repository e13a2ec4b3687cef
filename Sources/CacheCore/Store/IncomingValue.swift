/// A value on its way into a cache: memory that its text is received into, and that the entry then keeps.
///
/// It is for large values that come as they will be kept. One that has white space in it is copied without, as it would be
/// otherwise.
package final class IncomingValue {
    // Owns one reference. Nobody else sees the block before the text in it is complete; nobody writes to it after.
    private let block: ValueBlock

    /// Room for the text, with ``JSONDocument/padding`` bytes behind it.
    package let room: UnsafeMutableRawBufferPointer

    fileprivate init?(key: UnsafeRawBufferPointer, count: Int) {
        guard ValueBlock.slack(keyCount: key.count, valueCount: count) >= JSONDocument.padding,
            let block = ValueBlock.allocate(key: key, valueCount: count, isMapped: true, isTouched: false)
        else { return nil }
        self.block = block
        // The slack behind the value is the block's.
        room = UnsafeMutableRawBufferPointer(
            start: block.unwrittenValue.baseAddress, count: count + JSONDocument.padding)
    }

    deinit { block.release() }

    /// The block, if it can be an entry's with this key and this text, which was received into it; a reference passes to the caller.
    func take(key: UnsafeRawBufferPointer, text: UnsafeRawBufferPointer) -> ValueBlock? {
        guard text.baseAddress == block.value.baseAddress, block.key.elementsEqual(key),
            block.truncate(valueCount: text.count)
        else { return nil }
        block.retain()
        return block
    }
}

extension ProductionCache {
    /// Memory to receive a value of `count` bytes into; nil if one of that size is not kept in memory of its own, or there is none.
    package func receive(_ key: UnsafeRawBufferPointer, count: Int) -> IncomingValue? {
        guard count <= Entry.maximumValueCount, store.isExternal(keyCount: key.count, valueCount: count) else {
            return nil
        }
        return IncomingValue(key: key, count: count)
    }
}
