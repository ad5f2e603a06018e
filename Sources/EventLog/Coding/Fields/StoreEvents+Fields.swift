internal import SyncCore

extension StoreBound: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var apiIdentity = ""
        while let field = try reader.next() {
            switch field {
            case 1: apiIdentity = try reader.string()
            default: try reader.skip()
            }
        }
        self.init(apiIdentity: apiIdentity)
    }

    func write(to writer: inout FieldWriter) {
        writer.string(1, apiIdentity)
    }
}

extension StreamDeclared: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var stream = StreamID.none
        var name = ""
        while let field = try reader.next() {
            switch field {
            case 1: stream = StreamID(try reader.unsigned())
            case 2: name = try reader.string()
            default: try reader.skip()
            }
        }
        self.init(stream: stream, name: name)
    }

    func write(to writer: inout FieldWriter) {
        writer.unsigned(1, stream.rawValue)
        writer.string(2, name)
    }
}

extension ClockAnchored: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var bootID = ""
        var bootNs: Int64 = 0
        var wall = LogTime.zero
        var isEngineStart = false
        var isRestored = false
        while let field = try reader.next() {
            switch field {
            case 1: bootID = try reader.string()
            case 2: bootNs = try reader.signed()
            case 3: wall = try reader.time()
            case 4: isEngineStart = try reader.bool()
            case 5: isRestored = try reader.bool()
            default: try reader.skip()
            }
        }
        self.init(
            bootID: bootID, bootNs: bootNs, wall: wall, isEngineStart: isEngineStart,
            isRestored: isRestored)
    }

    func write(to writer: inout FieldWriter) {
        writer.string(1, bootID)
        writer.signed(2, bootNs)
        writer.time(3, wall)
        writer.bool(4, isEngineStart)
        writer.bool(5, isRestored)
    }
}

extension StorageMeasured: FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError) {
        var freeBytes: UInt64 = 0
        var inFlightAllowed: UInt16 = 0
        while let field = try reader.next() {
            switch field {
            case 1: freeBytes = try reader.unsigned()
            case 2: inFlightAllowed = try reader.unsigned()
            default: try reader.skip()
            }
        }
        self.init(freeBytes: freeBytes, inFlightAllowed: inFlightAllowed)
    }

    func write(to writer: inout FieldWriter) {
        writer.unsigned(1, freeBytes)
        writer.unsigned(2, inFlightAllowed)
    }
}
