/// SplitMix64: the same seed gives the same numbers on every machine and in every version.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    /// A generator for one thing among many, independent of its neighbours.
    package init(_ seed: UInt64, _ first: UInt64, _ second: UInt64) {
        state = Self.mix(Self.mix(Self.mix(seed) &+ first) &+ second)
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.finish(state)
    }

    /// A number from 0 up to, not including, `bound`, which is at least 1.
    package mutating func below(_ bound: Int) -> Int {
        // Multiply and shift: without a division, and without a visible bias at these bounds.
        Int(next().multipliedFullWidth(by: UInt64(max(1, bound))).high)
    }

    /// A number in 0 ..< 1 drawn by these three values alone.
    package static func unit(_ seed: UInt64, _ first: UInt64, _ second: UInt64) -> Double {
        var generator = SeededGenerator(seed, first, second)
        return Double(generator.next() >> 11) * 0x1p-53
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        finish(value &+ 0x9E37_79B9_7F4A_7C15)
    }

    private static func finish(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
