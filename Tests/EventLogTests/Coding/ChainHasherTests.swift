import EventLog
import SyncCore
import Testing

@Suite struct ChainHasherTests {
    @Test func theHeadIsTheHashOfWhatTheFormatSays() {
        let chain = ChainHasher(previousHead: ChainHasher.genesis)
        #expect(
            hex(chain.finish())
                // SHA-256 of 32 zero bytes.
                == "66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925")
        let abc = ChainHasher(previousHead: Array("abc".utf8))
        #expect(
            hex(abc.finish())
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    @Test func itDependsOnPositionIdentityOrderAndThePreviousHead() throws {
        let first = try StoredValue(logged(.runStarted(RunStarted(mode: .full)), at: 1))
        let second = try StoredValue(logged(.runStarted(RunStarted(mode: .full)), at: 2))
        let heads = [
            head([first, second]), head([second, first]), head([first]), head([second]),
            head([first, second], after: [UInt8](repeating: 1, count: 32)),
        ]
        #expect(Set(heads).count == heads.count)
        #expect(heads.allSatisfy { $0.count == 32 })
    }

    /// Computed by another program: the head before, and position and identity of each event.
    @Test func positionAndIdentityAreHashedAsTheFormatSays() {
        let chain = ChainHasher(previousHead: ChainHasher.genesis)
        for position: UInt64 in [1, 2] {
            chain.add(Position(position), identity: Array(0..<48 as Range<UInt8>)[...])
        }
        #expect(
            hex(chain.finish())
                == "5618c0be1a53eb45a8d658645345c06ddd1177da20460118120457bd90c8f360")
    }

    @Test func itDoesNotDependOnTheStorageHeader() throws {
        let value = try StoredValue(logged(.runStarted(RunStarted(mode: .full))))
        var other = value
        for index in 0..<EventHeader.identityRange.lowerBound { other.bytes[index] ^= 0xFF }
        #expect(head([value]) == head([other]))
    }

    private func head(
        _ values: [StoredValue], after previous: [UInt8] = ChainHasher.genesis
    ) -> [UInt8] {
        let chain = ChainHasher(previousHead: previous)
        for value in values {
            chain.add(value.position, identity: value.bytes[EventHeader.identityRange])
        }
        return chain.finish()
    }

    private func hex(_ bytes: [UInt8]) -> String { bytes.withUnsafeBytes { hexadecimal($0) } }
}
