extension ExactDecimal {
    /// What separates the whole part of a written number from its fraction.
    package enum Notation: UInt8, Sendable, CaseIterable {
        /// `1234.50`, also with an exponent: the notation of JSON.
        case point = 1
        /// `1234,50`, also with points between the thousands: `1.234,50`.
        case comma = 2
    }

    /// Reads `-?digits(.digits)?([eE][+-]?digits)?`; leading zeros are accepted.
    ///
    /// The fractional digits are kept as written: `1.50e1` is `15.0`.
    /// - Throws: `badDecimal` for any other text, and for more than `maximumDigits` digits.
    package init(
        _ text: some Sequence<UInt8>, notation: Notation = .point
    ) throws(RecordsError) {
        try self.init(text, notation: notation, limit: Self.maximumDigits)
    }

    /// - Parameter limit: the most digits.
    private init(
        _ text: some Sequence<UInt8>, notation: Notation, limit: Int
    ) throws(RecordsError) {
        var reader = DecimalReader(bytes: Array(text), limit: limit)
        switch notation {
        case .point: try reader.readPoint()
        case .comma: try reader.readComma()
        }
        self = try reader.result()
    }

    /// Reads what `description` wrote, however long: a sum has more digits than any text that is
    /// read.
    package init(written text: some Collection<UInt8>) throws(RecordsError) {
        try self.init(text, notation: .point, limit: text.count)
    }

    package init(_ text: String, notation: Notation = .point) throws(RecordsError) {
        try self.init(text.utf8, notation: notation)
    }
}

/// Reads the text of one decimal number.
private struct DecimalReader {
    let bytes: [UInt8]
    let limit: Int
    var at = 0
    var isNegative = false
    var digits: [UInt8] = []
    /// Digits behind the point; less than 0 after an exponent that demands zeros.
    var scale = 0

    init(bytes: [UInt8], limit: Int) {
        self.bytes = bytes
        self.limit = limit
        if bytes.first == UInt8(ascii: "-") {
            isNegative = true
            at = 1
        }
    }

    mutating func readPoint() throws(RecordsError) {
        _ = try run()
        if take(UInt8(ascii: ".")) { scale = try run() }
        guard at < bytes.count, bytes[at] | 0x20 == UInt8(ascii: "e") else { return }
        at += 1
        let isDown = take(UInt8(ascii: "-"))
        if !isDown { _ = take(UInt8(ascii: "+")) }
        let mantissa = digits
        digits = []
        _ = try run()
        var exponent = 0
        for digit in digits where exponent <= ExactDecimal.maximumDigits {
            exponent = exponent * 10 + Int(digit)
        }
        digits = mantissa
        scale += isDown ? exponent : -exponent
    }

    mutating func readComma() throws(RecordsError) {
        let first = try run()
        var isGrouped = false
        while take(UInt8(ascii: ".")) {
            isGrouped = true
            guard try run() == 3 else { throw bad("its thousands are not in groups of three") }
        }
        if isGrouped, first > 3 { throw bad("its thousands are not in groups of three") }
        if take(UInt8(ascii: ",")) { scale = try run() }
    }

    func result() throws(RecordsError) -> ExactDecimal {
        guard at == bytes.count else { throw bad("it has something else than digits") }
        let isZero = digits.allSatisfy { $0 == 0 }
        guard scale <= limit, digits.count - min(scale, 0) <= limit || isZero else {
            throw bad("it has more than \(limit) digits")
        }
        let zeros = scale < 0 && !isZero ? -scale : 0
        return ExactDecimal(
            .init(isNegative: isNegative, digits: digits + repeatElement(0, count: zeros)),
            scale: max(scale, 0))
    }

    /// Collects a run of digits, at least one; returns how many.
    private mutating func run() throws(RecordsError) -> Int {
        let start = at
        while at < bytes.count, bytes[at] >= UInt8(ascii: "0"), bytes[at] <= UInt8(ascii: "9") {
            digits.append(bytes[at] - UInt8(ascii: "0"))
            at += 1
        }
        guard at > start else { throw bad("a digit is missing") }
        return at - start
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard at < bytes.count, bytes[at] == byte else { return false }
        at += 1
        return true
    }

    private func bad(_ why: String) -> RecordsError {
        RecordsError(.badDecimal, "a text is no decimal number: \(why)", offset: at)
    }
}
