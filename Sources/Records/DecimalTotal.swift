/// A running sum of decimals from which addends can be taken back.
///
/// It is written with the most fractional digits among the addends that are in it now, for which it
/// counts them by scale: `1.5 + 2.25 - 2.25` is `1.5` again, not `1.50`.
package struct DecimalTotal: Sendable, Equatable, CustomStringConvertible {
    private struct ScaleCount: Sendable, Equatable {
        var scale: Int
        var count: UInt64
    }

    private var sum = ExactDecimal.zero
    /// Ascending by scale, without zero counts.
    private var scales: [ScaleCount] = []

    package init() {}

    /// How many addends are in it.
    package var count: UInt64 { scales.reduce(0) { $0 + $1.count } }

    /// The sum with as many fractional digits as the addend that has most; `0` without addends.
    package var value: ExactDecimal {
        // What lies behind the greatest scale is zero, since no addend reaches there.
        sum.rescaled(to: scales.last?.scale ?? 0) ?? sum
    }

    /// Plain notation of `value`.
    package var description: String { value.description }

    package mutating func add(_ addend: ExactDecimal) {
        sum += addend
        let place = scales.firstIndex { $0.scale >= addend.scale } ?? scales.count
        if place < scales.count, scales[place].scale == addend.scale {
            scales[place].count += 1
        } else {
            scales.insert(ScaleCount(scale: addend.scale, count: 1), at: place)
        }
    }

    /// Takes an addend back.
    ///
    /// - Throws: `badCoding` when no addend of that scale is in it.
    package mutating func subtract(_ addend: ExactDecimal) throws(RecordsError) {
        guard let place = scales.firstIndex(where: { $0.scale == addend.scale }) else {
            throw RecordsError(
                .badCoding, "a total is asked to give back an addend that was never added",
                hint: "rebuild the projection that keeps it")
        }
        sum = sum - addend
        scales[place].count -= 1
        if scales[place].count == 0 { scales.remove(at: place) }
        // Digits that no addend has any more would otherwise make every later sum longer.
        sum = value
    }

    // MARK: - Storage

    /// ASCII: the sum, then `scale:count` for each scale, with spaces between (`12.50 1:3 2:7`).
    package var encoded: [UInt8] {
        var text = sum.description
        for entry in scales { text += " \(entry.scale):\(entry.count)" }
        return Array(text.utf8)
    }

    /// - Throws: `badCoding` for bytes that `encoded` does not make.
    package init(encoded: some Collection<UInt8>) throws(RecordsError) {
        let parts = encoded.split(
            separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard let first = parts.first,
            let sum = try? ExactDecimal(written: first)
        else { throw Self.badCoding }
        self.sum = sum
        for part in parts.dropFirst() {
            let numbers = part.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
                .map { UInt64(String(decoding: $0, as: UTF8.self)) }
            guard numbers.count == 2, let scale = numbers[0].flatMap({ Int(exactly: $0) }),
                scale <= ExactDecimal.maximumDigits, let count = numbers[1], count > 0,
                scale > scales.last?.scale ?? -1
            else { throw Self.badCoding }
            scales.append(ScaleCount(scale: scale, count: count))
        }
    }

    private static var badCoding: RecordsError {
        RecordsError(
            .badCoding, "a stored total can't be read",
            hint: "rebuild the projection that keeps it")
    }
}
