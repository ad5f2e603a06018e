internal import SyncCore

extension DetailsFetched {
    /// A result as its fields have it; the text of a changed one is in the blocks.
    private struct StoredResult: FieldCoded {
        enum Kind: UInt8 {
            case changed = 1
            case same = 2
            case absent = 3
            case failed = 4
        }

        var ordinal = Ordinal(0)
        var id = RecordID("")
        var was = RecordState.unknown
        var kind: Kind?
        var fingerprint: Fingerprint?
        var bodyLength = 0
        var error: RecordError?

        init(_ result: Result) {
            ordinal = result.ordinal
            id = result.id
            was = result.was
            switch result.outcome {
            case .changed(let newFingerprint, let body):
                kind = .changed
                fingerprint = newFingerprint
                bodyLength = body.count
            case .same: kind = .same
            case .absent: kind = .absent
            case .failed(let recordError):
                kind = .failed
                error = recordError
            }
        }

        init(from reader: inout FieldReader) throws(FieldError) {
            while let field = try reader.next() {
                switch field {
                case 1: ordinal = try reader.ordinal()
                case 2: id = try reader.id()
                case 3: was = try reader.choice()
                case 4: kind = try reader.choice()
                case 5: fingerprint = try reader.fingerprint()
                case 6: bodyLength = try reader.bodyLengthField()
                case 7: error = try reader.message()
                default: try reader.skip()
                }
            }
        }

        func write(to writer: inout FieldWriter) {
            writer.unsigned(1, ordinal.rawValue)
            writer.string(2, id.text)
            writer.choice(3, was)
            writer.choice(4, kind)
            writer.optionalFingerprint(5, fingerprint)
            writer.unsigned(6, UInt64(bodyLength))
            writer.message(7, error)
        }

        /// - Parameter body: the text of a changed result.
        func result(_ body: ArraySlice<UInt8>) throws(FieldError) -> Result {
            let outcome: Outcome =
                switch try required(kind, "outcome") {
                case .changed:
                    .changed(
                        fingerprint: try required(fingerprint, "fingerprint"), body: body)
                case .same: .same
                case .absent: .absent
                case .failed: .failed(try required(error, "error"))
                }
            return Result(ordinal: ordinal, id: id, was: was, outcome: outcome)
        }
    }

    init(from reader: inout FieldReader, bodies: BodyLoader) throws(FieldError) {
        var intent = Position.none
        var exchange: Exchange?
        var stored: [StoredResult] = []
        // About a batch, to grow once.
        stored.reserveCapacity(8)
        while let field = try reader.next() {
            switch field {
            case 1: intent = try reader.position()
            case 2: exchange = try reader.message()
            case 3: stored.append(try reader.message())
            default: try reader.skip()
            }
        }
        let texts = try bodies.load(stored.filter { $0.kind == .changed }.map(\.bodyLength))
        var next = texts.makeIterator()
        var results: [Result] = []
        results.reserveCapacity(stored.count)
        for result in stored {
            results.append(try result.result(result.kind == .changed ? next.next() ?? [] : []))
        }
        self.init(
            intent: intent, exchange: try required(exchange, "exchange"), results: results)
    }

    func write(to writer: inout FieldWriter) {
        writer.position(1, intent)
        writer.message(2, exchange)
        for result in results { writer.message(3, StoredResult(result)) }
    }

    /// The texts of the changed results, in order.
    var bodies: [ArraySlice<UInt8>] {
        results.compactMap { result in
            if case .changed(_, let body) = result.outcome { body } else { nil }
        }
    }

    /// Only the lengths of the texts.
    static func bodyLengths(from reader: inout FieldReader) throws(FieldError) -> [Int] {
        var lengths: [Int] = []
        while let field = try reader.next() {
            if field == 3 {
                let result = try reader.message(StoredResult.self)
                if result.kind == .changed { lengths.append(result.bodyLength) }
            } else {
                try reader.skip()
            }
        }
        return lengths
    }
}

extension FieldReader {
    fileprivate mutating func bodyLengthField() throws(FieldError) -> Int {
        let length: UInt64 = try unsigned()
        guard length <= UInt64(CodingLimits.blockBytes) else {
            throw .damaged("a record claims a size that can't be")
        }
        return Int(length)
    }
}
