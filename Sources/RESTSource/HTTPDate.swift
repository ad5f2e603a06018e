internal import SyncCore

/// Moments as servers write them, as seconds of UTC since 1970.
package enum HTTPDate {
    /// The three forms of RFC 9110, section 5.6.7:
    /// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and
    /// `Sun Nov  6 08:49:37 1994`.
    ///
    /// - Parameter near: now, in the same seconds: a year of two digits is one at most 50 ahead.
    package static func seconds(_ text: String, near now: Int64) -> Int64? {
        let words = text.split { " ,\t".contains($0) }.map(String.init)
        switch words.count {
        case 6 where words[5] == "GMT" || words[5] == "UTC":
            return moment(year: words[3], month: words[2], day: words[1], time: words[4])
        case 4 where words[3] == "GMT" || words[3] == "UTC":
            let date = words[1].split(separator: "-", omittingEmptySubsequences: false)
            guard date.count == 3, date[2].count == 2, let short = Int(date[2]), short >= 0 else {
                return nil
            }
            let thisYear = year(of: now)
            var full = thisYear - thisYear % 100 + short
            if full > thisYear + 50 { full -= 100 }
            return moment(
                year: String(full), month: String(date[1]), day: String(date[0]), time: words[2])
        case 5: return moment(year: words[4], month: words[1], day: words[2], time: words[3])
        default: return nil
        }
    }

    /// RFC 3339: `2024-03-01T10:00:00Z`, with an optional fraction (dropped) and any offset.
    static func rfc3339(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, "Tt ".utf8.contains(bytes[10]) else { return nil }
        func field(_ range: Range<Int>) -> Int64? {
            guard range.upperBound <= bytes.count else { return nil }
            return number(String(decoding: bytes[range], as: UTF8.self))
        }
        guard bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
            let year = field(0..<4), let month = field(5..<7), let day = field(8..<10),
            let hour = field(11..<13), let minute = field(14..<16), let second = field(17..<19),
            let local = seconds(year, month, day, hour, minute, second)
        else { return nil }
        var rest = bytes[19...]
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst().drop { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        }
        if rest.elementsEqual("Z".utf8) || rest.elementsEqual("z".utf8) { return local }
        guard rest.count == 6, let sign = rest.first, "+-".utf8.contains(sign),
            rest[rest.startIndex + 3] == UInt8(ascii: ":"),
            let hours = field((rest.startIndex + 1)..<(rest.startIndex + 3)), hours < 24,
            let minutes = field((rest.startIndex + 4)..<(rest.startIndex + 6)), minutes < 60
        else { return nil }
        let offset = hours * 3600 + minutes * 60
        return sign == UInt8(ascii: "+") ? local - offset : local + offset
    }

    private static func moment(
        year: String, month: String, day: String, time: String
    ) -> Int64? {
        let months = [
            "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
        ]
        let clock = time.split(separator: ":", omittingEmptySubsequences: false).map {
            number(String($0))
        }
        guard clock.count == 3, let hour = clock[0], let minute = clock[1], let second = clock[2],
            let month = months.firstIndex(of: month.lowercased()), year.utf8.count == 4,
            let year = number(year), let day = number(day)
        else { return nil }
        return seconds(year, Int64(month + 1), day, hour, minute, second)
    }

    /// Digits only: `Int64` itself would take a sign.
    private static func number(_ text: String) -> Int64? {
        guard text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else {
            return nil
        }
        return Int64(text)
    }

    private static func seconds(
        _ year: Int64, _ month: Int64, _ day: Int64, _ hour: Int64, _ minute: Int64,
        _ second: Int64
    ) -> Int64? {
        guard (1...12).contains(month), (1...31).contains(day), (0...23).contains(hour),
            (0...59).contains(minute), (0...60).contains(second)
        else { return nil }
        let days = CivilDate.daysSinceEpoch(year: year, month: month, day: day)
        return days * 86_400 + hour * 3_600 + minute * 60 + second
    }

    /// Exact but for hours around New Year, which a window of a century doesn't notice.
    private static func year(of seconds: Int64) -> Int {
        Int(1970 + seconds / 31_556_952)
    }
}
