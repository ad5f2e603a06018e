internal import SyncCore

extension AlertsEvaluated: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var rules: AlertRules?
        var expenses: String?
        var movedPpm: UInt64?
        while let field = try reader.next() {
            switch field {
            case 1: rules = try reader.message()
            case 2: expenses = try reader.string()
            case 3: movedPpm = try reader.unsigned()
            default: try reader.skip()
            }
        }
        self.init(
            rules: try required(rules, "rules"), expenses: expenses, movedPpm: movedPpm)
    }

    func write(to writer: inout FieldWriter) {
        writer.message(1, rules)
        writer.optionalString(2, expenses)
        writer.optionalUnsigned(3, movedPpm)
    }
}

extension AlertRules: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        self.init()
        while let field = try reader.next() {
            switch field {
            case 1: failed = try reader.bool()
            case 2: partial = try reader.bool()
            case 3: parkedMs = try reader.signed()
            case 4: noSuccessMs = try reader.signed()
            case 5: rateLimitedPpm = try reader.unsigned()
            case 6: expensesMovedPpm = try reader.unsigned()
            case 7: remindMs = try reader.signed()
            case 8: channels.append(try reader.message())
            default: try reader.skip()
            }
        }
    }

    func write(to writer: inout FieldWriter) {
        writer.bool(1, failed)
        writer.bool(2, partial)
        writer.optionalSigned(3, parkedMs)
        writer.optionalSigned(4, noSuccessMs)
        writer.optionalUnsigned(5, rateLimitedPpm)
        writer.optionalUnsigned(6, expensesMovedPpm)
        writer.optionalSigned(7, remindMs)
        writer.messages(8, channels)
    }
}

extension AlertRules.Channel: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var name = ""
        var rules: [AlertRule] = []
        var tellsRecovery = false
        while let field = try reader.next() {
            switch field {
            case 1: name = try reader.string()
            case 2: rules.append(try reader.choice())
            case 3: tellsRecovery = try reader.bool()
            default: try reader.skip()
            }
        }
        self.init(name: name, rules: rules, tellsRecovery: tellsRecovery)
    }

    func write(to writer: inout FieldWriter) {
        writer.string(1, name)
        for rule in rules { writer.choice(2, rule) }
        writer.bool(3, tellsRecovery)
    }
}

extension AlertRaised: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var rule: AlertRule?
        var reminder: UInt32 = 0
        var channels: [String] = []
        var text = ""
        while let field = try reader.next() {
            switch field {
            case 1: rule = try reader.choice()
            case 2: reminder = try reader.unsigned()
            case 3: channels.append(try reader.string())
            case 4: text = try reader.string()
            default: try reader.skip()
            }
        }
        self.init(
            rule: try required(rule, "rule"), reminder: reminder, channels: channels, text: text)
    }

    func write(to writer: inout FieldWriter) {
        writer.choice(1, rule)
        writer.unsigned(2, reminder)
        for channel in channels { writer.optionalString(3, channel) }
        writer.string(4, text)
    }
}

extension AlertRecovered: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var rule: AlertRule?
        var raised = Position.none
        var channels: [String] = []
        var text = ""
        while let field = try reader.next() {
            switch field {
            case 1: rule = try reader.choice()
            case 2: raised = try reader.position()
            case 3: channels.append(try reader.string())
            case 4: text = try reader.string()
            default: try reader.skip()
            }
        }
        self.init(
            rule: try required(rule, "rule"), raised: raised, channels: channels, text: text)
    }

    func write(to writer: inout FieldWriter) {
        writer.choice(1, rule)
        writer.position(2, raised)
        for channel in channels { writer.optionalString(3, channel) }
        writer.string(4, text)
    }
}

extension AlertDelivered: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var notice = Position.none
        var channel = ""
        var isDelivered = false
        var attempts: UInt32 = 0
        var text = ""
        while let field = try reader.next() {
            switch field {
            case 1: notice = try reader.position()
            case 2: channel = try reader.string()
            case 3: isDelivered = try reader.bool()
            case 4: attempts = try reader.unsigned()
            case 5: text = try reader.string()
            default: try reader.skip()
            }
        }
        self.init(
            notice: notice, channel: channel, isDelivered: isDelivered, attempts: attempts,
            text: text)
    }

    func write(to writer: inout FieldWriter) {
        writer.position(1, notice)
        writer.string(2, channel)
        writer.bool(3, isDelivered)
        writer.unsigned(4, attempts)
        writer.string(5, text)
    }
}
