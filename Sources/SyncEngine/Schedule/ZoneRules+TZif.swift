extension ZoneRules {
    /// Why bytes are no rules of a time zone.
    package enum FileProblem: Error, Equatable, CustomStringConvertible {
        case notTZif
        /// A version that is neither absent (1) nor 2, 3 or 4.
        case version(UInt8)
        /// The file ends before what its header announces.
        case short
        /// Something in it that RFC 8536 doesn't allow.
        case broken(String)
        /// Its times count leap seconds, which UTC as computers have it doesn't.
        case leapSeconds

        package var description: String {
            switch self {
            case .notTZif: "it is not a TZif file"
            case .version(let byte): "it is of an unknown version (byte \(byte))"
            case .short: "it is cut off"
            case .broken(let what): "it is broken: \(what)"
            case .leapSeconds: "it counts leap seconds"
            }
        }
    }

    /// The largest file that is read; the fattest ones of the time zone database have 4 KB.
    package static let maxFileBytes = 256 * 1_024

    /// Reads a TZif file of version 1 to 4 (RFC 8536; RFC 9636 for version 4).
    ///
    /// The 64-bit block is read where there is one, and the POSIX TZ text behind it, which has the
    /// word after the last transition.
    package init(tzif bytes: [UInt8]) throws(FileProblem) {
        guard bytes.count <= Self.maxFileBytes else { throw .broken("it is too large") }
        var reader = TZifReader(bytes: bytes)
        let header = try reader.header()
        guard header.version > 1 else {
            self = try reader.block(header, timeBytes: 4, rule: nil)
            return
        }
        try reader.skip(header.bytes(timeBytes: 4))
        let second = try reader.header()
        let end = try reader.position(behind: second.bytes(timeBytes: 8))
        var footer = TZifReader(bytes: bytes, at: end)
        self = try reader.block(second, timeBytes: 8, rule: try footer.rule())
    }
}

private struct TZifReader {
    struct Header {
        let version: UInt8
        let utcMarks: Int
        let standardMarks: Int
        let leapSeconds: Int
        let transitions: Int
        let types: Int
        let characters: Int

        /// The length of the data block that follows.
        func bytes(timeBytes: Int) -> Int {
            transitions * (timeBytes + 1) + types * 6 + characters
                + leapSeconds * (timeBytes + 4) + standardMarks + utcMarks
        }
    }

    let bytes: [UInt8]
    var at = 0

    private mutating func number(_ count: Int) throws(ZoneRules.FileProblem) -> Int64 {
        guard bytes.count - at >= count else { throw .short }
        var value: UInt64 = 0
        for byte in bytes[at..<(at + count)] { value = value << 8 | UInt64(byte) }
        at += count
        return count == 4
            ? Int64(Int32(truncatingIfNeeded: value)) : Int64(bitPattern: value)
    }

    func position(behind count: Int) throws(ZoneRules.FileProblem) -> Int {
        guard bytes.count - at >= count else { throw .short }
        return at + count
    }

    mutating func skip(_ count: Int) throws(ZoneRules.FileProblem) {
        at = try position(behind: count)
    }

    mutating func header() throws(ZoneRules.FileProblem) -> Header {
        guard bytes.count - at >= 44 else { throw at == 0 ? .notTZif : .short }
        guard bytes[at..<(at + 4)].elementsEqual("TZif".utf8) else {
            throw at == 0 ? .notTZif : .broken("its second header")
        }
        let mark = bytes[at + 4]
        let version: UInt8
        switch mark {
        case 0: version = 1
        case UInt8(ascii: "2")...UInt8(ascii: "4"): version = mark - UInt8(ascii: "0")
        default: throw .version(mark)
        }
        at += 20
        var counts: [Int] = []
        for _ in 0..<6 { counts.append(Int(UInt32(truncatingIfNeeded: try number(4)))) }
        let header = Header(
            version: version, utcMarks: counts[0], standardMarks: counts[1],
            leapSeconds: counts[2], transitions: counts[3], types: counts[4],
            characters: counts[5])
        guard header.types > 0, header.types <= 256, header.characters > 0 else {
            throw .broken("it has no types of local time, or too many")
        }
        return header
    }

    /// The block of data behind a header; the names of times and the marks are passed over.
    mutating func block(
        _ header: Header, timeBytes: Int, rule: PosixZone?
    ) throws(ZoneRules.FileProblem) -> ZoneRules {
        _ = try position(behind: header.bytes(timeBytes: timeBytes))
        guard header.leapSeconds == 0 else { throw .leapSeconds }
        var times: [Int64] = []
        for _ in 0..<header.transitions {
            let time = try number(timeBytes)
            // RFC 8536, 3.2: before the Big Bang there are none.
            guard time > times.last ?? .min, time.magnitude <= 1 << 59 else {
                throw .broken("its transitions are not in order")
            }
            times.append(time)
        }
        let kinds = bytes[at..<(at + header.transitions)].map(Int.init)
        at += header.transitions
        var offsets: [Int64] = []
        for _ in 0..<header.types {
            let offset = try number(4)
            guard offset.magnitude <= ZoneRules.maxOffset.magnitude else {
                throw .broken("an offset of \(offset) s")
            }
            offsets.append(offset)
            at += 2
        }
        var transitions: [ZoneRules.Transition] = []
        for (time, kind) in zip(times, kinds) {
            guard kind < offsets.count else { throw .broken("a type that isn't there") }
            transitions.append(ZoneRules.Transition(at: time, offset: offsets[kind]))
        }
        return ZoneRules(firstOffset: offsets[0], transitions: transitions, rule: rule)
    }

    /// The POSIX TZ text between two line ends; nil for an empty one.
    mutating func rule() throws(ZoneRules.FileProblem) -> PosixZone? {
        let lineEnd = UInt8(ascii: "\n")
        guard at < bytes.count, bytes[at] == lineEnd,
            let end = bytes[(at + 1)...].firstIndex(of: lineEnd)
        else { throw .short }
        let text = String(decoding: bytes[(at + 1)..<end], as: UTF8.self)
        if text.isEmpty { return nil }
        guard let rule = PosixZone(text) else { throw .broken("its rule for later times") }
        return rule
    }
}
