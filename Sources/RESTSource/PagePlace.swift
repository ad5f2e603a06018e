internal import SyncCore

/// What a page cursor's bytes mean: the place where the next page begins.
enum PagePlace: Equatable {
    case page(Int)
    case offset(Int)
    case after(RecordID)

    /// ASCII, `page:3`, `offset:2000` or `after:4711`: readable in the log.
    var cursor: PageCursor {
        switch self {
        case .page(let number):
            PageCursor(bytes: Array("page:\(number)".utf8), display: "page \(number)")
        case .offset(let offset):
            PageCursor(bytes: Array("offset:\(offset)".utf8), display: "offset \(offset)")
        case .after(let id):
            PageCursor(bytes: Array("after:\(id.text)".utf8), display: "id > \(id.text)")
        }
    }

    /// nil for bytes that `cursor` does not make.
    init?(_ cursor: PageCursor) {
        // By bytes: a mark that an identity begins with makes one character with what is before it.
        guard let colon = cursor.bytes.firstIndex(of: UInt8(ascii: ":")),
            let kind = String(validating: cursor.bytes[..<colon], as: UTF8.self),
            let value = String(validating: cursor.bytes[(colon + 1)...], as: UTF8.self)
        else { return nil }
        switch kind {
        case "page":
            guard let number = Int(value), number >= 0 else { return nil }
            self = .page(number)
        case "offset":
            guard let offset = Int(value), offset >= 0 else { return nil }
            self = .offset(offset)
        case "after":
            guard !value.isEmpty else { return nil }
            self = .after(RecordID(value))
        default: return nil
        }
    }

    /// The place after a page of these records, nil when nothing was on it.
    ///
    /// What counts is what came, not what was asked for: servers cap the size of a page, and a page
    /// shorter than asked is no end. A record that came twice counts once: an offset that is too
    /// small brings records again, one that is too large skips some.
    static func following(
        _ current: PagePlace?, _ records: [ListedRecord], _ paging: RESTConfiguration.Paging
    ) -> PagePlace? {
        guard let last = records.last else { return nil }
        switch paging {
        case .page(_, _, _, let first):
            if case .page(let number)? = current { return .page(number.saturatingAdding(1)) }
            return .page(first.saturatingAdding(1))
        case .offset:
            let count = Set(records.lazy.map(\.id)).count
            if case .offset(let offset)? = current {
                return .offset(offset.saturatingAdding(count))
            }
            return .offset(count)
        case .idAfter:
            return .after(last.id)
        }
    }
}

extension Int {
    fileprivate func saturatingAdding(_ other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
