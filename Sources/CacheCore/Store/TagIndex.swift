/// Which entries of a shard have which tags: to remove all of a tag at a cost that follows their number.
///
/// An entry is named by its key's hash, of all 64 bits, which does not change when the entry moves. Each pair of an entry and a tag is a
/// ``Membership``, on the list of its tag's members and on the list of its entry's tags; places of those that are gone are used again.
///
/// Under the shard's lock, as all of the shard. Entries without tags are not known here, and cost nothing.
struct TagIndex {
    /// An entry has a tag. Places are numbers; -1 is none.
    private struct Membership {
        var key: UInt64
        var group: Int32
        /// Of the same tag.
        var previous: Int32
        var next: Int32
        /// Of the same entry.
        var nextOfKey: Int32
    }

    /// What has the same tag.
    private struct Group {
        var name: [UInt8]
        var first: Int32 = -1
        var last: Int32 = -1
        var count = 0
    }

    private var memberships: [Membership] = []
    private var groups: [Group] = []
    private var freeMemberships: [Int32] = []
    private var freeGroups: [Int32] = []
    private var firstOfKey: [UInt64: Int32] = [:]
    private var groupOfName: [[UInt8]: Int32] = [:]

    // MARK: Memory

    /// Bytes that all of it takes, at most: what arrays and dictionaries have of room to grow is counted with what they hold.
    private(set) var footprint = 0

    private static let bytesPerKey = 48
    private static let bytesPerMembership = 64
    private static func bytesPerGroup(_ name: [UInt8]) -> Int { 224 + name.count }

    /// How many bytes ``add(_:to:)`` takes, at most.
    static func footprint(of tags: TagList) -> Int {
        tags.names.reduce(bytesPerKey) { $0 + bytesPerMembership + bytesPerGroup($1) }
    }

    // MARK: Changing

    /// Gives tags to an entry that has none.
    ///
    /// - Complexity: O(1) expected a tag.
    mutating func add(_ tags: TagList, to key: UInt64) {
        precondition(firstOfKey[key] == nil, "the entry has tags already")
        footprint += Self.bytesPerKey
        var nextOfKey: Int32 = -1
        // The first name comes to be the first of the list.
        for name in tags.names.reversed() {
            let group = group(name)
            let last = groups[Int(group)].last
            let place = store(
                Membership(key: key, group: group, previous: last, next: -1, nextOfKey: nextOfKey))
            if last >= 0 { memberships[Int(last)].next = place } else { groups[Int(group)].first = place }
            groups[Int(group)].last = place
            groups[Int(group)].count += 1
            nextOfKey = place
        }
        firstOfKey[key] = nextOfKey
    }

    /// Takes its tags from an entry that has some.
    ///
    /// - Complexity: O(1) expected a tag.
    mutating func remove(_ key: UInt64) {
        guard let first = firstOfKey.removeValue(forKey: key) else { return }
        footprint -= Self.bytesPerKey
        var place = first
        while place >= 0 {
            let membership = memberships[Int(place)]
            unlink(membership)
            freeMemberships.append(place)
            footprint -= Self.bytesPerMembership
            place = membership.nextOfKey
        }
        // Arrays and dictionaries do not shrink: with the last entry all of them go.
        if firstOfKey.isEmpty { self = TagIndex() }
    }

    private mutating func unlink(_ membership: Membership) {
        let group = Int(membership.group)
        if membership.previous >= 0 {
            memberships[Int(membership.previous)].next = membership.next
        } else {
            groups[group].first = membership.next
        }
        if membership.next >= 0 {
            memberships[Int(membership.next)].previous = membership.previous
        } else {
            groups[group].last = membership.previous
        }
        groups[group].count -= 1
        guard groups[group].count == 0 else { return }
        footprint -= Self.bytesPerGroup(groups[group].name)
        groupOfName[groups[group].name] = nil
        groups[group] = Group(name: [])
        freeGroups.append(membership.group)
    }

    private mutating func group(_ name: [UInt8]) -> Int32 {
        if let group = groupOfName[name] { return group }
        footprint += Self.bytesPerGroup(name)
        let group: Int32
        if let free = freeGroups.popLast() {
            group = free
            groups[Int(free)] = Group(name: name)
        } else {
            group = Int32(groups.count)
            groups.append(Group(name: name))
        }
        groupOfName[name] = group
        return group
    }

    private mutating func store(_ membership: Membership) -> Int32 {
        footprint += Self.bytesPerMembership
        if let free = freeMemberships.popLast() {
            memberships[Int(free)] = membership
            return free
        }
        memberships.append(membership)
        return Int32(memberships.count - 1)
    }

    // MARK: Reading

    /// The tags of an entry; nil if it has none.
    func tags(of key: UInt64) -> TagList? {
        guard var place = firstOfKey[key] else { return nil }
        var names: [[UInt8]] = []
        while place >= 0 {
            let membership = memberships[Int(place)]
            names.append(groups[Int(membership.group)].name)
            place = membership.nextOfKey
        }
        return TagList(names)
    }

    /// How many entries have a tag.
    func count(of name: [UInt8]) -> Int { groupOfName[name].map { groups[Int($0)].count } ?? 0 }

    /// The entries that have had a tag longest, at most so many.
    func members(of name: [UInt8], atMost limit: Int) -> [UInt64] {
        var members: [UInt64] = []
        guard let group = groupOfName[name] else { return members }
        var place = groups[Int(group)].first
        while place >= 0, members.count < limit {
            members.append(memberships[Int(place)].key)
            place = memberships[Int(place)].next
        }
        return members
    }

    /// How many entries have tags.
    var taggedCount: Int { firstOfKey.count }
}
