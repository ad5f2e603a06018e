extension JSONPointer {
    /// The content of the string at this place; nil where there is none, or half of a surrogate
    /// pair in it.
    package func text(in bytes: ArraySlice<UInt8>) throws(RecordsError) -> String? {
        try JSONView.read(bytes) { view in
            find(in: view).flatMap { view.kind($0) == .string ? view.text($0) : nil }
        }
    }
}
