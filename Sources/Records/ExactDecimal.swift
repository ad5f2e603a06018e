/// A decimal number of any size, with the number of fractional digits it was written with.
///
/// Money is added exactly: `0.1 + 0.2` is `0.3`, and `1.50 + 1` is `2.50`. Two values are equal
/// when their plain notation is the same, so `1.0` and `1.00` differ.
package struct ExactDecimal: Sendable, Equatable, CustomStringConvertible {
    /// The most digits that the plain notation of a value that is read may have.
    ///
    /// `1e999999999` is fourteen bytes of JSON and a gigabyte of plain notation.
    package static let maximumDigits = 4096

    /// The value times 10 to the power of `scale`.
    let coefficient: Coefficient
    /// How many digits stand behind the point.
    package let scale: Int

    package static let zero = ExactDecimal(.small(0), scale: 0)

    init(_ coefficient: Coefficient, scale: Int) {
        self.coefficient = coefficient
        self.scale = scale
    }

    package init(_ integer: Int) { self.init(.small(Int128(integer)), scale: 0) }

    package var isNegative: Bool { coefficient.isNegative }

    package var isZero: Bool { coefficient == .small(0) }

    /// Plain notation: no exponent, at least one digit before the point, `-0` as `0`.
    package var description: String {
        var digits = coefficient.digits
        if digits.count <= scale {
            digits.insert(contentsOf: repeatElement(0, count: scale + 1 - digits.count), at: 0)
        }
        var text: [UInt8] = coefficient.isNegative ? [UInt8(ascii: "-")] : []
        text.reserveCapacity(digits.count + 2)
        for (index, digit) in digits.enumerated() {
            if scale > 0, index == digits.count - scale { text.append(UInt8(ascii: ".")) }
            text.append(UInt8(ascii: "0") + digit)
        }
        return String(decoding: text, as: UTF8.self)
    }

    package static func + (left: ExactDecimal, right: ExactDecimal) -> ExactDecimal {
        let scale = max(left.scale, right.scale)
        let augend = left.coefficient.shifted(by: scale - left.scale)
        let addend = right.coefficient.shifted(by: scale - right.scale)
        return ExactDecimal(augend.adding(addend), scale: scale)
    }

    package static prefix func - (value: ExactDecimal) -> ExactDecimal {
        ExactDecimal(value.coefficient.negated, scale: value.scale)
    }

    package static func - (left: ExactDecimal, right: ExactDecimal) -> ExactDecimal {
        left + -right
    }

    package static func += (left: inout ExactDecimal, right: ExactDecimal) { left = left + right }

    /// The same value with `scale` fractional digits; nil if that would drop one that is not 0.
    package func rescaled(to scale: Int) -> ExactDecimal? {
        guard scale >= 0 else { return nil }
        if scale >= self.scale {
            return ExactDecimal(coefficient.shifted(by: scale - self.scale), scale: scale)
        }
        return coefficient.unshifted(by: self.scale - scale).map {
            ExactDecimal($0, scale: scale)
        }
    }
}
