/// Which service orders exist, and in which version: a few words per change, none per record.
struct ERPDataset: Sendable {
    let seed: UInt64
    let identities: ERPIdentities
    /// The highest identity ever given; identities are 1 through this, less the deleted ones.
    private(set) var lastID: Int64
    /// Ascending.
    private var deleted: [Int64] = []
    /// Of those orders that were touched.
    private var versions: [Int64: UInt32] = [:]

    init(seed: UInt64, records: Int, identities: ERPIdentities) {
        self.seed = seed
        self.identities = identities
        lastID = Int64(max(0, records))
    }

    mutating func append(_ count: Int) -> [Int64] {
        let first = lastID + 1
        lastID += Int64(max(0, count))
        return Array(first..<(lastID + 1))
    }

    /// Gives a live order its next version; false when there is none of this identity.
    mutating func touch(_ id: Int64) -> Bool {
        guard contains(id) else { return false }
        versions[id, default: 0] += 1
        return true
    }

    /// Removes a live order; false when there is none of this identity.
    mutating func delete(_ id: Int64) -> Bool {
        guard contains(id) else { return false }
        deleted.insert(id, at: deletedCount(through: id))
        versions[id] = nil
        return true
    }

    func contains(_ id: Int64) -> Bool {
        guard id >= 1, id <= lastID else { return false }
        let index = deletedCount(through: id)
        return index == 0 || deleted[index - 1] != id
    }

    func version(_ id: Int64) -> UInt32 { versions[id] ?? 0 }

    func order(_ id: Int64) -> ServiceOrder {
        ServiceOrder(seed: seed, id: id, version: version(id))
    }

    /// An order of another version than the one it has.
    func order(_ id: Int64, version: UInt32) -> ServiceOrder {
        ServiceOrder(seed: seed, id: id, version: version)
    }

    /// How many live orders have an identity above this one.
    func count(above id: Int64) -> Int {
        let floor = min(max(0, id), lastID)
        return Int(lastID - floor) - (deleted.count - deletedCount(through: floor))
    }

    /// The identities of at most `limit` live orders above `id`, after skipping `offset` of them.
    func ids(above id: Int64, offset: Int, limit: Int) -> [Int64] {
        let available = count(above: id) - offset
        guard offset >= 0, limit > 0, available > 0 else { return [] }
        var candidate = liveID(after: max(0, id), rank: offset)
        var nextDeleted = deletedCount(through: candidate - 1)
        var found: [Int64] = []
        found.reserveCapacity(min(limit, available))
        while found.count < min(limit, available) {
            if nextDeleted < deleted.count, deleted[nextDeleted] == candidate {
                nextDeleted += 1
            } else {
                found.append(candidate)
            }
            candidate += 1
        }
        return found
    }

    /// The live identity above `id` that has `rank` live ones between the two; it must exist.
    private func liveID(after id: Int64, rank: Int) -> Int64 {
        let skipped = deletedCount(through: id)
        var low = id + 1
        var high = lastID
        while low < high {
            let middle = low + (high - low) / 2
            let live = Int(middle - id) - (deletedCount(through: middle) - skipped)
            if live > rank { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// How many deleted identities are not above this one.
    private func deletedCount(through id: Int64) -> Int {
        var low = 0
        var high = deleted.count
        while low < high {
            let middle = (low + high) / 2
            if deleted[middle] <= id { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
