/// A small deterministic mixing of numbers (SplitMix64's finalizer), for digests and jitter.
struct Mixer {
    private(set) var value: UInt64

    init(seed: UInt64) { value = seed }

    mutating func mix(_ other: UInt64) {
        var mixed = (value ^ other) &+ 0x9E37_79B9_7F4A_7C15
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        value = mixed ^ (mixed >> 31)
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
