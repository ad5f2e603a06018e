import SyncCore
import TestSupport
import Testing

@testable import ossync

@Suite struct FirstInOrderTests {
    @Test(arguments: [nil, 0, 1, 7, 1_000, 4_999, 5_000, 6_000, .max] as [Int?])
    func itIsWhatSortingAllWouldGive(limit: Int?) {
        var generator = SeededGenerator(seed: 5)
        var first = FirstInOrder<Int>(limit: limit)
        var all: [(key: [UInt8], number: Int)] = []
        for number in 0..<5_000 {
            // Each key once: its end is the number.
            let key = [
                UInt8(generator.below(256)), UInt8(generator.below(256)),
                UInt8(number / 256), UInt8(number % 256),
            ]
            first.take(number, key: key)
            all.append((key, number))
        }
        all.sort { $0.key.lexicographicallyPrecedes($1.key) }
        #expect(first.inOrder == all.map(\.number).prefix(limit ?? .max).map { $0 })
    }
}
