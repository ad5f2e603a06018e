internal import SyncCore

extension Redacted {
    func write(to json: inout JSONWriter) {
        json.array("records") { list in
            for record in records {
                list.object { json in
                    json.member("ordinal", record.ordinal.rawValue)
                    json.member("id", record.id.text)
                }
            }
        }
        json.array("positions") { list in
            for position in positions { list.number(position.rawValue) }
        }
        json.member("reason", reason)
        json.object("requester") { requester.write(to: &$0) }
    }
}

extension LogCompacted {
    func write(to json: inout JSONWriter) {
        json.member("last", last.rawValue)
        json.member("head", head.withUnsafeBytes { hexadecimal($0) })
        json.member("archive", archive)
        json.object("requester") { requester.write(to: &$0) }
    }
}

extension DictionaryTrained {
    func write(to json: inout JSONWriter) {
        json.member("number", number)
        json.member("for", type.name)
        json.member("bytes", bytes.count)
    }
}
