import Glibc
import SyncCore
import TestSupport
import Testing

@testable import EventLog

@Suite struct ArchiveNameTests {
    @Test(
        arguments: [(1, 1), (1, 20), (21, 4_711), (UInt64.max, UInt64.max)] as [(UInt64, UInt64)])
    func aNameIsReadAsItIsWritten(first: UInt64, last: UInt64) {
        let name = ArchiveName(first: Position(first), last: Position(last))
        #expect(name.text == "\(first)-\(last)")
        #expect(ArchiveName(name.text) == name)
    }

    @Test(arguments: [
        "", "-", "1", "1-", "-1", "0-5", "5-4", "01-5", "1-05", "+1-5", "1-+5", "1-5-6", "-1-5",
        "1--5", " 1-5", "1-5 ", "1-5.filling", "1-5.filling.new-7", "1_5", "1-18446744073709551616",
        "a-b", "１-５", "lost+found",
    ])
    func whatNamesNoSegmentIsPassedOver(text: String) { #expect(ArchiveName(text) == nil) }

    @Test func onlyWhatIsBeingMadeIsUnfinished() {
        for text in ["1-5.filling", "1-5.filling.new-77", "1-5.new-77", "1-5.new-x"] {
            #expect(ArchiveName.isUnfinished(text))
        }
        for text in [
            "1-5", "x.filling", ".filling", "1-5.copy", "1-5.old.filling", "filling", "x.new-7",
            "1-5.newer",
        ] {
            #expect(!ArchiveName.isUnfinished(text), "\(text)")
        }
    }

    @Test func whatNoSegmentHoldsIsToldInItsOrder() throws {
        let folder = TemporaryFolder()
        let archive = LogArchive(path: folder.at("archive"))
        let range = { (first: UInt64, last: UInt64) in Position(first)...Position(last) }
        #expect(try archive.gaps(through: .none) == [])
        #expect(try archive.gaps(through: Position(9)) == [range(1, 9)])
        mkdir(archive.path, 0o700)
        for name in ["1-10", "5-7", "11-20", "31-40", "rubbish", "21-30.filling"] {
            mkdir("\(archive.path)/\(name)", 0o700)
        }
        #expect(try archive.names().map(\.text) == ["1-10", "5-7", "11-20", "31-40"])
        for last in 1...20 as ClosedRange<UInt64> {
            #expect(try archive.gaps(through: Position(last)) == [])
        }
        #expect(try archive.gaps(through: Position(21)) == [range(21, 21)])
        #expect(try archive.gaps(through: Position(25)) == [range(21, 25)])
        #expect(try archive.gaps(through: Position(40)) == [range(21, 30)])
        #expect(try archive.gaps(through: Position(50)) == [range(21, 30), range(41, 50)])
    }
}
