internal import SyncCore

/// The seen-sets of passes that are open, as the events make them: one bit a record.
struct SeenFold: Equatable {
    /// By the key that a piece is stored under.
    private(set) var chunks: [[UInt8]: [UInt8]] = [:]

    init() {}

    /// - Returns: nil for pieces that no pass has.
    init?(_ chunks: [(key: [UInt8], bits: [UInt8])]) {
        for (key, bits) in chunks {
            guard bits.count == SeenChunk.empty.count, self.chunks[key] == nil else { return nil }
            self.chunks[key] = bits
        }
    }

    mutating func take(_ event: LoggedEvent) {
        switch event.event {
        case .pageFetched(let page):
            var chunk = Chunk(stream: event.stream, pass: page.pass)
            for entry in page.entries { mark(entry.ordinal.rawValue, &chunk) }
            for run in page.unchanged { for ordinal in run.range { mark(ordinal, &chunk) } }
            keep(&chunk)
        case .passCompleted(let pass): forget(event.stream, pass.number)
        case .passAbandoned(let pass): forget(event.stream, pass.number)
        default: break
        }
    }

    /// The piece that is being marked: neighbours come together.
    private struct Chunk {
        let stream: StreamID
        let pass: UInt32
        var number: UInt32?
        var bits: [UInt8] = []
    }

    private mutating func mark(_ ordinal: UInt32, _ chunk: inout Chunk) {
        let number = ordinal / SeenChunk.size
        if chunk.number != number {
            keep(&chunk)
            let key = StoreKeys.seen(chunk.stream, pass: chunk.pass, chunk: number)
            chunk.number = number
            chunk.bits = chunks.removeValue(forKey: key) ?? SeenChunk.empty
        }
        SeenChunk.set(ordinal, in: &chunk.bits)
    }

    private mutating func keep(_ chunk: inout Chunk) {
        guard let number = chunk.number else { return }
        chunks[StoreKeys.seen(chunk.stream, pass: chunk.pass, chunk: number)] = chunk.bits
        chunk.number = nil
    }

    private mutating func forget(_ stream: StreamID, _ pass: UInt32) {
        let prefix = StoreKeys.seen(stream, pass: pass)
        for key in chunks.keys.filter({ $0.starts(with: prefix) }) { chunks[key] = nil }
    }
}
