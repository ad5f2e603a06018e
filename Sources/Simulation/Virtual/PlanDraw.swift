internal import SyncCore

/// Draws the parts of a plan, one after the other.
struct PlanDraw {
    private var generator: SeededGenerator

    init(_ generator: SeededGenerator) { self.generator = generator }

    mutating func chance(_ share: Double) -> Bool { unit() < share }

    mutating func share(_ most: Double) -> Double { unit() * most }

    mutating func between(_ least: Int, _ most: Int) -> Int {
        least + generator.below(most - least + 1)
    }

    mutating func one<Value>(of values: [Value]) -> Value { values[generator.below(values.count)] }

    private mutating func unit() -> Double { Double(generator.next() >> 11) * 0x1p-53 }

    /// Some arrivals, ascending.
    mutating func arrivals(upTo last: Int) -> [Int] {
        (0..<between(1, 2)).map { _ in between(2, max(last, 2)) }.sorted()
    }

    mutating func identities(records: Int) -> ERPIdentities {
        let form: ERPIdentities.Form =
            chance(0.5) ? .numbers : one(of: [.text, .text, .mixed, .textInDetails])
        var base: UInt64 = 0
        if chance(0.25) {
            // Across 2^53, 2^63, or a power of ten, where a digit is added.
            let bounds: [UInt64] = [1 << 53, 1 << 63, 1 << 63, 1_000_000_000_000_000_000]
            base = one(of: bounds) - UInt64(between(1, max(records, 1)))
        }
        return ERPIdentities(base: base, form: form)
    }

    mutating func patienceMs(_ isRealistic: Bool) -> Int64 {
        if isRealistic { return one(of: [120_000, 600_000, 7_200_000, 7_200_000, 86_400_000]) }
        return chance(0.3) ? Int64(between(100, 10_000)) : 7_200_000
    }

    /// Mostly an ordinary day; else shortly before one of the calendar's odd moments.
    mutating func startNs() -> Int64 {
        // 2026-01-01T00:16:40Z.
        let ordinary = Int64(1_767_226_600)
        guard chance(0.6) else { return ordinary * .nsPerSecond }
        let moment = one(of: SimulationPlan.moments).seconds
        return (moment - Int64(one(of: [10, 60, 600, 1_800]))) * .nsPerSecond
            + Int64(between(0, 999_999_999))
    }

    mutating func wallStep() -> Int64 {
        guard chance(0.25) else { return 0 }
        // Below a second it isn't noticed; an hour is what a clock in local time is wrong by.
        let mostMs = one(of: [950, 30_000, 3_600_000])
        return Int64(between(-mostMs, mostMs)) * .nsPerMs
    }

    mutating func serverSkewNs() -> Int64 {
        let most = chance(0.8) ? 90 : 86_400
        return Int64(between(-most, most)) * .nsPerSecond
    }

    mutating func retryPolicy(_ isRealistic: Bool) -> RetryPolicy {
        if isRealistic, chance(0.5) { return RetryPolicy() }
        let scale = isRealistic ? 6 : 1
        return RetryPolicy(
            attempts: between(2, 5), baseMs: Int64(scale * between(20, 1_000)),
            multiplier: one(of: [1, 2, 3]), maxMs: Int64(scale * between(1_000, 10_000)))
    }

    /// How long things take on the way, at the server, and until the client gives up.
    struct Times {
        let forward: Int64
        let answer: Int64
        let jitter: Int64
        let connect: Int64
        let idle: Int64
        let total: Int64
    }

    mutating func times(_ limits: LimitPolicy, _ isRealistic: Bool) -> Times {
        let most = isRealistic ? 400 : 150
        let forward = min(Int64(between(1, most)), limits.deliveryBoundMs) * .nsPerMs
        let answer = Int64(between(0, isRealistic ? 800 : 300)) * .nsPerMs
        let jitter = Int64(between(0, isRealistic ? 4_000 : 1_000)) * .nsPerMs
        // What isn't a spike is answered in time.
        let least = answer + jitter + 2 * forward
        func after(_ ms: Int) -> Int64 { least + Int64(ms) * .nsPerMs }
        let connect = Int64(isRealistic ? 10_000 : between(100, 4_000)) * .nsPerMs
        if isRealistic, chance(0.6) {
            return Times(
                forward: forward, answer: answer, jitter: jitter, connect: connect,
                idle: 60 * .nsPerSecond, total: 300 * .nsPerSecond)
        }
        return Times(
            forward: forward, answer: answer, jitter: jitter, connect: connect,
            idle: after(between(50, 8_000)), total: after(between(50, 8_000)))
    }
}
