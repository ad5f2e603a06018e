import Glibc
import LMDB
import SyncEngine
import TestSupport
import Testing

@testable import ossync

@Suite struct BackupPlaceTests {
    private let folder = TemporaryFolder()
    private var store: StoreFolder { StoreFolder(folder.at("store")) }

    private func place(_ name: String) -> String? {
        mkdir(store.path, 0o700)
        return try? BackupPlace.resolve(folder.at(name), store: store)
    }

    @Test func aNewNameAndAnEmptyFolderWillDo() {
        #expect(place("new")?.hasSuffix("/new") == true)
        #expect(place("new//")?.hasSuffix("/new") == true)
        mkdir(folder.at("empty"), 0o700)
        #expect(place("empty")?.hasSuffix("/empty") == true)
        symlink(folder.at("empty"), folder.at("link"))
        #expect(place("link")?.hasSuffix("/empty") == true)
        // Its name only begins like the store's.
        #expect(place("store2")?.hasSuffix("/store2") == true)
    }

    @Test func whatIsThereIsLeftAlone() {
        Bytes.write([1], folder.at("file"))
        #expect(place("file") == nil)
        mkdir(folder.at("full"), 0o700)
        Bytes.write([1], folder.at("full/file"))
        #expect(place("full") == nil)
        symlink(folder.at("nowhere"), folder.at("dangling"))
        #expect(place("dangling") == nil)
    }

    @Test func theStoreItselfIsNoPlace() {
        #expect(place("store") == nil)
        #expect(place("store/backup") == nil)
        symlink(folder.at("store"), folder.at("alias"))
        #expect(place("alias/backup") == nil)
    }

    @Test func theFolderAroundItMustBeThere() {
        #expect(place("absent/backup") == nil)
        #expect(place("absent/..") == nil)
    }
}

@Suite struct BackupStagingTests {
    private let folder = TemporaryFolder()
    private var destination: String { folder.at("backup") }

    private var names: [String] { (FileSystem.names(in: folder.path) ?? []).sorted() }

    @Test func itGetsItsNameInOneStep() throws {
        let staging = try BackupStaging(for: destination)
        #expect(names.count == 1)
        #expect(!names.contains("backup"))
        try staging.publish()
        #expect(names == ["backup"])
    }

    @Test func anEmptyFolderIsReplacedAndAFullOneIsNot() throws {
        mkdir(destination, 0o700)
        try BackupStaging(for: destination).publish()
        Bytes.write([1], "\(destination)/file")
        let second = try BackupStaging(for: destination)
        #expect(throws: (any Error).self) { try second.publish() }
        second.folder.remove()
        #expect(names == ["backup"])
    }

    @Test func whatADeadOneLeftIsRemovedAndALivingOneIsNot() throws {
        let dead = folder.at("another.unfinished-1")
        mkdir(dead, 0o700)
        mkdir("\(dead)/log", 0o700)
        Bytes.write([1], "\(dead)/log/data.mdb")
        let living = "\(destination).unfinished-2"
        mkdir(living, 0o700)
        let holder = open(living, O_RDONLY | O_DIRECTORY)
        flock(holder, LOCK_EX)
        // Somebody's own folder that only looks like one.
        let other = "\(destination).unfinished-notes"
        mkdir(other, 0o700)
        Bytes.write([1], "\(other)/mine")
        let staging = try BackupStaging(for: destination)
        #expect(access(dead, F_OK) != 0)
        #expect(access(living, F_OK) == 0)
        #expect(access("\(other)/mine", F_OK) == 0)
        close(holder)
        staging.folder.remove()
    }
}
