/// Says what an answer is to this store: a listed record is new, changed or unchanged.
///
/// - Parameter rows: those named by `needsToClassify`.
/// - Returns: the fact that the log records; nil when no such request is in flight.
package func classify(
    _ control: ControlState, intent: Position, answer: SourceAnswer, rows: CoreRows
) -> Event? {
    guard let request = control.request(intent) else { return nil }
    switch answer.content {
    case .page(let page):
        return Classifier(control: control, request: request, rows: rows)
            .page(page, exchange: answer.exchange)
    case .details(let outcomes):
        return Classifier(control: control, request: request, rows: rows)
            .details(outcomes, exchange: answer.exchange)
    case .healthy: return .healthChecked(HealthChecked(intent: intent, exchange: answer.exchange))
    case .limited(let waitMs, let signal):
        return .rateLimited(
            RateLimited(
                intent: intent, exchange: answer.exchange, waitMs: waitMs, signal: signal))
    case .failed(let failure):
        if failure.failure == .notFound,
            let end = Classifier(control: control, request: request, rows: rows)
                .endOfList(exchange: answer.exchange)
        {
            return end
        }
        return .requestFailed(
            RequestFailed(intent: intent, exchange: answer.exchange, answer: failure))
    }
}

private struct Classifier {
    let control: ControlState
    let request: InFlightRequest
    let rows: CoreRows

    private func unusable(
        _ exchange: Exchange, _ failure: FailureClass = .unusable, code: String, _ text: String
    ) -> Event {
        let answer = FailureAnswer(failure, code: code, text: text)
        return .requestFailed(
            RequestFailed(intent: request.intent, exchange: exchange, answer: answer))
    }

    func page(_ page: PageAnswer, exchange: Exchange) -> Event {
        let stream = control[request.stream]
        guard let pass = stream.pass else {
            return unusable(exchange, code: "no-pass", "a list page came, but no pass is open")
        }
        let order = idOrder(of: page, stream)
        if let order, let odd = page.records.first(where: { !order.admits($0.id) }) {
            return unusable(
                exchange, code: "id-order",
                "the id \"\(odd.id.text)\" is not a whole number, but earlier ids of this stream "
                    + "were: set idOrder: lexicographic or none for a new store")
        }
        if let text = misorder(page, pass, order) {
            return unusable(exchange, .idOrder, code: "id-order", text)
        }
        let remaining = control.invocation?.remainingRecords ?? .max
        var sorter = PageSorter(rows: rows, next: stream.nextOrdinal.rawValue, room: remaining)
        sorter.skipsSeen = pass.partlyTaken
        for record in page.records { sorter.take(record) }
        return .pageFetched(
            PageFetched(
                intent: request.intent, exchange: exchange, pass: pass.number,
                generation: pass.generation, next: page.next, total: page.total,
                rows: UInt32(page.records.count), taken: sorter.taken,
                partlyTaken: sorter.isFull, firstSeen: UInt32(sorter.firstSeen.count),
                digest: digest(of: page), idOrder: order,
                highest: order.flatMap { order in
                    page.records.prefix(sorter.reached).lazy.map(\.id).reduce(nil) {
                        order.greater($0, $1)
                    }
                }, entries: sorter.entries, unchanged: sorter.unchanged))
    }

    /// Why this page can't be trusted to be one of an ordered list, where one is needed.
    private func misorder(_ page: PageAnswer, _ pass: PassState, _ order: IDOrder?) -> String? {
        guard let policy = control.invocation?.policy, policy.needsIDOrder, let order,
            !page.records.isEmpty
        else { return nil }
        if order == .none {
            return "idAfter needs ordered ids, but those of this list have no order that can be "
                + "told: set idOrder, or page by number or offset with incremental: none"
        }
        guard policy.paging.isKeyset else { return nil }
        // A page that was taken in part begins again where it began.
        var last = pass.partlyTaken ? nil : pass.highest
        if last == nil, case .idAfter(let mark) = pass.filter { last = mark }
        let isFirst = last
        for record in page.records {
            if let last, order.precedes(record.id, last) || (last == isFirst && record.id == last) {
                return "the list is not sorted by id: \"\(record.id.text)\" comes after "
                    + "\"\(last.text)\", but paging: idAfter relies on it; ask for that order in "
                    + "list.path, or page by number or offset"
            }
            last = record.id
        }
        return nil
    }

    /// A list page that isn't there, when that can be its end: beyond the first page of a list
    /// whose total will tell whether something was missed.
    func endOfList(exchange: Exchange) -> Event? {
        guard request.endpoint == .list, let pass = control[request.stream].pass,
            pass.cursor != nil, pass.total != nil,
            control.invocation?.policy.paging.isKeyset == false
        else { return nil }
        return page(PageAnswer(records: [], next: nil, total: nil), exchange: exchange)
    }

