extension Decider {
    /// A page came: it may be the last one, or show that the list doesn't move.
    mutating func fetched(
        _ page: PageFetched, _ request: InFlightRequest, _ invocation: InvocationState
    ) {
        let before = control[invocation.stream].pass
        let position = emit(.pageFetched(page), cause: page.intent)
        guard let before else { return }
        let stalled = stall(page, before, invocation)
        if let stalled, !before.isAtTotalTooSoon {
            stop(.stalled, stalled, cause: position)
            return
        }
        let stream = control[invocation.stream]
        guard let pass = stream.pass,
            stalled != nil || pass.isAtEnd(after: page, paging: invocation.policy.paging)
        else { return }
        let drift = pass.drift
        let known = stream.highWaterPinned == pass.pinned ? stream.highWaterMark : nil
        let mark = drift == nil ? (stream.idOrder ?? .none).greater(known, pass.highest) : nil
        let completed = emit(
            .passCompleted(
                PassCompleted(
                    number: pass.number, distinct: pass.distinct, total: pass.total, drift: drift,
                    highWaterMark: mark == stream.highWaterMark ? nil : mark)),
            cause: position)
        if pass.number == invocation.followedPass, drift == nil {
            askForNew(invocation, cause: completed)
        }
    }

    /// Why the list doesn't move, if it doesn't.
    private func stall(
        _ page: PageFetched, _ before: PassState, _ invocation: InvocationState
    ) -> String? {
        guard page.rows > 0, !page.partlyTaken else { return nil }
        if before.repeats(page) {
            return "the list repeats itself: \(describe(before.cursor)) brought the same records "
                + "as the page before it; \(lookAtPaging(invocation))"
        }
        if let next = page.next, next == before.cursor {
            return "the list does not move: the page after \(describe(before.cursor)) is the same "
                + "one; \(lookAtPaging(invocation))"
        }
        // New rows may push a few seen pages down, but not as many as there were. A list that says
        // that it is at its end doesn't go round.
        guard page.next != nil, let pass = control[invocation.stream].pass,
            pass.stalePages > pass.pages - pass.stalePages
        else { return nil }
        return "the list goes round: \(pass.stalePages) pages in a row, up to "
            + "\(describe(before.cursor)), brought only records that came before; look at list.id "
            + "(ids that are not unique?) and list.paging"
    }

    /// What somebody looks at whose API gives each page the same records.
    private func lookAtPaging(_ invocation: InvocationState) -> String {
        let parameter =
            switch invocation.policy.paging {
            case .page: "pageParam"
            case .offset: "offsetParam"
            case .idAfter: "param"
            }
        return "look at list.paging: are type, \(parameter) and sizeParam what this API takes?"
    }

    /// After an open pass that an incremental run went on with: what came since.
    private mutating func askForNew(_ invocation: InvocationState, cause: Position) {
        guard control.invocation?.remainingRecords != 0,
            control[invocation.stream].mark(for: invocation.policy) != nil
        else { return }
        openPass(.incremental, invocation, cause: cause)
    }

    private func describe(_ cursor: PageCursor?) -> String { cursor?.display ?? "the first page" }

    /// Details came; the ones that the answer misses, or says failed, are asked again alone.
    mutating func fetched(
        _ answer: DetailsFetched, _ request: InFlightRequest, _ invocation: InvocationState
    ) {
        let position = emit(.detailsFetched(answer), cause: answer.intent)
        admitted(answer.intent, invocation, cause: position)
        let missed = answer.results.compactMap { result in
            result.outcome.error.map { error in
                (QueuedRecord(ordinal: result.ordinal, id: result.id, was: result.was), error)
            }
        }
        guard let (record, error) = missed.first else { return }
        if answer.results.count == 1 {
            charge(
                record, invocation, intent: answer.intent, error: error, isFinal: false,
                cause: position)
        } else {
            requeue(
                answer.intent, .alone, parts: missed.map { [$0.0] }, due: now, error: nil,
                cause: position)
        }
    }

    /// Puts the records of a request back as they were, or at the end of their class.
    mutating func giveBack(
        _ request: InFlightRequest, _ kind: DetailsRequeued.Kind = .returned, cause: Position
    ) {
        guard !request.asked.isEmpty else { return }
        requeue(
            request.intent, kind, parts: [records(of: request)], due: .zero, error: nil,
            cause: cause)
    }

    func records(of request: InFlightRequest) -> [QueuedRecord] {
        request.asked.map {
            QueuedRecord(
                ordinal: $0.ordinal, id: $0.id,
                was: rows.byOrdinal[$0.ordinal]?.state ?? .pending)
        }
    }

    mutating func requeue(
        _ intent: Position, _ kind: DetailsRequeued.Kind, parts: [[QueuedRecord]], due: LogTime,
        error: RecordError?, cause: Position
    ) {
        emit(
            .detailsRequeued(
                DetailsRequeued(intent: intent, kind: kind, parts: parts, due: due, error: error)),
            cause: cause)
    }

    /// Charges an attempt to a record that failed alone; its last one parks it.
    ///
    /// - Parameter isFinal: the failure won't go away by asking again.
    mutating func charge(
        _ record: QueuedRecord, _ invocation: InvocationState, intent: Position,
        error: RecordError, isFinal: Bool, cause: Position
    ) {
        let retry = invocation.policy.retry
        let attempts = Int(rows.byOrdinal[record.ordinal]?.attempts ?? 0) + 1
        if isFinal || attempts >= retry.attempts {
            emit(
                .recordParked(
                    RecordParked(
                        record: record, intent: intent, attempts: UInt16(clamping: attempts),
                        error: error)),
                cause: cause)
            return
        }
        let wait = jittered(
            retry.waitMs(afterFailures: attempts), seed: invocation.seed, intent: intent)
        requeue(
            intent, .attempt, parts: [[record]], due: now.adding(ms: wait), error: error,
            cause: cause)
    }
}

extension DetailsFetched.Outcome {
    /// Why there are no details; nil where there are.
    fileprivate var error: RecordError? {
        switch self {
        case .changed, .same: nil
        case .absent: .absent
        case .failed(let error): error
        }
    }
}

extension PassState {
    /// Whether the page that was just folded ends the list. A short page never does.
    fileprivate func isAtEnd(after page: PageFetched, paging: PagingKind) -> Bool {
        if page.partlyTaken { return false }
        if page.rows == 0 || page.next == nil { return true }
        guard let total = page.total, let whole = self.total else { return false }
        // A keyset request asks for what lies above the last identity: its total is that of the
        // rest.
        let counted = paging.isKeyset ? UInt64(page.rows) : rows
        // A total that is less than what came counts something else: only an empty page ends such
        // a list. Rows that came twice make up for others that may still come.
        return counted == total && distinct >= whole
    }

    /// Whether as many rows came as there are, but some of them twice: a list that brings nothing
    /// new beyond that is at its end, where another one would be stalled.
    fileprivate var isAtTotalTooSoon: Bool {
        total.map { rows == $0 && distinct < $0 } ?? false
    }

    /// A sign that rows moved while the list was walked, so that some may have been missed.
    fileprivate var drift: String? {
        guard let total else { return nil }
        if totalChanged { return "the list's total changed while it was walked" }
        guard distinct < total else { return nil }
        return "the list's total says \(total), but only \(distinct) different records came"
    }
}
