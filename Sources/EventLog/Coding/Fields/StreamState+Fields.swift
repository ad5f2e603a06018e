internal import SyncCore

extension StreamState: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var id = StreamID.none
        var name = ""
        var nextOrdinal = Ordinal(0)
        var idOrder: IDOrder?
        var highWaterMark: RecordID?
        var generation: UInt32 = 0
        var lastPass: UInt32 = 0
        var pass: PassState?
        var counts: RecordCounts?
        var lastTotal: UInt64?
        var unfinished: UnfinishedRun?
        var lastRun = Position.none
        var lastCompletedAt: LogTime?
        var lastError: String?
        var highWaterPinned: [PinnedKey] = []
        var alerts: AlertState?
        while let field = try reader.next() {
            switch field {
            case 1: id = StreamID(try reader.unsigned())
            case 2: name = try reader.string()
            case 3: nextOrdinal = try reader.ordinal()
            case 4: idOrder = try reader.choice()
            case 5: highWaterMark = try reader.id()
            case 6: generation = try reader.unsigned()
            case 7: lastPass = try reader.unsigned()
            case 8: pass = try reader.message()
            case 9: counts = try reader.message()
            case 10: lastTotal = try reader.unsigned()
            case 11: unfinished = try reader.message()
            case 12: lastRun = try reader.position()
            case 13: lastCompletedAt = try reader.time()
            case 14: lastError = try reader.string()
            case 15: highWaterPinned.append(try reader.message())
            case 16: alerts = try reader.message()
            default: try reader.skip()
            }
        }
        self.init(id: id, name: name)
        self.nextOrdinal = nextOrdinal
        self.idOrder = idOrder
        self.highWaterMark = highWaterMark
        self.generation = generation
        self.lastPass = lastPass
        self.pass = pass
        self.counts = try required(counts, "counts")
        self.lastTotal = lastTotal
        self.unfinished = unfinished
        self.lastRun = lastRun
        self.lastCompletedAt = lastCompletedAt
        self.lastError = lastError
        self.highWaterPinned = highWaterPinned
        self.alerts = alerts
    }

    func write(to writer: inout FieldWriter) {
        writer.unsigned(1, id.rawValue)
        writer.string(2, name)
        writer.unsigned(3, nextOrdinal.rawValue)
        writer.choice(4, idOrder)
        writer.optionalString(5, highWaterMark?.text)
        writer.unsigned(6, generation)
        writer.unsigned(7, lastPass)
        writer.message(8, pass)
        writer.message(9, counts)
        writer.optionalUnsigned(10, lastTotal)
        writer.message(11, unfinished)
        writer.position(12, lastRun)
        writer.optionalTime(13, lastCompletedAt)
        writer.optionalString(14, lastError)
        writer.messages(15, highWaterPinned)
        writer.message(16, alerts)
    }
}

extension RecordCounts: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        self.init()
        while let field = try reader.next() {
            switch field {
            case 1: synced = try reader.unsigned()
            case 2: pending = try reader.unsigned()
            case 3: retrying = try reader.unsigned()
            case 4: parked = try reader.unsigned()
            case 5: dropped = try reader.unsigned()
            default: try reader.skip()
            }
        }
    }

    func write(to writer: inout FieldWriter) {
        writer.unsigned(1, synced)
        writer.unsigned(2, pending)
        writer.unsigned(3, retrying)
        writer.unsigned(4, parked)
        writer.unsigned(5, dropped)
    }
}

extension UnfinishedRun: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var run = Position.none
        var mode: RunMode?
        var counters: RunCounters?
        var drift: String?
        while let field = try reader.next() {
            switch field {
            case 1: run = try reader.position()
            case 2: mode = try reader.choice()
            case 3: counters = try reader.message()
            case 4: drift = try reader.string()
            default: try reader.skip()
            }
        }
        self.init(
            run: run, mode: try required(mode, "mode"),
            counters: try required(counters, "counters"), drift: drift)
    }

    func write(to writer: inout FieldWriter) {
        writer.position(1, run)
        writer.choice(2, mode)
        writer.message(3, counters)
        writer.optionalString(4, drift)
    }
}

extension PassState: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var number: UInt32 = 0
        var generation: UInt32 = 0
        var mode: RunMode?
        var run = Position.none
        var filter: ListFilter?
        var pinned: [PinnedKey] = []
        var lastEvent = Position.none
        var cursor: PageCursor?
        var partlyTaken = false
        var pages: UInt64 = 0
        var rows: UInt64 = 0
        var distinct: UInt64 = 0
        var total: UInt64?
        var totalChanged = false
        var lastDigest: UInt64?
        var highest: RecordID?
        var failures: UInt32 = 0
        var stalePages: UInt64 = 0
        while let field = try reader.next() {
            switch field {
            case 1: number = try reader.unsigned()
            case 2: generation = try reader.unsigned()
            case 3: mode = try reader.choice()
            case 4: run = try reader.position()
            case 5: filter = try reader.message()
            case 6: pinned.append(try reader.message())
            case 7: lastEvent = try reader.position()
            case 8: cursor = try reader.message()
            case 9: partlyTaken = try reader.bool()
            case 10: pages = try reader.unsigned()
            case 11: rows = try reader.unsigned()
            case 12: distinct = try reader.unsigned()
            case 13: total = try reader.unsigned()
            case 14: totalChanged = try reader.bool()
            case 15: lastDigest = try reader.fixed64()
            case 16: highest = try reader.id()
            case 17: failures = try reader.unsigned()
            case 18: stalePages = try reader.unsigned()
            default: try reader.skip()
            }
        }
        self.init(
            number: number, generation: generation, mode: try required(mode, "mode"), run: run,
            filter: try required(filter, "filter"), pinned: pinned, openedAt: lastEvent)
        self.cursor = cursor
        self.partlyTaken = partlyTaken
        self.pages = pages
        self.rows = rows
        self.distinct = distinct
        self.total = total
        self.totalChanged = totalChanged
        self.lastDigest = lastDigest
        self.highest = highest
        self.failures = failures
        self.stalePages = stalePages
    }

    func write(to writer: inout FieldWriter) {
        writer.unsigned(1, number)
        writer.unsigned(2, generation)
        writer.choice(3, mode)
        writer.position(4, run)
        writer.message(5, filter)
        writer.messages(6, pinned)
        writer.position(7, lastEvent)
        writer.message(8, cursor)
        writer.bool(9, partlyTaken)
        writer.unsigned(10, pages)
        writer.unsigned(11, rows)
        writer.unsigned(12, distinct)
        writer.optionalUnsigned(13, total)
        writer.bool(14, totalChanged)
        writer.optionalFixed64(15, lastDigest)
        writer.optionalString(16, highest?.text)
        writer.unsigned(17, failures)
        writer.unsigned(18, stalePages)
    }
}
