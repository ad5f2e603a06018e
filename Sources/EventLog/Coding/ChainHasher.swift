package import SyncCore

/// Computes heads of the chain: SHA-256 over the head before it and, for each event of a commit,
/// its position (8 bytes, big-endian) and its identity header (48 bytes).
package final class ChainHasher {
    /// What the chain of an empty log begins with: 32 zero bytes.
    package static let genesis = [UInt8](repeating: 0, count: SHA256Digest.byteCount)

    private let hasher = SHA256()

    /// Begins a commit's link; `previousHead` is the head of the commit before it.
    package init(previousHead: [UInt8]) { begin(previousHead: previousHead) }

    /// Begins the link of another commit.
    package func begin(previousHead: [UInt8]) {
        hasher.begin()
        previousHead.withUnsafeBytes { hasher.update($0) }
    }

    /// Adds the next event, by the bytes of its value at `EventHeader.identityRange`.
    package func add(_ position: Position, identity: ArraySlice<UInt8>) {
        identity.withUnsafeBytes { add(position, identity: $0) }
    }

    /// Adds the next event, by the bytes of its value at `EventHeader.identityRange`.
    package func add(_ position: Position, identity: UnsafeRawBufferPointer) {
        withUnsafeBytes(of: position.rawValue.bigEndian) { hasher.update($0) }
        hasher.update(identity)
    }

    /// The new head, 32 bytes; nothing can be added after it but by beginning again.
    package func finish() -> [UInt8] { hasher.finish().bytes }
}
