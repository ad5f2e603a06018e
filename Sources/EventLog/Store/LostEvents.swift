package import SyncCore

/// What lies behind the part of a log that can be had, as far as it can be read.
package struct LostEvents: Sendable, Equatable {
    /// Those that are there.
    package private(set) var events: UInt64 = 0
    /// Those of them whose bytes are as they were written.
    package private(set) var sound: UInt64 = 0
    /// Of the sound ones.
    package private(set) var firstTime: LogTime?
    package private(set) var lastTime: LogTime?
    package private(set) var types: [EventType: UInt64] = [:]

    package init() {}

    /// Counts what a store has after a position.
    ///
    /// - Parameter tell: is told what is known so far, now and then: reading on may crash.
    package static func count(
        in store: String, after position: Position, _ tell: (LostEvents) -> Void
    ) throws(EventLogError) {
        let source = try SalvageSource(store: store)
        var lost = LostEvents()
        do throws(EventLogError) {
            try source.forEachEvent(after: position) { position, value in
                lost.count(position, value)
                if lost.events % 4_096 == 1 { tell(lost) }
                return true
            }
        } catch {
            guard case .corrupt = error else { throw error }
        }
        tell(lost)
    }

    private mutating func count(_ position: Position, _ value: UnsafeRawBufferPointer) {
        events += 1
        guard let header = try? EventHeader(value, at: position),
            EventHeader.checksum(of: value, position: position) == header.checksum
        else { return }
        sound += 1
        firstTime = firstTime ?? header.time
        lastTime = header.time
        if let type = header.type { types[type, default: 0] += 1 }
    }
}
