internal import SyncCore

extension EventJSON {
    func write(_ page: PageFetched, to json: inout JSONWriter) {
        json.member("intent", page.intent.rawValue)
        page.exchange.write(to: &json)
        json.member("pass", page.pass)
        json.member("generation", page.generation)
        json.member("next", page.next?.display)
        json.member("total", page.total)
        json.member("rows", page.rows)
        json.member("taken", page.taken)
        json.member("partlyTaken", page.partlyTaken)
        json.member("firstSeen", page.firstSeen)
        json.member("digest", hexadecimal(page.digest))
        json.member("idOrder", page.idOrder?.name)
        json.member("highest", page.highest?.text)
        json.array("entries") { list in
            for entry in page.entries {
                list.object { json in
                    json.member("ordinal", entry.ordinal.rawValue)
                    json.member("id", entry.id.text)
                    json.member("was", entry.was.name)
                    json.member("fingerprint", hexadecimal(entry.fingerprint))
                    writeBody(entry.body, to: &json)
                }
            }
        }
        json.array("unchanged") { list in
            for run in page.unchanged {
                list.object { json in
                    json.member("first", run.first.rawValue)
                    json.member("count", run.count)
                }
            }
        }
    }

    func write(_ details: DetailsFetched, to json: inout JSONWriter) {
        json.member("intent", details.intent.rawValue)
        details.exchange.write(to: &json)
        json.array("results") { list in
            for result in details.results {
                list.object { json in
                    json.member("ordinal", result.ordinal.rawValue)
                    json.member("id", result.id.text)
                    json.member("was", result.was.name)
                    write(result.outcome, to: &json)
                }
            }
        }
    }

    private func write(_ outcome: DetailsFetched.Outcome, to json: inout JSONWriter) {
        switch outcome {
        case .changed(let fingerprint, let body):
            json.member("outcome", "changed")
            json.member("fingerprint", hexadecimal(fingerprint))
            writeBody(body, to: &json)
        case .same: json.member("outcome", "same")
        case .absent: json.member("outcome", "absent")
        case .failed(let error):
            json.member("outcome", "failed")
            json.object("error") { error.write(to: &$0) }
        }
    }

    private func writeBody(_ body: ArraySlice<UInt8>, to json: inout JSONWriter) {
        json.member("bytes", body.count)
        guard includeBodies else { return }
        json.name("body")
        // An empty text is one that was redacted.
        if body.isEmpty { json.null() } else { json.verbatim(body) }
    }
}

func hexadecimal(_ fingerprint: Fingerprint) -> String {
    hexadecimal(fingerprint.high) + hexadecimal(fingerprint.low)
}

/// 16 digits.
func hexadecimal(_ value: UInt64) -> String {
    withUnsafeBytes(of: value.bigEndian) { hexadecimal($0) }
}

extension IDOrder {
    var name: String {
        switch self {
        case .numeric: "numeric"
        case .lexicographic: "lexicographic"
        case .none: "none"
        }
    }
}

extension PassOpened {
    func write(to json: inout JSONWriter) {
        json.member("pass", number)
        json.member("generation", generation)
        json.member("mode", mode.name)
        json.object("filter") { filter.write(to: &$0) }
        json.array("pinned") { list in
            for item in pinned { item.write(to: &list) }
        }
    }
}

extension PassCompleted {
    func write(to json: inout JSONWriter) {
        json.member("pass", number)
        json.member("distinct", distinct)
        json.member("total", total)
        json.member("drift", drift)
        json.member("highWaterMark", highWaterMark?.text)
    }
}

extension ListFilter {
    func write(to json: inout JSONWriter) {
        switch self {
        case .all: json.member("type", "all")
        case .idAfter(let id):
            json.member("type", "idAfter")
            json.member("id", id.text)
        }
    }
}

extension PinnedKey {
    func write(to json: inout JSONWriter) {
        json.object { json in
            json.member("key", key)
            json.member("value", value)
        }
    }
}
