/// A small deterministic mixing of numbers (a step of SplitMix64), for digests and jitter.
struct Mixer {
    private(set) var value: UInt64

    init(seed: UInt64) { value = seed }

    mutating func mix(_ other: UInt64) {
        var generator = SeededGenerator(seed: value ^ other)
        value = generator.next()
    }
}

/// A wait and up to a tenth more: a pure function of the run's seed and the intent, so that replay
/// finds the same one.
func jittered(_ waitMs: Int64, seed: UInt64, intent: Position) -> Int64 {
    var mixer = Mixer(seed: seed)
    mixer.mix(intent.rawValue)
    let share = Int64(mixer.value % 1_024)
    return waitMs.saturatingAdd(waitMs.saturatingMultiply(share) / 10_240)
}
