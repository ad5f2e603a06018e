/// Finds the known word that a mistyped one was most likely meant to be.
enum NearestKey {
    /// The nearest of `known` by edits, ignoring case; nil when none is near.
    static func find(_ word: String, among known: [String]) -> String? {
        let lowered = Array(word.lowercased().utf8)
        guard lowered.count <= 128 else { return nil }
        var best: (word: String, distance: Int)?
        for candidate in known {
            let other = Array(candidate.lowercased().utf8)
            let edits = distance(lowered, other)
            guard edits <= max(1, max(lowered.count, other.count) / 3) else { continue }
            if edits < best?.distance ?? .max { best = (candidate, edits) }
        }
        return best?.word
    }

    /// The number of insertions, deletions and replacements that make one of the other.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (index, byte) in left.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for (column, other) in right.enumerated() {
                let replaced = diagonal + (byte == other ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
            }
        }
        return row[right.count]
    }
}
