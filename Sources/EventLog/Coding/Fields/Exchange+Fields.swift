internal import SyncCore

extension Exchange: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var status: UInt16 = 0
        var latencyUs: UInt64 = 0
        var bodyBytes: UInt64 = 0
        var headers: [HeaderField] = []
        while let field = try reader.next() {
            switch field {
            case 1: status = try reader.unsigned()
            case 2: latencyUs = try reader.unsigned()
            case 3: bodyBytes = try reader.unsigned()
            case 4: headers.append(try reader.message())
            default: try reader.skip()
            }
        }
        self.init(status: status, latencyUs: latencyUs, bodyBytes: bodyBytes, headers: headers)
    }

    func write(to writer: inout FieldWriter) {
        writer.unsigned(1, status)
        writer.unsigned(2, latencyUs)
        writer.unsigned(3, bodyBytes)
        writer.messages(4, headers)
    }
}

extension Exchange.HeaderField: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var name = ""
        var value = ""
        while let field = try reader.next() {
            switch field {
            case 1: name = try reader.string()
            case 2: value = try reader.string()
            default: try reader.skip()
            }
        }
        self.init(name: name, value: value)
    }

    func write(to writer: inout FieldWriter) {
        writer.string(1, name)
        writer.string(2, value)
    }
}

extension FailureAnswer: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var failure: FailureClass?
        var code = ""
        var text = ""
        var waitMs: Int64?
        var arrivalUnknown = false
        while let field = try reader.next() {
            switch field {
            case 1: failure = try reader.choice()
            case 2: code = try reader.string()
            case 3: text = try reader.string()
            case 4: waitMs = try reader.signed()
            case 5: arrivalUnknown = try reader.bool()
            default: try reader.skip()
            }
        }
        self.init(
            try required(failure, "failure"), code: code, text: text, waitMs: waitMs,
            arrivalUnknown: arrivalUnknown)
    }

    func write(to writer: inout FieldWriter) {
        writer.choice(1, failure)
        writer.string(2, code)
        writer.string(3, text)
        writer.optionalSigned(4, waitMs)
        writer.bool(5, arrivalUnknown)
    }
}

extension RecordError: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var code = ""
        var text = ""
        while let field = try reader.next() {
            switch field {
            case 1: code = try reader.string()
            case 2: text = try reader.string()
            default: try reader.skip()
            }
        }
        self.init(code: code, text: text)
    }

    func write(to writer: inout FieldWriter) {
        writer.string(1, code)
        writer.string(2, text)
    }
}

extension PageCursor: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var bytes: [UInt8] = []
        var display = ""
        while let field = try reader.next() {
            switch field {
            case 1: bytes = try reader.data()
            case 2: display = try reader.string()
            default: try reader.skip()
            }
        }
        self.init(bytes: bytes, display: display)
    }

    func write(to writer: inout FieldWriter) {
        writer.data(1, bytes)
        writer.string(2, display)
    }
}

extension ListFilter: FieldCoded {
    /// The kinds by number; 0, `all`, is the default.
    private static let idAfterKind: UInt64 = 1

    init(from reader: inout FieldReader) throws(FieldError) {
        var kind: UInt64 = 0
        var id = RecordID("")
        while let field = try reader.next() {
            switch field {
            case 1: kind = try reader.unsigned()
            case 2: id = try reader.id()
            default: try reader.skip()
            }
        }
        switch kind {
        case 0: self = .all
        case Self.idAfterKind: self = .idAfter(id)
        default: throw .newer("a list filter of kind \(kind)")
        }
    }

    func write(to writer: inout FieldWriter) {
        guard case .idAfter(let id) = self else { return }
        writer.unsigned(1, Self.idAfterKind)
        writer.string(2, id.text)
    }
}
