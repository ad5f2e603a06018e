package import SyncCore

/// Why stored bytes could not be read, or a value could not be made into bytes.
package struct EventCodingError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        /// The bytes are not what was written: a checksum, a size or the coding itself is wrong.
        case damaged
        /// Written by a later version of the program, in a way that this one doesn't know.
        case newer
        /// Over a limit of the format, see `CodingLimits`.
        case tooLarge
    }

    /// Which stored value it is about.
    package enum Place: Sendable, Equatable {
        case event(Position)
        case row(Ordinal)
        case controlState
    }

    package let code: Code
    package let place: Place
    package let detail: String

    package init(_ code: Code, _ place: Place, _ detail: String) {
        self.code = code
        self.place = place
        self.detail = detail
    }

    init(_ error: FieldError, _ place: Place) {
        switch error {
        case .damaged(let detail): self.init(.damaged, place, detail)
        case .newer(let detail): self.init(.newer, place, "it holds \(detail)")
        }
    }

    /// Whether a later version of the program could read it.
    package var isNewer: Bool { code == .newer }

    package var description: String {
        let subject =
            switch place {
            case .event(.none): "an event"
            case .event(let position): "event \(position.rawValue)"
            case .row(let ordinal): "the row of record number \(ordinal.rawValue)"
            case .controlState: "the control state"
            }
        let problem =
            switch code {
            case .damaged: "is damaged"
            case .newer: "was written by a newer version of ossync"
            case .tooLarge: "is too large"
            }
        return "\(subject) \(problem): \(detail)\(hint.map { "; \($0)" } ?? "")"
    }

    /// What to do about it, where that is known.
    package var hint: String? {
        switch code {
        case .damaged:
            switch place {
            case .event: "run `ossync log verify`, then restore a copy of the store"
            case .row, .controlState: "run `ossync log verify`, then restore a copy of the store"
            }
        case .newer: "use the version of ossync that wrote this store, or a later one"
        case .tooLarge: "lower `maxBodyBytes`, or the page size"
        }
    }
}

/// The limits that the format sets; larger claims of stored bytes are damage, never an allocation.
package enum CodingLimits {
    /// One record's text, and one block of them, uncompressed.
    package static let blockBytes = 64 << 20
    /// All records' texts of one event, uncompressed.
    package static let eventBytes = 256 << 20
    /// The fields of an event without the records' texts, uncompressed.
    package static let metaBytes = 64 << 20
    /// A core row: its identity and error text are bounded, so a real one has some hundred bytes.
    package static let rowBytes = 64 << 10
    /// The control state: what it holds most of are the slots of the budget's windows.
    package static let controlBytes = 64 << 20
    /// Records' texts are gathered into blocks of at most so many bytes; a larger one has its own.
    package static let blockTarget = 256 << 10
}
