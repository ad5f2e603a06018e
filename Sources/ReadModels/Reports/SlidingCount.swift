/// The most things that happened within one period, wherever it begins.
///
/// Memory is bounded: beyond `mostMoments` different moments neighbours are dated together, at the
/// earliest of them, so that the count is never too high.
struct SlidingCount: Sendable {
    private struct Moment {
        let ns: Int64
        var count: UInt64
    }

    let periodNs: Int64
    private var moments: [Moment] = []
    /// Those before are out of the period.
    private var begin = 0
    private var count: UInt64 = 0
    private(set) var peak: UInt64 = 0
    /// When the period of the peak ended.
    private(set) var peakNs: Int64?

    static let mostMoments = 1 << 16

    init(periodNs: Int64) { self.periodNs = periodNs }

    /// - Parameters:
    ///   - ns: when it happened.
    ///   - now: the end of the period that is looked at; not before `ns`.
    mutating func add(_ ns: Int64, now: Int64) {
        if let last = moments.last, last.ns > now {
            // The clock was set back: what was counted can't be told from what comes now.
            forget()
        }
        insert(ns)
        let bound = now.subtractingReportingOverflow(periodNs)
        let first = bound.overflow ? .min : bound.partialValue
        while begin < moments.count, moments[begin].ns <= first {
            count -= moments[begin].count
            begin += 1
        }
        if begin > moments.count / 2 {
            moments.removeFirst(begin)
            begin = 0
        }
        guard count > peak else { return }
        peak = count
        peakNs = now
    }

    mutating func forget() {
        moments.removeAll()
        begin = 0
        count = 0
    }

    private mutating func insert(_ ns: Int64) {
        count += 1
        var index = moments.count
        while index > begin, moments[index - 1].ns > ns { index -= 1 }
        if index > begin, moments[index - 1].ns == ns {
            moments[index - 1].count += 1
            return
        }
        moments.insert(Moment(ns: ns, count: 1), at: index)
        if moments.count - begin > Self.mostMoments { condense() }
    }

    private mutating func condense() {
        let grain = max(periodNs / Int64(Self.mostMoments / 2), 1)
        var dated: [Moment] = []
        for moment in moments[begin...] {
            if let last = dated.last, moment.ns - last.ns < grain {
                dated[dated.count - 1].count += moment.count
            } else {
                dated.append(moment)
            }
        }
        moments = dated
        begin = 0
    }
}
