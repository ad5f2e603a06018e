package import SyncCore

extension SeededGenerator {
    /// A generator for one thing among many, independent of its neighbours.
    package init(_ seed: UInt64, _ first: UInt64, _ second: UInt64) {
        self.init(seed: Self.mix(Self.mix(Self.mix(seed) &+ first) &+ second))
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
        var generator = SeededGenerator(seed: value)
        return generator.next()
    }
}
