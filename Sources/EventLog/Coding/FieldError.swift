/// Why tagged fields could not be read; whoever knows the place makes a full error of it.
package enum FieldError: Error, Sendable, Equatable {
    /// The bytes are not what a writer of any version makes.
    case damaged(String)
    /// The bytes are well-formed, but say something that this version doesn't know.
    case newer(String)
}

/// A value that is written as tagged fields.
///
/// The field numbers and what they mean are in `docs/event-format.md`; a number is never used for
/// another purpose again.
protocol FieldCoded {
    init(from reader: inout FieldReader) throws(FieldError)
    func write(to writer: inout FieldWriter)
}

/// The value of a field that every writer writes.
func required<Value>(_ value: Value?, _ name: String) throws(FieldError) -> Value {
    guard let value else { throw .damaged("the field `\(name)` is missing") }
    return value
}
