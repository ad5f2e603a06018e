import SyncEngine
import Testing

/// Zones that need no file: by a POSIX TZ text, or as bytes of a TZif file.
enum ZoneFixture {
    /// Of each kind: none, north, south, half an hour, a gap at midnight, a negative hour, "winter"
    /// time as the exception.
    static let rules = [
        "UTC0", "CET-1CEST,M3.5.0,M10.5.0/3", "EST5EDT,M3.2.0,M11.1.0",
        "AEST-10AEDT,M10.1.0,M4.1.0/3", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0",
        "<-03>3<-02>,M11.1.0/0,M2.3.0/0", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0",
        "IST-1GMT0,M10.5.0,M3.5.0/1", "<+0545>-5:45", "IST-2IDT,M3.4.4/26,M10.5.0",
    ]

    static func zone(_ rule: String) throws -> ZoneRules { try #require(ZoneRules(posix: rule)) }

    /// São Paulo's last three changes: to daylight saving time on 2018-11-04, when 00:00 was
    /// 01:00; back on 2019-02-17, when 00:00 was 23:00; before, back on 2018-02-18.
    static let saoPaulo = tzif(
        version: "2", types: [-10_800, -7_200],
        transitions: [(1_518_919_200, 0), (1_541_300_400, 1), (1_550_368_800, 0)],
        footer: "<-03>3")

    /// A file as zic(8) writes it: an empty 32-bit block, then the 64-bit one.
    static func tzif(
        version: Unicode.Scalar, types: [Int32], transitions: [(Int64, UInt8)], footer: String
    ) -> [UInt8] {
        header(version, transitions: 0, types: 1) + type(types[0]) + [0, 0, 0, 0]
            + header(version, transitions: transitions.count, types: types.count)
            + transitions.flatMap { bigEndian($0.0) } + transitions.map(\.1)
            + types.flatMap(type) + [0, 0, 0, 0] + Array("\n\(footer)\n".utf8)
    }

    /// A file of version 1: 32-bit times and no rule.
    static func tzif1(types: [Int32], transitions: [(Int32, UInt8)]) -> [UInt8] {
        header("\0", transitions: transitions.count, types: types.count)
            + transitions.flatMap { bigEndian($0.0) } + transitions.map(\.1)
            + types.flatMap(type) + [0, 0, 0, 0]
    }

    private static func header(
        _ version: Unicode.Scalar, transitions: Int, types: Int
    ) -> [UInt8] {
        Array("TZif".utf8) + [UInt8(ascii: version)] + [UInt8](repeating: 0, count: 15)
            + [0, 0, 0, Int32(transitions), Int32(types), 4].flatMap(bigEndian)
    }

    private static func type(_ offset: Int32) -> [UInt8] { bigEndian(offset) + [0, 0] }

    private static func bigEndian(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }
}
