internal import CXXHash
package import SyncCore

/// Makes the control state into bytes and back: `checksum u64 | format u8 | fields`.
///
/// The checksum is XXH3-64 of what follows it: a start builds on this state, and LMDB doesn't
/// notice a bit that turned.
package enum ControlStateCoder {
    private static let headerBytes = 9
    private static let format: UInt8 = 1

    package static func encode(_ control: ControlState) -> [UInt8] {
        var writer = FieldWriter()
        writer.bytes.reserveCapacity(1_024 + 6 * control.limiter.slots.times.count)
        writer.bytes.append(contentsOf: repeatElement(0, count: 8))
        writer.bytes.append(format)
        control.write(to: &writer)
        writer.bytes.withUnsafeMutableBytes { bytes in
            let checksum = checksum(UnsafeRawBufferPointer(bytes))
            bytes.storeBytes(of: checksum.littleEndian, as: UInt64.self)
        }
        return writer.bytes
    }

    /// - Throws: `.damaged` for anything but what was written, `.newer` for a later format.
    package static func decode(_ bytes: [UInt8]) throws(EventCodingError) -> ControlState {
        try bytes.span.withUnsafeBytes { (raw) throws(EventCodingError) in
            try decode(raw)
        }
    }

    /// - Throws: `.damaged` for anything but what was written, `.newer` for a later format.
    package static func decode(
        _ bytes: UnsafeRawBufferPointer
    ) throws(EventCodingError) -> ControlState {
        // Before it is hashed: a length that was damaged may lead out of the file.
        guard bytes.count <= CodingLimits.controlBytes else {
            throw EventCodingError(.damaged, .controlState, "it claims a size that can't be")
        }
        guard bytes.count >= headerBytes, bytes.littleEndian(at: 0) == checksum(bytes) else {
            throw EventCodingError(.damaged, .controlState, "its checksum is wrong")
        }
        guard bytes[8] == format else {
            throw EventCodingError(.newer, .controlState, "its format is \(bytes[8])")
        }
        do throws(FieldError) {
            var reader = FieldReader(UnsafeRawBufferPointer(rebasing: bytes[headerBytes...]))
            let control = try ControlState(from: &reader)
            try check(control)
            return control
        } catch { throw EventCodingError(error, .controlState) }
    }

    /// Streams are found by their number everywhere, so they have to stand where it says.
    private static func check(_ control: ControlState) throws(FieldError) {
        for (index, stream) in control.streams.enumerated()
        where Int(stream.id.rawValue) != index + 1 {
            throw .damaged("its streams are out of order")
        }
        let named = control.inFlight.map(\.stream) + (control.invocation.map { [$0.stream] } ?? [])
        for stream in named where Int(stream.rawValue) > control.streams.count {
            throw .damaged("it names stream \(stream.rawValue), which doesn't exist")
        }
    }

    private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        guard let start = bytes.baseAddress else { return 0 }
        return XXH3_64bits_withSeed(start + 8, bytes.count - 8, 0)
    }
}
