import Records
import SyncCore
import TestSupport
import Testing

@Suite("Exact decimals")
struct ExactDecimalTests {
    @Test(
        "reads numbers and prints them plainly",
        arguments: [
            ("0", "0"), ("-0", "0"), ("-0.00", "0.00"), ("1234.50", "1234.50"), ("007.5", "7.5"),
            ("1e3", "1000"), ("1.50e1", "15.0"), ("1.5e-3", "0.0015"), ("-12E+1", "-120"),
            ("0e999999", "0"), ("0.001", "0.001"),
            ("1e40", "1" + String(repeating: "0", count: 40)),
            ("170141183460469231731687303715884105727", "170141183460469231731687303715884105727"),
            (
                "-170141183460469231731687303715884105728",
                "-170141183460469231731687303715884105728"
            ),
            ("170141183460469231731687303715884105728", "170141183460469231731687303715884105728"),
        ])
    func reads(_ text: String, _ plain: String) throws {
        #expect(try ExactDecimal(text).description == plain)
    }

    @Test(
        "refuses what is no number or too long",
        arguments: [
            "", "-", "+1", ".5", "5.", "1e", "1,5", "1 ", "e3", "0x1", "1e5000", "1e-5000",
            "1e99999999999999999999",
        ])
    func refuses(_ text: String) {
        #expect(throws: RecordsError.self) { try ExactDecimal(text) }
    }

    @Test(
        "reads the decimal comma with and without points between thousands",
        arguments: [
            ("1234,50", "1234.50"), ("1.234,5", "1234.5"), ("-1.234.567", "-1234567"), ("7", "7"),
        ])
    func comma(_ text: String, _ plain: String) throws {
        #expect(try ExactDecimal(text, notation: .comma).description == plain)
    }

    @Test(
        "refuses groups of thousands that are none",
        arguments: ["1234.50", "1.23,4", "1234.567", ",5", "1,", "1,2,3"])
    func badComma(_ text: String) {
        #expect(throws: RecordsError.self) { try ExactDecimal(text, notation: .comma) }
    }

    @Test("adds exactly, beyond 128 bits and back")
    func adds() throws {
        #expect(try (ExactDecimal("0.1") + ExactDecimal("0.2")).description == "0.3")
        #expect(try (ExactDecimal("1.50") + ExactDecimal("-1.5")).description == "0.00")
        let huge = try ExactDecimal("1" + String(repeating: "9", count: 60))
        let one = try ExactDecimal("0.01")
        #expect((huge + one).description == huge.description + ".01")
        #expect((huge + one - huge) == one)
        #expect((huge - huge).isZero)
        let edge = try ExactDecimal("-170141183460469231731687303715884105728")
        #expect((-edge).description == "170141183460469231731687303715884105728")
        #expect((-(-edge)) == edge)
    }

    @Test("agrees with 128-bit arithmetic, is commutative and associative", arguments: 0..<4)
    func properties(_ seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        func sample() throws -> ExactDecimal {
            let whole = (0...random.below(45)).map { _ in String(random.below(10)) }.joined()
            let digits = (0...random.below(6)).map { _ in String(random.below(10)) }.joined()
            return try ExactDecimal((random.below(2) == 0 ? "-" : "") + whole + "." + digits)
        }
        for _ in 0..<400 {
            let (first, second, third) = (try sample(), try sample(), try sample())
            #expect(first + second == second + first)
            #expect((first + second) + third == first + (second + third))
            #expect((first + second) - second == first.rescaled(to: max(first.scale, second.scale)))
            #expect(try ExactDecimal(first.description) == first)
            let (left, right) = (random.below(1 << 40) - 1 << 39, random.below(1 << 40) - 1 << 39)
            #expect((ExactDecimal(left) + ExactDecimal(right)).description == String(left + right))
        }
    }

    @Test("drops no digit that is not 0")
    func rescale() throws {
        #expect(try ExactDecimal("1.500").rescaled(to: 1)?.description == "1.5")
        #expect(try ExactDecimal("1.50").rescaled(to: 0) == nil)
        #expect(try ExactDecimal("-1").rescaled(to: 2)?.description == "-1.00")
    }
}

@Suite("Decimal totals")
struct DecimalTotalTests {
    @Test("has the most fractional digits among the addends that are in it")
    func scale() throws {
        var total = DecimalTotal()
        #expect(total.description == "0")
        total.add(try ExactDecimal("1.5"))
        total.add(try ExactDecimal("2.25"))
        #expect(total.description == "3.75")
        try total.subtract(ExactDecimal("2.25"))
        #expect(total.description == "1.5")
        try total.subtract(ExactDecimal("1.5"))
        #expect(total == DecimalTotal())
    }

    @Test("refuses to give back what was never added")
    func neverAdded() throws {
        var total = DecimalTotal()
        total.add(try ExactDecimal("1"))
        #expect(throws: RecordsError.self) { try total.subtract(ExactDecimal("1.0")) }
        #expect(total.description == "1")
    }

    @Test("equals the sum of what is left, after any adding and taking back", arguments: 0..<4)
    func property(_ seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        var (total, kept) = (DecimalTotal(), [ExactDecimal]())
        for _ in 0..<500 {
            if random.below(3) == 0, !kept.isEmpty {
                try total.subtract(kept.remove(at: random.below(kept.count)))
            } else {
                let text = ["", "-"][random.below(2)] + "\(random.below(100_000))"
                let digits = String(repeating: "7", count: random.below(4))
                let addend = try ExactDecimal(digits.isEmpty ? text : text + "." + digits)
                total.add(addend)
                kept.append(addend)
            }
            let scale = kept.map(\.scale).max() ?? 0
            #expect(total.value == kept.reduce(.zero, +).rescaled(to: scale))
            #expect(total.count == UInt64(kept.count))
            #expect(try DecimalTotal(encoded: total.encoded) == total)
        }
    }

    @Test(
        "refuses damaged stored bytes",
        arguments: ["", "x", "1 ", "1 0", "1 0:0", "1 1:1 0:1", "1 0:-1", "1 0:1:1"])
    func damaged(_ text: String) {
        #expect(throws: RecordsError.self) { try DecimalTotal(encoded: text.utf8) }
    }
}
