internal import SyncCore

extension AlertState: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var since = LogTime.zero
        var verdict: RunVerdict?
        var requests: UInt64 = 0
        var rateLimited: UInt64 = 0
        var parkedSince: LogTime?
        var expenses: ObservedTotal?
        var alerts: [StandingAlert] = []
        while let field = try reader.next() {
            switch field {
            case 1: since = try reader.time()
            case 2: verdict = try reader.message()
            case 3: requests = try reader.unsigned()
            case 4: rateLimited = try reader.unsigned()
            case 5: parkedSince = try reader.time()
            case 6: expenses = try reader.message()
            case 7: alerts.append(try reader.message())
            default: try reader.skip()
            }
        }
        self.init(since: since)
        self.verdict = verdict
        self.requests = requests
        self.rateLimited = rateLimited
        self.parkedSince = parkedSince
        self.expenses = expenses
        self.alerts = alerts
    }

    func write(to writer: inout FieldWriter) {
        writer.time(1, since)
        writer.message(2, verdict)
        writer.unsigned(3, requests)
        writer.unsigned(4, rateLimited)
        writer.optionalTime(5, parkedSince)
        writer.message(6, expenses)
        writer.messages(7, alerts)
    }
}

extension RunVerdict: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var end = Position.none
        var run = Position.none
        var outcome: RunOutcome?
        var text = ""
        while let field = try reader.next() {
            switch field {
            case 1: end = try reader.position()
            case 2: run = try reader.position()
            case 3: outcome = try reader.choice()
            case 4: text = try reader.string()
            default: try reader.skip()
            }
        }
        self.init(end: end, run: run, outcome: try required(outcome, "outcome"), text: text)
    }

    func write(to writer: inout FieldWriter) {
        writer.position(1, end)
        writer.position(2, run)
        writer.choice(3, outcome)
        writer.string(4, text)
    }
}

extension ObservedTotal: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var end = Position.none
        var total = ""
        while let field = try reader.next() {
            switch field {
            case 1: end = try reader.position()
            case 2: total = try reader.string()
            default: try reader.skip()
            }
        }
        self.init(end: end, total: total)
    }

    func write(to writer: inout FieldWriter) {
        writer.position(1, end)
        writer.string(2, total)
    }
}

extension StandingAlert: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var rule: AlertRule?
        var raised = Position.none
        var raisedAt = LogTime.zero
        var reminders: UInt32 = 0
        var isFiring = false
        var notice = Position.none
        var noticeAt = LogTime.zero
        var text = ""
        var pending: [PendingDelivery] = []
        while let field = try reader.next() {
            switch field {
            case 1: rule = try reader.choice()
            case 2: raised = try reader.position()
            case 3: raisedAt = try reader.time()
            case 4: reminders = try reader.unsigned()
            case 5: isFiring = try reader.bool()
            case 6: notice = try reader.position()
            case 7: noticeAt = try reader.time()
            case 8: text = try reader.string()
            case 9: pending.append(try reader.message())
            default: try reader.skip()
            }
        }
        self.init(
            rule: try required(rule, "rule"), raised: raised, raisedAt: raisedAt, text: text,
            pending: pending)
        self.reminders = reminders
        self.isFiring = isFiring
        self.notice = notice
        self.noticeAt = noticeAt
    }

    func write(to writer: inout FieldWriter) {
        writer.choice(1, rule)
        writer.position(2, raised)
        writer.time(3, raisedAt)
        writer.unsigned(4, reminders)
        writer.bool(5, isFiring)
        writer.position(6, notice)
        writer.time(7, noticeAt)
        writer.string(8, text)
        writer.messages(9, pending)
    }
}

extension PendingDelivery: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var channel = ""
        var failures: UInt32 = 0
        var triedAt = LogTime.zero
        while let field = try reader.next() {
            switch field {
            case 1: channel = try reader.string()
            case 2: failures = try reader.unsigned()
            case 3: triedAt = try reader.time()
            default: try reader.skip()
            }
        }
        self.init(channel: channel)
        self.failures = failures
        self.triedAt = triedAt
    }

    func write(to writer: inout FieldWriter) {
        writer.string(1, channel)
        writer.unsigned(2, failures)
        writer.time(3, triedAt)
    }
}
