internal import LMDB

/// The projections of records, removed with all that was kept of them; nobody makes one anew as
/// long as this lives. The index over the log holds no text of a record, and stays.
package final class ClearedProjections {
    private let locks: [ProjectionLock]

    /// Removes them.
    ///
    /// - Parameters:
    ///   - path: `STORE/projections`; it may be absent.
    ///   - projections: those that somebody may begin to make, though nothing is there of them yet.
    /// - Returns: nil while another process makes or writes one.
    package init?(_ path: String, names projections: [String] = []) throws(ProjectionError) {
        let folder = ProjectionFolder(path: path)
        try folder.make()
        guard let lock = try ProjectionLock.take(folder) else { return nil }
        var locks = [lock]
        let names = FileSystem.names(in: path) ?? []
        let begun = names.filter { $0.hasSuffix(Self.building) }
            .map { String($0.dropLast(Self.building.count)) }
        for projection in Set(begun).union(projections).sorted() {
            guard let lock = try ProjectionLock.takeBuilding(projection, folder) else {
                return nil
            }
            locks.append(lock)
        }
        self.locks = locks
        for name in FileSystem.names(in: path) ?? [] where !Self.stays(name) {
            FileSystem.remove("\(path)/\(name)")
        }
    }

    private static let building = ".building"

    private static func stays(_ name: String) -> Bool {
        let history = HistoryProjection.name
        return name == "lock" || name.hasSuffix(building) || name.hasPrefix("\(history)-")
            || name.hasPrefix("\(history).")
    }
}
