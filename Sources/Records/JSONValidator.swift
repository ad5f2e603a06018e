/// Checks that a text is JSON by RFC 8259, strictly, and nothing more.
package enum JSONValidator {
    /// How many containers may be open at once; deeper text is refused.
    package static let maximumDepth = 64

    /// Throws unless `bytes` are one JSON value with white space around it at most.
    ///
    /// Numbers may have any length and exponent, escapes of lone surrogates are accepted, and a
    /// byte order mark at the very beginning is skipped. UTF-8 is checked strictly. The error
    /// names the byte offset and what was expected there.
    package static func validate(_ bytes: ArraySlice<UInt8>) throws(RecordsError) {
        try JSONView.read(bytes) { _ in }
    }

    package static func validate(_ bytes: [UInt8]) throws(RecordsError) {
        try validate(bytes[...])
    }
}
