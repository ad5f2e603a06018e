package import SyncCore

/// Gives a record the fingerprint by which a change is noticed: XXH3-128 of its canonical JSON.
///
/// Two spellings of one value have one fingerprint: the order of members, white space and the
/// escapes of strings don't count. The literal of a number does (`1.0` differs from `1`).
package struct Fingerprinter: Sendable, Equatable {
    /// How many places can be ignored: each takes a bit of a word.
    package static let maximumIgnored = 64

    /// Places that don't count, for example a time of the last access; `*` is every element.
    package let ignored: [JSONPointer]

    /// - Throws: `badPointer` for too many places, or for one that is the whole record.
    package init(ignoring ignored: [JSONPointer] = []) throws(RecordsError) {
        guard ignored.count <= Self.maximumIgnored else {
            throw RecordsError(
                .badPointer,
                "\(ignored.count) places are ignored, at most \(Self.maximumIgnored) can be",
                hint: "ignore a member above them")
        }
        guard !ignored.contains(where: { $0.segments.isEmpty }) else {
            throw RecordsError(
                .badPointer, "the whole record is ignored: no change would ever be noticed",
                hint: "name the members to ignore")
        }
        self.ignored = ignored
    }

    /// The fingerprint of one JSON text, which is checked whole.
    package func fingerprint(of bytes: ArraySlice<UInt8>) throws(RecordsError) -> Fingerprint {
        try JSONView.read(bytes) { view in
            var writer = CanonicalWriter(ignoring: ignored)
            return writer.fingerprint(view, 0)
        }
    }

    /// What is hashed, for explaining why two records differ.
    package func canonical(_ bytes: ArraySlice<UInt8>) throws(RecordsError) -> [UInt8] {
        try JSONView.read(bytes) { view in
            var writer = CanonicalWriter(ignoring: ignored)
            return writer.canonical(view, 0)
        }
    }
}
