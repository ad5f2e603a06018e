internal import SyncCore

extension LimitLearned: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var kind: Kind?
        var window = ""
        var periodNs: Int64 = 0
        var requests: UInt32 = 0
        var ceiling: UInt32 = 0
        var confirmations: UInt8 = 0
        while let field = try reader.next() {
            switch field {
            case 1: kind = try reader.choice()
            case 2: window = try reader.string()
            case 3: periodNs = try reader.signed()
            case 4: requests = try reader.unsigned()
            case 5: ceiling = try reader.unsigned()
            case 6: confirmations = try reader.unsigned()
            default: try reader.skip()
            }
        }
        self.init(
            kind: try required(kind, "kind"), window: window, periodNs: periodNs,
            requests: requests, ceiling: ceiling, confirmations: confirmations)
    }

    func write(to writer: inout FieldWriter) {
        writer.choice(1, kind)
        writer.string(2, window)
        writer.signed(3, periodNs)
        writer.unsigned(4, requests)
        writer.unsigned(5, ceiling)
        writer.unsigned(6, confirmations)
    }
}

extension LimitsForgotten: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var windows: [String] = []
        var endsWait = false
        while let field = try reader.next() {
            switch field {
            case 1: windows.append(try reader.string())
            case 2: endsWait = try reader.bool()
            default: try reader.skip()
            }
        }
        self.init(windows: windows, endsWait: endsWait)
    }

    func write(to writer: inout FieldWriter) {
        for window in windows { writer.optionalString(1, window) }
        writer.bool(2, endsWait)
    }
}
