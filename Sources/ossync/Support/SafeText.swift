extension String {
    /// The text without what could drive a terminal: C0 and C1 controls, and marks that turn the
    /// direction of writing or end a line.
    var withoutControls: String {
        let isSafe = unicodeScalars.allSatisfy { !$0.isControlOrBidi }
        if isSafe { return self }
        var result = String.UnicodeScalarView()
        for scalar in unicodeScalars where !scalar.isControlOrBidi { result.append(scalar) }
        return String(result)
    }

    /// The text, cut to a width and padded to it.
    func padded(to width: Int) -> String {
        let text = String(prefix(width))
        return text + String(repeating: " ", count: width - text.count)
    }

    /// The text at the right end of a width, whole in any case.
    func aligned(to width: Int) -> String {
        String(repeating: " ", count: max(width - count, 0)) + self
    }
}

extension Unicode.Scalar {
    fileprivate var isControlOrBidi: Bool {
        switch value {
        case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0x061C: true
        default: false
        }
    }
}

extension UInt64 {
    /// With commas between the thousands.
    var grouped: String {
        let digits = String(self)
        var result = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { result.append(",") }
            result.append(digit)
        }
        return result
    }
}