    /// The order in force, or the one that the first page with records suggests.
    private func idOrder(of page: PageAnswer, _ stream: StreamState) -> IDOrder? {
        if let order = stream.idOrder ?? control.invocation?.policy.idOrder { return order }
        guard !page.records.isEmpty else { return nil }
        if page.records.allSatisfy({ IDOrder.numeric.admits($0.id) }) { return .numeric }
        let ascends = zip(page.records, page.records.dropFirst()).allSatisfy {
            IDOrder.lexicographic.precedes($0.id, $1.id)
        }
        return ascends ? .lexicographic : IDOrder.none
    }

    private func digest(of page: PageAnswer) -> UInt64 {
        var digest = Mixer(seed: UInt64(page.records.count))
        for record in page.records {
            digest.mix(record.fingerprint.high)
            digest.mix(record.fingerprint.low)
        }
        return digest.value
    }

    func details(_ outcomes: [DetailOutcome], exchange: Exchange) -> Event {
        guard case .detail(let asked) = request.target, asked.count == outcomes.count else {
            return unusable(
                exchange, code: "detail-count",
                "a detail answer has \(outcomes.count) results for "
                    + "\(request.ordinals.count) ids")
        }
        let results = zip(asked, outcomes).map { record, outcome in
            let row = rows.byOrdinal[record.ordinal]
            return DetailsFetched.Result(
                ordinal: record.ordinal, id: record.id, was: row?.state ?? .unknown,
                outcome: result(outcome, row))
        }
        return .detailsFetched(
            DetailsFetched(intent: request.intent, exchange: exchange, results: results))
    }

    private func result(_ outcome: DetailOutcome, _ row: RecordRow?) -> DetailsFetched.Outcome {
        switch outcome {
        case .found(let fingerprint, let body):
            row?.detailFingerprint == fingerprint
                ? .same : .changed(fingerprint: fingerprint, body: body)
        case .absent: .absent
        case .failed(let code, let text): .failed(RecordError(code: code, text: text))
        }
    }
}

/// Sorts the records of one page into new, changed and unchanged ones.
private struct PageSorter {
    let rows: CoreRows
    var next: UInt32
    /// How many records may still be taken under `--max`.
    let room: UInt64
    /// The page was taken in part before: what the pass has seen already doesn't count again.
    var skipsSeen = false
    var taken: UInt32 = 0
    /// A record had to be left for later.
    var isFull = false
    /// Records of the page that were looked at before that.
    var reached = 0
    var entries: [PageFetched.Entry] = []
    var unchanged: [OrdinalRun] = []
    var firstSeen: Set<Ordinal> = []
    /// What earlier records of the same page say of an identity that comes again.
    private var onPage: [RecordID: Earlier] = [:]

    private struct Earlier {
        let ordinal: Ordinal
        let fingerprint: Fingerprint
        let state: RecordState
    }

    init(rows: CoreRows, next: UInt32, room: UInt64) {
        self.rows = rows
        self.next = next
        self.room = room
    }

    mutating func take(_ record: ListedRecord) {
        guard !isFull else { return }
        let row = rows.byID[record.id]
        let earlier = onPage[record.id]
        let isSeen = earlier != nil || row.map { rows.seen.contains($0.ordinal) } ?? false
        if skipsSeen, isSeen {
            reached += 1
            return
        }
        guard UInt64(taken) < room else {
            isFull = true
            return
        }
        taken += 1
        reached += 1
        let ordinal = earlier?.ordinal ?? row?.ordinal ?? Ordinal(next)
        let known = earlier?.fingerprint ?? row?.headerFingerprint
        if !isSeen { firstSeen.insert(ordinal) }
        let was = earlier?.state ?? row?.state ?? .unknown
        let isUnchanged = known == record.fingerprint
        onPage[record.id] = Earlier(
            ordinal: ordinal, fingerprint: record.fingerprint, state: isUnchanged ? was : .pending)
        if isUnchanged {
            addUnchanged(ordinal)
            return
        }
        if known == nil { next += 1 }
        entries.append(
            PageFetched.Entry(
                ordinal: ordinal, id: record.id, was: was, fingerprint: record.fingerprint,
                body: record.body))
    }

    private mutating func addUnchanged(_ ordinal: Ordinal) {
        if let last = unchanged.last, last.range.upperBound == ordinal.rawValue {
            unchanged[unchanged.count - 1] = OrdinalRun(first: last.first, count: last.count + 1)
        } else {
            unchanged.append(OrdinalRun(first: ordinal, count: 1))
        }
    }
}

extension InvocationState {
    /// Records that `--max` still admits.
    var remainingRecords: UInt64 {
        guard let most = options.maxRecords else { return .max }
        return most > taken ? most - taken : 0
    }
}
