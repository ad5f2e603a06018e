package import SyncCore

/// Cuts an API's answer into records: verbatim slices with identity and fingerprint, all checked.
///
/// The text is read once. Where it names a member on the way to the records twice, the last one
/// counts. The slices share the storage of the text.
package struct RecordSlicer: Sendable, Equatable {
    /// The records of one answer, in its order.
    package struct Slices: Sendable, Equatable {
        package let records: [ListedRecord]
        /// The count that the answer gives; nil when it gives none that is a whole number.
        package let total: UInt64?
    }

    /// Where the array of records is.
    package let records: JSONPointer
    /// Where a record has its identity; nil when only `assumedID` names it.
    package let id: JSONPointer?
    /// Where the answer has a count.
    package let total: JSONPointer?
    /// Whether an object in the place of the array is one record.
    package let allowsSingle: Bool
    package let fingerprinter: Fingerprinter

    package init(
        records: JSONPointer, id: JSONPointer?, total: JSONPointer? = nil,
        allowsSingle: Bool = false, fingerprinter: Fingerprinter
    ) {
        self.records = records
        self.id = id
        self.total = total
        self.allowsSingle = allowsSingle
        self.fingerprinter = fingerprinter
    }

    /// Reads one answer.
    ///
    /// - Parameter assumedID: the identity of a single record, used when `id` is nil.
    /// - Throws: `notJSON`, `notUTF8`, `tooDeep` for the text; `noRecords`, `notArray` for the
    ///   place of the records; `noID`, `badID` with the number of the record.
    package func slice(
        _ body: [UInt8], assumedID: RecordID? = nil
    ) throws(RecordsError) -> Slices {
        try body.withUnsafeBufferPointer { (buffer) throws(RecordsError) -> Slices in
            var walk = SliceWalk(
                scanner: try JSONScanner(buffer), body: body, slicer: self, assumedID: assumedID)
            return try walk.run()
        }
    }
}
