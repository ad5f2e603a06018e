internal import SyncCore

extension RateWindow: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var name = ""
        var requests = 0
        var periodNs: Int64 = 0
        while let field = try reader.next() {
            switch field {
            case 1: name = try reader.string()
            case 2: requests = Int(try reader.signed())
            case 3: periodNs = try reader.signed()
            default: try reader.skip()
            }
        }
        self.init(name: name, requests: requests, periodNs: periodNs)
    }

    func write(to writer: inout FieldWriter) {
        writer.string(1, name)
        writer.signed(2, Int64(requests))
        writer.signed(3, periodNs)
    }
}

extension LimitPolicy: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var windows: [RateWindow] = []
        var cooldownMs: Int64 = 0
        var backoffMultiplier = 0.0
        var deliveryBoundMs: Int64 = 0
        while let field = try reader.next() {
            switch field {
            case 1: windows.append(try reader.message())
            case 2: cooldownMs = try reader.signed()
            case 3: backoffMultiplier = try reader.double()
            case 4: deliveryBoundMs = try reader.signed()
            default: try reader.skip()
            }
        }
        self.init(
            windows: windows, cooldownMs: cooldownMs, backoffMultiplier: backoffMultiplier,
            deliveryBoundMs: deliveryBoundMs)
    }

    func write(to writer: inout FieldWriter) {
        writer.messages(1, windows)
        writer.signed(2, cooldownMs)
        writer.double(3, backoffMultiplier)
        writer.signed(4, deliveryBoundMs)
    }
}

extension RetryPolicy: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var attempts = 0
        var baseMs: Int64 = 0
        var multiplier = 0.0
        var maxMs: Int64 = 0
        while let field = try reader.next() {
            switch field {
            case 1: attempts = Int(try reader.signed())
            case 2: baseMs = try reader.signed()
            case 3: multiplier = try reader.double()
            case 4: maxMs = try reader.signed()
            default: try reader.skip()
            }
        }
        self.init(attempts: attempts, baseMs: baseMs, multiplier: multiplier, maxMs: maxMs)
    }

    func write(to writer: inout FieldWriter) {
        writer.signed(1, Int64(attempts))
        writer.signed(2, baseMs)
        writer.double(3, multiplier)
        writer.signed(4, maxMs)
    }
}

extension DetailPolicy: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var batch = 0
        var concurrency = 0
        while let field = try reader.next() {
            switch field {
            case 1: batch = Int(try reader.signed())
            case 2: concurrency = Int(try reader.signed())
            default: try reader.skip()
            }
        }
        self.init(batch: batch, concurrency: concurrency)
    }

    func write(to writer: inout FieldWriter) {
        writer.signed(1, Int64(batch))
        writer.signed(2, Int64(concurrency))
    }
}

extension PinnedKey: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var key = ""
        var value = ""
        while let field = try reader.next() {
            switch field {
            case 1: key = try reader.string()
            case 2: value = try reader.string()
            default: try reader.skip()
            }
        }
        self.init(key: key, value: value)
    }

    func write(to writer: inout FieldWriter) {
        writer.string(1, key)
        writer.string(2, value)
    }
}

extension Policy: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var limits: LimitPolicy?
        var paging: PagingKind?
        var pageSize = 0
        var order: ListOrder?
        var incremental: IncrementalKind?
        var idOrder: IDOrder?
        var detail: DetailPolicy?
        var retry: RetryPolicy?
        var pinned: [PinnedKey] = []
        while let field = try reader.next() {
            switch field {
            case 1: limits = try reader.message()
            case 2: paging = try reader.choice()
            case 3: pageSize = Int(try reader.signed())
            case 4: order = try reader.choice()
            case 5: incremental = try reader.choice()
            case 6: idOrder = try reader.choice()
            case 7: detail = try reader.message()
            case 8: retry = try reader.message()
            case 9: pinned.append(try reader.message())
            default: try reader.skip()
            }
        }
        self.init(
            limits: try required(limits, "limits"), paging: try required(paging, "paging"),
            pageSize: pageSize, order: try required(order, "order"),
            incremental: try required(incremental, "incremental"), idOrder: idOrder,
            detail: detail, retry: try required(retry, "retry"), pinned: pinned)
    }

    func write(to writer: inout FieldWriter) {
        writer.message(1, limits)
        writer.choice(2, paging)
        writer.signed(3, Int64(pageSize))
        writer.choice(4, order)
        writer.choice(5, incremental)
        writer.choice(6, idOrder)
        writer.message(7, detail)
        writer.message(8, retry)
        writer.messages(9, pinned)
    }
}
