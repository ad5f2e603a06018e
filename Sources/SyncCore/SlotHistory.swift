/// When the slots of past requests began to run out: boot-clock nanoseconds, ascending.
///
/// A slot is taken when its request is sent and held until the response and a whole window more, so
/// that arrivals at the server keep the window's distance whatever the latency.
///
/// The newest slots are kept one by one; those before them, which only windows of more than
/// `exactCapacity` requests look at, in at most `bucketCapacity` buckets, each dated at its newest
/// slot. None is forgotten: what no window looks at lies together in the oldest bucket. A day's
/// 100,000 requests take no more memory than an hour's 600.
package struct SlotHistory: Sendable, Equatable {
    /// Slots that are dated together.
    package struct Bucket: Sendable, Equatable {
        package let oldest: Int64
        package let newest: Int64
        package let count: Int

        package init(oldest: Int64, newest: Int64, count: Int) {
            self.oldest = oldest
            self.newest = newest
            self.count = count
        }

        fileprivate func merged(with other: Bucket) -> Bucket {
            Bucket(
                oldest: min(oldest, other.oldest), newest: max(newest, other.newest),
                count: count + other.count)
        }
    }

    /// Older than the `times`; oldest first.
    package private(set) var buckets: [Bucket]
    package private(set) var times: [Int64]

    /// A window that admits so many requests or fewer is counted exactly.
    package static let exactCapacity = 4_096
    package static let bucketCapacity = 256
    /// Slots leave the exact part in blocks, because each removal moves the rest.
    private static let block = 1_024

    package init(times: [Int64] = [], buckets: [Bucket] = []) {
        self.times = times.sorted()
        self.buckets = buckets
    }

    /// How many slots are known.
    package var count: Int { times.count + buckets.reduce(0) { $0 + $1.count } }

    /// Adds a slot that runs out from `time` on.
    package mutating func insert(_ time: Int64, windows: [RateWindow]) {
        var index = times.count
        while index > 0, times[index - 1] > time { index -= 1 }
        times.insert(time, at: index)
        // In one go and at fixed sizes: states are compared, so nothing else may matter.
        guard times.count >= Self.exactCapacity + Self.block else { return }
        let largest = windows.map(\.requests).max() ?? 0
        // Without so large a window too: a later configuration may have one.
        fillBuckets(
            size: largest > Self.exactCapacity
                ? largest / Self.bucketCapacity + 1 : Self.bucketCapacity)
        times.removeFirst(Self.block)
        condense(beyond: largest)
    }

    /// Moves the oldest block of exact slots into buckets of about `size` slots each.
    private mutating func fillBuckets(size: Int) {
        for time in times.prefix(Self.block) {
            if let last = buckets.last, last.count < size {
                buckets[buckets.count - 1] = Bucket(
                    oldest: last.oldest, newest: max(last.newest, time), count: last.count + 1)
            } else {
                let newest = max(time, buckets.last?.newest ?? time)
                buckets.append(Bucket(oldest: time, newest: newest, count: 1))
            }
        }
    }

    /// Dates more slots together, until there are few enough buckets: first those that no window
    /// looks at, which a larger one that is configured later does.
    private mutating func condense(beyond largest: Int) {
        while buckets.count > Self.bucketCapacity {
            if count - buckets[0].count - buckets[1].count >= largest {
                buckets.replaceSubrange(0..<2, with: [buckets[0].merged(with: buckets[1])])
            } else {
                // They were filled when a smaller window was the largest.
                mergePairs()
            }
        }
    }

    private mutating func mergePairs() {
        var merged: [Bucket] = []
        for index in stride(from: 0, to: buckets.count - 1, by: 2) {
            merged.append(buckets[index].merged(with: buckets[index + 1]))
        }
        if !buckets.count.isMultiple(of: 2) { merged.append(buckets[buckets.count - 1]) }
        buckets = merged
    }

    /// The slots of `window` that are still held at `now`.
    package func count(in window: RateWindow, now: Int64) -> Int {
        count(after: now.saturatingAdd(-window.holdNs))
    }

    /// The slots that are dated later than `time`.
    package func count(after time: Int64) -> Int {
        var index = times.count
        while index > 0, times[index - 1] > time { index -= 1 }
        var count = times.count - index
        guard index == 0 else { return count }
        for bucket in buckets.reversed() {
            guard bucket.newest > time else { break }
            count += bucket.count
        }
        return count
    }

    /// When the slot with this number began to run out, the newest being 1; nil where so many are
    /// not known.
    ///
    /// - Parameter isLowest: the earliest moment it may have been, and not the latest.
    private func time(ofNewest number: Int, isLowest: Bool) -> Int64? {
        if number <= times.count { return times[times.count - number] }
        var left = number - times.count
        for bucket in buckets.reversed() {
            if left <= bucket.count { return isLowest ? bucket.oldest : bucket.newest }
            left -= bucket.count
        }
        return nil
    }

    /// The first moment, from `now` on, at which a window has a free slot.
    ///
    /// - Parameters:
    ///   - held: requests whose response has not come: they hold a slot too.
    ///   - isFloor: by the bare period, without the margin that a real request keeps, and no later
    ///     than the slots' dates allow.
    /// - Returns: nil when the window is full of requests in flight: only a response frees it.
    func earliest(
        in window: RateWindow, held: Int, now: Int64, isFloor: Bool = false
    ) -> Int64? {
        let free = window.requests - held
        guard free > 0 else { return nil }
        guard let time = time(ofNewest: free, isLowest: isFloor) else { return now }
        return max(now, time.saturatingAdd(isFloor ? window.periodNs : window.holdNs))
    }

    /// Carries the history over to another boot of the machine.
    mutating func rebase(_ convert: (Int64) -> Int64) {
        times = times.map(convert).sorted()
        buckets = buckets.map {
            let (first, second) = (convert($0.oldest), convert($0.newest))
            return Bucket(
                oldest: min(first, second), newest: max(first, second), count: $0.count)
        }
    }
}
