internal import SyncCore

extension RequestIntended: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var target: Target?
        var charges: [Charge] = []
        var isAlone = false
        var due: LogTime?
        while let field = try reader.next() {
            switch field {
            case 1: target = try reader.message()
            case 2: charges.append(try reader.message())
            case 3: isAlone = try reader.bool()
            case 4: due = try reader.time()
            default: try reader.skip()
            }
        }
        self.init(
            target: try required(target, "target"), charges: charges, isAlone: isAlone,
            due: due)
    }

    func write(to writer: inout FieldWriter) {
        writer.message(1, target)
        writer.messages(2, charges)
        writer.bool(3, isAlone)
        writer.optionalTime(4, due)
    }
}

extension RequestIntended.Charge: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var budget: UInt16 = 0
        var weight: UInt16 = 0
        while let field = try reader.next() {
            switch field {
            case 1: budget = try reader.unsigned()
            case 2: weight = try reader.unsigned()
            default: try reader.skip()
            }
        }
        self.init(budget: budget, weight: weight)
    }

    func write(to writer: inout FieldWriter) {
        writer.unsigned(1, budget)
        writer.unsigned(2, weight)
    }
}

extension RequestIntended.Asked: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var ordinal = Ordinal(0)
        var id = RecordID("")
        while let field = try reader.next() {
            switch field {
            case 1: ordinal = try reader.ordinal()
            case 2: id = try reader.id()
            default: try reader.skip()
            }
        }
        self.init(ordinal: ordinal, id: id)
    }

    func write(to writer: inout FieldWriter) {
        writer.unsigned(1, ordinal.rawValue)
        writer.string(2, id.text)
    }
}

extension RequestIntended.Target: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var kind: Endpoint?
        var cursor: PageCursor?
        var filter = ListFilter.all
        var asked: [RequestIntended.Asked] = []
        while let field = try reader.next() {
            switch field {
            case 1: kind = try reader.choice()
            case 2: cursor = try reader.message()
            case 3: filter = try reader.message()
            case 4:
                // About a batch, to grow once.
                if asked.isEmpty { asked.reserveCapacity(8) }
                asked.append(try reader.message())
            default: try reader.skip()
            }
        }
        switch try required(kind, "kind") {
        case .list: self = .list(cursor: cursor, filter: filter)
        case .detail: self = .detail(asked)
        case .health: self = .health
        }
    }

    func write(to writer: inout FieldWriter) {
        switch self {
        case .list(let cursor, let filter):
            writer.choice(1, Endpoint.list)
            writer.message(2, cursor)
            if filter != .all { writer.message(3, filter) }
        case .detail(let asked):
            writer.choice(1, Endpoint.detail)
            writer.messages(4, asked)
        case .health: writer.choice(1, Endpoint.health)
        }
    }
}

extension HealthRequested: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var requester: Requester?
        while let field = try reader.next() {
            switch field {
            case 1: requester = try reader.message()
            default: try reader.skip()
            }
        }
        self.init(requester: try required(requester, "requester"))
    }

    func write(to writer: inout FieldWriter) { writer.message(1, requester) }
}

extension HealthChecked: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var intent = Position.none
        var exchange: Exchange?
        while let field = try reader.next() {
            switch field {
            case 1: intent = try reader.position()
            case 2: exchange = try reader.message()
            default: try reader.skip()
            }
        }
        self.init(intent: intent, exchange: try required(exchange, "exchange"))
    }

    func write(to writer: inout FieldWriter) {
        writer.position(1, intent)
        writer.message(2, exchange)
    }
}

extension RateLimited: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var intent = Position.none
        var exchange: Exchange?
        var waitMs: Int64?
        var signal = ""
        while let field = try reader.next() {
            switch field {
            case 1: intent = try reader.position()
            case 2: exchange = try reader.message()
            case 3: waitMs = try reader.signed()
            case 4: signal = try reader.string()
            default: try reader.skip()
            }
        }
        self.init(
            intent: intent, exchange: try required(exchange, "exchange"), waitMs: waitMs,
            signal: signal)
    }

    func write(to writer: inout FieldWriter) {
        writer.position(1, intent)
        writer.message(2, exchange)
        writer.optionalSigned(3, waitMs)
        writer.string(4, signal)
    }
}

extension RequestFailed: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var intent = Position.none
        var exchange: Exchange?
        var answer: FailureAnswer?
        while let field = try reader.next() {
            switch field {
            case 1: intent = try reader.position()
            case 2: exchange = try reader.message()
            case 3: answer = try reader.message()
            default: try reader.skip()
            }
        }
        self.init(
            intent: intent, exchange: try required(exchange, "exchange"),
            answer: try required(answer, "answer"))
    }

    func write(to writer: inout FieldWriter) {
        writer.position(1, intent)
        writer.message(2, exchange)
        writer.message(3, answer)
    }
}

extension RequestAbandoned: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var intent = Position.none
        var ordinals: [Ordinal] = []
        while let field = try reader.next() {
            switch field {
            case 1: intent = try reader.position()
            case 2:
                var packed = try reader.nested()
                while !packed.isAtEnd {
                    ordinals.append(Ordinal(try packed.narrow(packed.varint())))
                }
            default: try reader.skip()
            }
        }
        self.init(intent: intent, ordinals: ordinals)
    }

    func write(to writer: inout FieldWriter) {
        writer.position(1, intent)
        guard !ordinals.isEmpty else { return }
        writer.nested(2) { packed in
            for ordinal in ordinals { packed.varint(UInt64(ordinal.rawValue)) }
        }
    }
}

extension BackoffApplied: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var kind: Kind?
        var until = LogTime.zero
        var waitMs: Int64 = 0
        var step: UInt32 = 0
        while let field = try reader.next() {
            switch field {
            case 1: kind = try reader.choice()
            case 2: until = try reader.time()
            case 3: waitMs = try reader.signed()
            case 4: step = try reader.unsigned()
            default: try reader.skip()
            }
        }
        self.init(kind: try required(kind, "kind"), until: until, waitMs: waitMs, step: step)
    }

    func write(to writer: inout FieldWriter) {
        writer.choice(1, kind)
        writer.time(2, until)
        writer.signed(3, waitMs)
        writer.unsigned(4, step)
    }
}
