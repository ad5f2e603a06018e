package import Records

/// A number to be drawn: 17 significant digits of one of any size, which no sum is made of.
///
/// `1e400` is an exact decimal, but no `Double`.
package struct PlotValue: Sendable, Equatable {
    /// 0, or from 1 to below 10, with the sign.
    let mantissa: Double
    let exponent: Int

    package static let zero = PlotValue(mantissa: 0, exponent: 0)

    private init(mantissa: Double, exponent: Int) {
        self.mantissa = mantissa
        self.exponent = exponent
    }

    package init(_ number: UInt64) { self.init(ExactDecimal(Int(clamping: number))) }

    package init(_ decimal: ExactDecimal) {
        let digits = decimal.description.utf8.filter { $0 != UInt8(ascii: "-") }
        let point = digits.firstIndex(of: UInt8(ascii: ".")) ?? digits.count
        guard
            let first = digits.firstIndex(where: { $0 > UInt8(ascii: "0") })
        else {
            self = .zero
            return
        }
        var (value, unit) = (0.0, 1.0)
        for digit in digits[first...].prefix(18) where digit != UInt8(ascii: ".") {
            value += Double(digit - UInt8(ascii: "0")) * unit
            unit /= 10
        }
        mantissa = decimal.isNegative ? -value : value
        exponent = first < point ? point - first - 1 : point - first
    }

    package var isNegative: Bool { mantissa < 0 }

    /// The value in units of 10 to the power of `exponent`.
    func scaled(by exponent: Int) -> Double {
        var (value, steps) = (mantissa, self.exponent - exponent)
        // Beyond these the other number isn't seen any more.
        steps = min(max(steps, -40), 40)
        while steps > 0 {
            value *= 10
            steps -= 1
        }
        while steps < 0 {
            value /= 10
            steps += 1
        }
        return value
    }
}

/// The numbers between which a plot is drawn, zero always among them.
struct PlotScale {
    /// What the bounds are counted in: 10 to this power.
    private let exponent: Int
    /// At most 0.
    private let low: Double
    /// At least 0, and more than `low`.
    private let high: Double

    init(_ values: [PlotValue]) {
        let exponent = values.filter { $0 != .zero }.map(\.exponent).max() ?? 0
        let scaled = values.map { $0.scaled(by: exponent) }
        self.exponent = exponent
        low = min(scaled.min() ?? 0, 0)
        let top = max(scaled.max() ?? 0, 0)
        high = top > low ? top : 1
    }

    /// Where a value stands: 0 is the lowest, 1 the highest one.
    func place(_ value: PlotValue) -> Double { place(value.scaled(by: exponent)) }

    private func place(_ scaled: Double) -> Double {
        min(max((scaled - low) / (high - low), 0), 1)
    }

    var zero: Double { place(0) }

    struct Tick {
        let place: Double
        let text: String
    }

    /// Four to ten round numbers within the scale.
    var ticks: [Tick] {
        let least = (high - low) / 8
        // The smallest of 1, 2 and 5 times a power of ten that makes few enough.
        var (power, unit) = (0, 1.0)
        while unit > least {
            unit /= 10
            power -= 1
        }
        while unit * 10 <= least {
            unit *= 10
            power += 1
        }
        let factor = [1, 2, 5, 10].first { Double($0) * unit >= least } ?? 10
        let step = Double(factor) * unit
        // A little beyond, for what rounding leaves of the bounds.
        let (first, last) = (Int((low / step - 1e-9).rounded(.up)), Int(high / step + 1e-9))
        return (first...last).map { number in
            Tick(
                place: place(Double(number) * step),
                text: Self.text(number * factor, exponent: power + exponent))
        }
    }

    /// A small number times 10 to a power, in plain notation while that is short.
    private static func text(_ number: Int, exponent: Int) -> String {
        if number == 0 { return "0" }
        guard (-9...12).contains(exponent) else { return "\(number)e\(exponent)" }
        if exponent >= 0 { return "\(number)" + String(repeating: "0", count: exponent) }
        var digits = String(abs(number))
        if digits.count <= -exponent {
            digits = String(repeating: "0", count: 1 - exponent - digits.count) + digits
        }
        let whole = digits.dropLast(-exponent)
        var fraction = digits.suffix(-exponent)
        while fraction.last == "0" { fraction.removeLast() }
        return (number < 0 ? "-" : "") + whole + (fraction.isEmpty ? "" : ".\(fraction)")
    }
}
