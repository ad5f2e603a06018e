/// The classes of the detail queue, in the order in which they are served.
package enum QueueClass: UInt8, Sendable, CaseIterable {
    case new = 0
    case changed = 1
    case retried = 2
    case parked = 3
    case dropped = 4
}

extension RecordRow {
    /// The class that this record waits in; nil when it is synced or its request is on the wire.
    package var queueClass: QueueClass? {
        guard let queue, !queue.inFlight else { return nil }
        switch queue.state {
        case .pending: return queue.isChange ? .changed : .new
        case .retrying: return .retried
        case .parked: return .parked
        case .dropped: return .dropped
        case .unknown, .synced: return nil
        }
    }

    /// The bytes under which the index of waiting entries holds this record: they sort as the queue
    /// is served.
    ///
    /// `class (1)`, then for new and changed entries `turn (1) | identity, newest first`, for
    /// retried ones `due (8) | group (8) | part (2)`, and at the end `ordinal (4)`; integers
    /// big-endian. The stream is not part of it.
    package func queueKey(order: IDOrder) -> [UInt8]? {
        guard let queueClass, let queue else { return nil }
        var key: [UInt8] = []
        key.reserveCapacity(32)
        key.append(queueClass.rawValue)
        switch queueClass {
        case .new, .changed:
            key.append(queue.turn)
            appendNewestFirst(order, to: &key)
        case .retried:
            key.append(bigEndian: UInt64(bitPattern: max(queue.due.rawValue, 0)))
            key.append(bigEndian: queue.group.rawValue)
            key.append(bigEndian: queue.part)
        case .parked, .dropped: break
        }
        key.append(bigEndian: ordinal.rawValue)
        return key
    }

    /// The bytes that sort behind every retried entry due by `time`, and before all later ones.
    package static func retriedKey(dueAfter time: LogTime) -> [UInt8] {
        var key = [QueueClass.retried.rawValue]
        key.append(bigEndian: UInt64(bitPattern: max(time.rawValue, 0)) &+ 1)
        return key
    }

    private func appendNewestFirst(_ order: IDOrder, to key: inout [UInt8]) {
        switch order {
        case .numeric:
            key.append(bigEndian: ~UInt16(truncatingIfNeeded: id.text.utf8.count))
            key.append(contentsOf: id.text.utf8.lazy.map { ~$0 })
        case .lexicographic:
            key.append(contentsOf: id.text.utf8.lazy.map { ~$0 })
            // Sorts a longer identity before its own prefix. No UTF-8 byte complements to 0xFF
            // but NUL, which can't be confused: its key goes on.
            key.append(0xFF)
        case .none:
            key.append(bigEndian: ~ordinal.rawValue)
        }
    }
}

extension QueueEntry {
    /// The place within its class: what was put back comes after what wasn't, and what may crash
    /// the program comes last.
    var turn: UInt8 { isCrashSuspect ? 0x80 | min(abandons, 0x7F) : min(deferrals, 0x7F) }
}

extension [UInt8] {
    mutating func append<Value: FixedWidthInteger>(bigEndian value: Value) {
        Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
    }
}
