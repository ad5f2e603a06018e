import EventLog
import Foundation
import Records
import SyncCore
import SyncEngine
import Testing

/// Histories as earlier programs decided them: what lies in `Tests/Bundles` is decided so today.
///
/// They are what `ossync replay --export` writes. A change of the rules that is meant makes
/// `Decider.version` grow, and bundles of the new rules are added.
@Suite struct BundlesTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Bundles")

    private static func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path(percentEncoded: false))
            .filter { $0.hasSuffix(".bundle") }.sorted()
    }

    @Test func eachIsDecidedAsItWas() throws {
        let names = try Self.names()
        #expect(names.count >= 3)
        for name in names {
            let bundle = try BundleLines(Self.folder.appending(path: name)).bundle()
            #expect(bundle.problem == nil)
            var divergences: [String] = []
            try bundle.replay { step, _ in
                if let divergence = step.divergence, !divergence.isOfOtherRules {
                    divergences.append("@\(divergence.position.rawValue)")
                }
                return true
            }
            #expect(divergences == [], "\(name)")
        }
    }

    /// What no bundle has, no bundle can find.
    @Test func everyKindOfDecisionIsInThem() throws {
        var kinds: Set<EventType> = []
        for name in try Self.names() {
            let bundle = try BundleLines(Self.folder.appending(path: name)).bundle()
            for event in bundle.commits.flatMap(\.events) { kinds.insert(event.event.type) }
        }
        #expect(kinds.isSuperset(of: EventType.allCases.filter { !$0.isFact }))
    }
}

/// The lines of a bundle, of which only the stored bytes are read.
private struct BundleLines {
    private let lines: [ArraySlice<UInt8>]

    init(_ path: URL) throws {
        lines = try [UInt8](Data(contentsOf: path)).split(separator: UInt8(ascii: "\n"))
    }

    func bundle() throws -> ReplayBundle {
        let coder = EventCoder()
        let start = try #require(lines.dropFirst().first)
        let version = try number("/version", start).map { UInt32($0) }
        return ReplayBundle(
            start: ReplayBundle.Start(
                control: try ControlStateCoder.decode(bytes("/raw", start)),
                wake: try number("/wake", start).map { LogTime(nanoseconds: $0) },
                version: version),
            rows: try of("row").map { line in
                let stream = StreamID(UInt16(try #require(try number("/stream", line))))
                let ordinal = Ordinal(UInt32(try #require(try number("/ordinal", line))))
                let row = try bytes("/raw", line).withUnsafeBytes {
                    try RecordRowCoder.decode(stream, ordinal, $0)
                }
                return ReplayBundle.Row(stream: stream, row: row)
            },
            commits: try of("commit").map { line in
                let raws = try JSONPointer("/events/*/raw", wildcards: true).values(in: line)
                let positions = try JSONPointer("/events/*/position", wildcards: true)
                    .values(in: line)
                let events = try zip(positions, raws).map { position, raw in
                    let position = Position(UInt64(String(decoding: position, as: UTF8.self)) ?? 0)
                    return try Self.bytes(raw).withUnsafeBytes {
                        try coder.decode(position, $0, bodies: .none)
                    }
                }
                return LoggedCommit(
                    events: events, bytes: Int(try #require(try number("/bytes", line))))
            })
    }

    private func of(_ type: String) throws -> [ArraySlice<UInt8>] {
        try lines.filter { line in
            let text = try JSONPointer("/type").value(in: line)
            return text.map { String(decoding: $0, as: UTF8.self) } == "\"\(type)\""
        }
    }

    private func number(_ pointer: String, _ line: ArraySlice<UInt8>) throws -> Int64? {
        let text = try JSONPointer(pointer).value(in: line)
        return text.flatMap { Int64(String(decoding: $0, as: UTF8.self)) }
    }

    private func bytes(_ pointer: String, _ line: ArraySlice<UInt8>) throws -> [UInt8] {
        Self.bytes(try #require(try JSONPointer(pointer).value(in: line)))
    }

    /// - Parameter text: hexadecimal digits in quotes.
    private static func bytes(_ text: ArraySlice<UInt8>) -> [UInt8] {
        let digits = text.dropFirst().dropLast().map(\.nibble)
        return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}

extension UInt8 {
    /// The value of a hexadecimal digit.
    fileprivate var nibble: UInt8 {
        UInt8(Character(Unicode.Scalar(self)).hexDigitValue ?? 0)
    }
}
