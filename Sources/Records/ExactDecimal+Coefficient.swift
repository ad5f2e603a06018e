extension ExactDecimal {
    /// A whole number: in 128 bits where it fits, in decimal digits where it does not.
    ///
    /// Each number has exactly one form, so that equality is that of the numbers.
    enum Coefficient: Sendable, Equatable {
        case small(Int128)
        /// The most significant digit first, and never one that `small` could hold.
        case large(isNegative: Bool, digits: [UInt8])

        /// - Parameter digits: the most significant first, leading zeros allowed.
        init(isNegative: Bool, digits: [UInt8]) {
            let significant = Array(digits.drop { $0 == 0 })
            guard significant.count <= 39 else {
                self = .large(isNegative: isNegative, digits: significant)
                return
            }
            var number: Int128 = 0
            for digit in significant {
                let (tenfold, first) = number.multipliedReportingOverflow(by: 10)
                let (sum, second) = tenfold.subtractingReportingOverflow(Int128(digit))
                guard !first, !second else {
                    self = .large(isNegative: isNegative, digits: significant)
                    return
                }
                number = sum
            }
            // Collected below zero, where the smallest number fits as well.
            if isNegative {
                self = .small(number)
            } else if number == .min {
                self = .large(isNegative: false, digits: significant)
            } else {
                self = .small(-number)
            }
        }

        var isNegative: Bool {
            switch self {
            case .small(let number): number < 0
            case .large(let isNegative, _): isNegative
            }
        }

        /// The digits of the absolute value, the most significant first; `[0]` for 0.
        var digits: [UInt8] {
            switch self {
            case .large(_, let digits): return digits
            case .small(let number):
                var (rest, digits) = (number.magnitude, [UInt8]())
                repeat {
                    let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
                    digits.append(UInt8(digit))
                    rest = quotient
                } while rest != 0
                digits.reverse()
                return digits
            }
        }

        var negated: Coefficient {
            if case .small(let number) = self, number != .min { return .small(-number) }
            return Coefficient(isNegative: !isNegative, digits: digits)
        }

        /// This number times 10 to the power of `count`.
        func shifted(by count: Int) -> Coefficient {
            if count == 0 || self == .small(0) { return self }
            if case .small(var number) = self, count <= 38 {
                var overflow = false
                for _ in 0..<count where !overflow {
                    (number, overflow) = number.multipliedReportingOverflow(by: 10)
                }
                if !overflow { return .small(number) }
            }
            return Coefficient(
                isNegative: isNegative, digits: digits + repeatElement(0, count: count))
        }

        /// This number divided by 10 to the power of `count`; nil if a remainder is left.
        func unshifted(by count: Int) -> Coefficient? {
            let digits = digits
            guard digits.suffix(count).allSatisfy({ $0 == 0 }) else { return nil }
            return Coefficient(isNegative: isNegative, digits: digits.dropLast(count))
        }

        func adding(_ other: Coefficient) -> Coefficient {
            if case .small(let left) = self, case .small(let right) = other {
                let (sum, overflow) = left.addingReportingOverflow(right)
                if !overflow { return .small(sum) }
            }
            let (left, right) = (digits, other.digits)
            if isNegative == other.isNegative {
                return Coefficient(isNegative: isNegative, digits: Self.sum(left, right))
            }
            if Self.isLess(left, right) {
                return Coefficient(
                    isNegative: other.isNegative, digits: Self.difference(right, left))
            }
            return Coefficient(isNegative: isNegative, digits: Self.difference(left, right))
        }

        private static func isLess(_ left: [UInt8], _ right: [UInt8]) -> Bool {
            left.count == right.count
                ? left.lexicographicallyPrecedes(right) : left.count < right.count
        }

        private static func sum(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
            let length = max(left.count, right.count) + 1
            var (result, carry) = ([UInt8](repeating: 0, count: length), UInt8(0))
            for place in 0..<length {
                let total = digit(left, place) + digit(right, place) + carry
                result[length - 1 - place] = total % 10
                carry = total / 10
            }
            return result
        }

        /// - Precondition: `left` is not less than `right`.
        private static func difference(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
            var (result, borrowed) = (left, UInt8(0))
            for place in 0..<left.count {
                let (have, need) = (digit(left, place), digit(right, place) + borrowed)
                borrowed = have < need ? 1 : 0
                result[left.count - 1 - place] = have + 10 * borrowed - need
            }
            return result
        }

        /// The digit at the place of 10 to the power of `place`.
        private static func digit(_ digits: [UInt8], _ place: Int) -> UInt8 {
            place < digits.count ? digits[digits.count - 1 - place] : 0
        }
    }
}
