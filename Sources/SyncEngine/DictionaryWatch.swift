internal import EventLog
internal import SyncCore

/// Notices when a log has enough texts of a kind to make a compression dictionary of them.
struct DictionaryWatch {
    private let sampleBytes: Int
    /// The types without one: bytes of their texts since one was tried last.
    private var waiting: [EventType: Int] = [:]
    private var due: [EventType] = []

    init(_ dictionaries: DictionaryShelf, sampleBytes: Int) {
        self.sampleBytes = sampleBytes
        // Runs may bring few texts each: what the log has is looked at once, at the start.
        due = DictionaryTrainer.types.filter { !dictionaries.has($0) }
        for type in due { waiting[type] = 0 }
    }

    /// Looks at what was committed: one is tried after so many texts.
    mutating func take(_ events: [LoggedEvent]) {
        guard !waiting.isEmpty else { return }
        for event in events {
            guard let before = waiting[event.event.type] else { continue }
            waiting[event.event.type] = event.event.bodies.reduce(before) { $0 + $1.count }
        }
        for type in DictionaryTrainer.types where !due.contains(type) {
            if let bytes = waiting[type], bytes >= sampleBytes { due.append(type) }
        }
    }

    /// The next one that can be made now.
    ///
    /// - Parameter last: the number of the one that was made last.
    mutating func train(
        _ log: EventLog, after last: UInt16
    ) throws(EventLogError) -> DictionaryTrained? {
        while last < .max, !due.isEmpty {
            let type = due.removeFirst()
            let snapshot = try log.snapshot()
            waiting[type] = 0
            let trained: DictionaryTrained?
            do throws(EventLogError) {
                trained = try DictionaryTrainer.train(
                    type, snapshot, number: last + 1, sampleBytes: sampleBytes)
            } catch {
                // An old event that is damaged is no reason to end a sync, which needs it not.
                guard case .corrupt = error else { throw error }
                continue
            }
            guard let trained else { continue }
            waiting[type] = nil
            return trained
        }
        return nil
    }
}
