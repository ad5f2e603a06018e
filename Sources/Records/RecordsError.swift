/// What is wrong with a piece of JSON, a pointer, a decimal or a mapping, and where.
///
/// `description` is one sentence for people. It names places and kinds of values, and quotes
/// nothing of the text but single bytes, so it can't carry a secret out of an answer.
package struct RecordsError: Error, Equatable, CustomStringConvertible {
    /// A short stable word for logs and scripts.
    package enum Code: String, Sendable, CaseIterable {
        /// The text breaks the JSON grammar.
        case notJSON = "json"
        /// The text is not UTF-8.
        case notUTF8 = "utf8"
        /// Containers are nested deeper than `JSONValidator.maximumDepth`.
        case tooDeep = "depth"
        /// The text is longer than can be addressed.
        case tooLong = "too-long"
        /// A JSON Pointer can't be read.
        case badPointer = "pointer"
        /// Nothing is found where the records should be.
        case noRecords = "no-records"
        /// Something else than an array is found where the records should be.
        case notArray = "not-array"
        /// A record lacks its identity.
        case noID = "no-id"
        /// A record's identity is of a kind that can't name a record.
        case badID = "bad-id"
        /// A text is no decimal number, or one too long to keep.
        case badDecimal = "decimal"
        /// A column mapping contradicts itself.
        case badMapping = "mapping"
        /// Stored bytes don't have the form that was written.
        case badCoding = "coding"
    }

    package let code: Code
    /// What is wrong, without the place.
    package let text: String
    /// The byte offset in the text that was read.
    package let offset: Int?
    /// The number of the record in its array, from 0.
    package let recordIndex: Int?
    /// What to do about it, if that is known.
    package let hint: String?

    package init(
        _ code: Code, _ text: String, offset: Int? = nil, recordIndex: Int? = nil,
        hint: String? = nil
    ) {
        self.code = code
        self.text = text
        self.offset = offset
        self.recordIndex = recordIndex
        self.hint = hint
    }

    package var description: String {
        var sentence = text
        if let recordIndex { sentence += " in record \(recordIndex) (counted from 0)" }
        if let offset { sentence += " at byte \(offset)" }
        if let hint { sentence += "; \(hint)" }
        return sentence
    }
}
