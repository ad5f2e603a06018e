import SyncCore
import SyncEngine
import TestSupport
import Testing

/// Seconds of UTC.
private func utc(_ text: String) throws -> Int64 {
    try #require(LogTime(rfc3339: text)).rawValue / .nsPerSecond
}

@Suite struct ZoneRulesTests {
    @Test func midnightOfSaoPauloThatDidNotExist() throws {
        let zone = try ZoneRules(tzif: ZoneFixture.saoPaulo)
        let change = try utc("2018-11-04T03:00:00Z")
        #expect(zone.civilTime(at: change - 1) == CivilTime(2018, 11, 3, 23, 59, 59))
        #expect(zone.civilTime(at: change) == CivilTime(2018, 11, 4, 1))
        #expect(zone.instants(of: CivilTime(2018, 11, 4)) == .gap(end: change))
        #expect(zone.instants(of: CivilTime(2018, 11, 4, 0, 59, 59)) == .gap(end: change))
        #expect(zone.instants(of: CivilTime(2018, 11, 4, 1)) == .one(change))
        #expect(zone.nextTransition(after: change - 1) == change)
    }

    @Test func anHourOfSaoPauloThatCameTwice() throws {
        let zone = try ZoneRules(tzif: ZoneFixture.saoPaulo)
        let first = try utc("2019-02-17T01:30:00Z")
        #expect(
            zone.instants(of: CivilTime(2019, 2, 16, 23, 30))
                == .overlap(first: first, second: first + 3_600))
        let midnight = try utc("2019-02-17T03:00:00Z")
        #expect(zone.instants(of: CivilTime(2019, 2, 17)) == .one(midnight))
        #expect(zone.nextTransition(after: first + 3_600) == nil)
    }

    @Test(
        arguments: [
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T00:59:59Z", 3_600),
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T01:00:00Z", 7_200),
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T00:59:59Z", 7_200),
            ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T01:00:00Z", 3_600),
            ("EST5EDT,M3.2.0,M11.1.0", "2026-03-08T07:00:00Z", -14_400),
            ("EST5EDT,M3.2.0,M11.1.0", "2026-11-01T05:59:59Z", -14_400),
            ("EST5EDT,M3.2.0,M11.1.0", "2026-11-01T06:00:00Z", -18_000),
            ("AEST-10AEDT,M10.1.0,M4.1.0/3", "2026-01-01T00:00:00Z", 39_600),
            ("<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2026-07-01T00:00:00Z", 37_800),
            ("IST-1GMT0,M10.5.0,M3.5.0/1", "2026-07-01T00:00:00Z", 3_600),
            ("IST-1GMT0,M10.5.0,M3.5.0/1", "2026-01-01T00:00:00Z", 0),
            ("IST-2IDT,M3.4.4/26,M10.5.0", "2026-03-26T23:59:59Z", 7_200),
            ("IST-2IDT,M3.4.4/26,M10.5.0", "2026-03-27T00:00:00Z", 10_800),
            ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2026-03-29T01:00:00Z", -3_600),
            ("AAA3BBB,J60/0,J300/0", "2024-03-01T02:59:59Z", -10_800),
            ("AAA3BBB,J60/0,J300/0", "2024-03-01T03:00:00Z", -7_200),
            ("AAA3BBB,59/0,300/0", "2024-02-29T03:00:00Z", -7_200),
            ("XXX3EDT4,0/0,J365/23", "2026-01-01T00:00:00Z", -14_400),
        ] as [(String, String, Int64)])
    func theRuleForLaterTimes(rule: String, instant: String, offset: Int64) throws {
        #expect(try ZoneFixture.zone(rule).offset(at: try utc(instant)) == offset)
    }

    @Test(arguments: [
        "", "C", "CET", "CET-1CEST", "CET-25", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M10.5.0",
        "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J0,J1",
        "CET-1CEST,M3.5.0/168,M10.5.0", "<CET-1", "CET-1CEST,M3.5.0,M10.5.0x", "CET-1:60",
    ])
    func whatIsNoRuleIsRefused(text: String) {
        #expect(ZoneRules(posix: text) == nil)
    }

    /// Daylight saving time that never ends: no change follows.
    @Test func aRuleOfOneOffsetHasNoTransitions() throws {
        #expect(try ZoneFixture.zone("XXX3EDT4,0/0,J365/23").nextTransition(after: 0) == nil)
        #expect(ZoneRules.utc.nextTransition(after: 0) == nil)
    }

    @Test func theRuleHasTheWordAfterTheLastTransition() throws {
        let zone = try ZoneRules(
            tzif: ZoneFixture.tzif(
                version: "3", types: [3_600, 7_200], transitions: [(0, 1), (1_000, 0)],
                footer: "CET-1CEST,M3.5.0,M10.5.0/3"))
        #expect(zone.offset(at: -1) == 3_600 && zone.offset(at: 0) == 7_200)
        #expect(zone.offset(at: 1_000) == 3_600)
        #expect(zone.offset(at: try utc("2026-07-01T00:00:00Z")) == 7_200)
        let first = ZoneRules.Instants.overlap(first: 0 - 2_600, second: 1_000)
        #expect(zone.instants(of: CivilTime(seconds: 4_600)) != first)
        #expect(zone.nextTransition(after: 1_000) == (try utc("1970-03-29T01:00:00Z")))
    }

    @Test func versionOneHasTheLastOffsetForEver() throws {
        let zone = try ZoneRules(
            tzif: ZoneFixture.tzif1(types: [0, 3_600], transitions: [(-1_000, 1)]))
        #expect(zone.offset(at: -1_001) == 0 && zone.offset(at: -1_000) == 3_600)
        #expect(zone.offset(at: .max) == 3_600 && zone.offset(at: .min) == 0)
    }

    /// Every instant of every zone, about each change, is found again from what the clocks show.
    @Test(arguments: ZoneFixture.rules)
    func everyInstantIsAmongThoseOfItsCivilTime(rule: String) throws {
        let zone = try ZoneFixture.zone(rule)
        var generator = SeededGenerator(seed: 71)
        var instants = (0..<40).map { _ in Int64(generator.below(4_000_000_000)) - 1_000_000_000 }
        var change = try utc("2025-01-01T00:00:00Z")
        for _ in 0..<4 {
            guard let next = zone.nextTransition(after: change) else { break }
            change = next
            instants += (0..<40).map { _ in next + Int64(generator.below(14_400)) - 7_200 }
        }
        for instant in instants {
            let civil = zone.civilTime(at: instant)
            switch zone.instants(of: civil) {
            case .gap: Issue.record("\(instant) is in no gap")
            case .one(let one): #expect(one == instant)
            case .overlap(let first, let second):
                #expect(first < second && [first, second].contains(instant))
                #expect(zone.civilTime(at: first) == civil && zone.civilTime(at: second) == civil)
            }
        }
    }

    @Test func brokenFilesAreRefusedWithTheReason() {
        let good = ZoneFixture.saoPaulo
        func problem(_ bytes: [UInt8]) -> ZoneRules.FileProblem? {
            do throws(ZoneRules.FileProblem) { _ = try ZoneRules(tzif: bytes) } catch {
                return error
            }
            return nil
        }
        #expect(problem(good) == nil)
        #expect(problem([]) == .notTZif && problem(Array("TZiX".utf8) + good) == .notTZif)
        #expect(problem(Array(good.dropLast())) == .short)
        #expect(problem(Array(good.prefix(60))) == .short)
        var later = good
        later[4] = UInt8(ascii: "5")
        #expect(problem(later) == .version(UInt8(ascii: "5")))
        let unordered = ZoneFixture.tzif(
            version: "2", types: [0], transitions: [(5, 0), (5, 0)], footer: "")
        #expect(problem(unordered) == .broken("its transitions are not in order"))
        let noType = ZoneFixture.tzif(
            version: "2", types: [0], transitions: [(5, 1)], footer: "")
        #expect(problem(noType) == .broken("a type that isn't there"))
        let noRule = ZoneFixture.tzif(version: "2", types: [0], transitions: [], footer: "Abc")
        #expect(problem(noRule) == .broken("its rule for later times"))
    }

    /// Rubbish is refused, or taken for rules that answer; nothing traps.
    @Test func mutatedFilesNeverTrap() {
        var generator = SeededGenerator(seed: 20_181_104)
        let seeds = [
            ZoneFixture.saoPaulo,
            ZoneFixture.tzif(
                version: "4", types: [3_600, 7_200], transitions: [(0, 1), (9, 0)],
                footer: "CET-1CEST,M3.5.0,M10.5.0/3"),
            ZoneFixture.tzif1(types: [0, 3_600], transitions: [(-1_000, 1)]),
        ]
        var taken = 0
        for round in 0..<3_000 {
            var bytes = seeds[round % seeds.count]
            for _ in 0...generator.below(4) {
                let place = generator.below(bytes.count)
                switch generator.below(3) {
                case 0: bytes[place] = UInt8(generator.below(256))
                case 1: bytes.removeSubrange(place..<min(place + 1, bytes.count - 1))
                default: bytes.insert(UInt8(generator.below(256)), at: place)
                }
            }
            guard let zone = try? ZoneRules(tzif: bytes) else { continue }
            taken += 1
            for instant in [Int64.min, -1 << 59, -1, 0, 1_541_300_400, 1 << 59, .max] {
                _ = zone.instants(of: zone.civilTime(at: instant))
                _ = zone.nextTransition(after: instant)
            }
        }
        #expect(taken > 100)
    }

    @Test(arguments: ["../etc/passwd", "/etc/localtime", "", "Europe//Berlin", "a b", "x\n", "."])
    func namesThatLeaveTheFolderAreRefused(name: String) {
        #expect(throws: ZoneDirectory.Problem.badName(name)) {
            try ZoneDirectory().rules(name)
        }
    }

    @Test func anUnknownNameIsToldWithTheFolder() {
        let folder = TemporaryFolder()
        let zones = ZoneDirectory(folder: folder.path)
        #expect(throws: ZoneDirectory.Problem.unknown("Mars/Base", folder: folder.path)) {
            try zones.rules("Mars/Base")
        }
        #expect(throws: Never.self) { try zones.rules("UTC") }
        #expect(zones.missingFolder == nil)
    }

    @Test func aMachineWithoutTimeZonesIsToldToInstallThem() {
        let folder = TemporaryFolder().path + "/none"
        let zones = ZoneDirectory(folder: folder)
        #expect(throws: ZoneDirectory.Problem.missing(folder: folder)) {
            try zones.rules("Europe/Berlin")
        }
        #expect(throws: Never.self) { try zones.rules("UTC") }
        #expect(zones.missingFolder == folder)
    }
}
