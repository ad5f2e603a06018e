internal import EventLog
internal import SyncCore

extension ServiceOrder {
    /// Writes what a list shows of this order, as one JSON object of about 400 bytes.
    ///
    /// - Parameter id: the JSON of its identity; nil leaves it out.
    func writeHeader(to json: inout JSONWriter, id: [UInt8]?, openedBy: String?) {
        json.object { writeHeaderMembers(to: &$0, id: id, openedBy: openedBy) }
    }

    /// Writes the whole order as one JSON object of one to two kilobytes.
    ///
    /// - Parameter id: the JSON of its identity; nil leaves it out.
    func writeDetail(
        to json: inout JSONWriter, seed: UInt64, id: [UInt8]?, openedBy: String?
    ) {
        json.object { json in
            writeHeaderMembers(to: &json, id: id, openedBy: openedBy)
            json.member("labour", hundredths: labourCents)
            writeTexts(to: &json, seed: seed)
            json.array("items") { json in
                for (index, item) in items.enumerated() {
                    json.object { json in
                        json.member("line", index + 1)
                        json.member("description", item.description)
                        json.member("quantity", item.quantity)
                        json.member("unit_price", hundredths: item.unitCents)
                    }
                }
            }
            json.array("expenses") { json in
                for expense in expenses {
                    json.object { json in
                        json.member("id", expense.id)
                        json.member("kind", expense.kind)
                        json.member("date", CivilTime(seconds: expense.date).date)
                        json.member("amount", hundredths: expense.cents)
                    }
                }
            }
        }
    }

    private func writeHeaderMembers(
        to json: inout JSONWriter, id literal: [UInt8]?, openedBy: String?
    ) {
        if let literal {
            json.name("id")
            json.literal(literal)
        }
        let year = CivilTime(seconds: openedAt).yearText
        json.member("number", "OS-\(year)-\(id.magnitude.digits(atLeast: 7))")
        json.member("status", status)
        json.member("priority", priority)
        json.object("customer") { json in
            json.member("id", customer.id)
            json.member("name", customer.name)
            json.member("document", customer.document)
        }
        json.member("opened_at", CivilTime(seconds: openedAt).localDateTime)
        json.member("updated_at", CivilTime(seconds: updatedAt).localDateTime)
        if let openedBy { json.member("opened_by", openedBy) }
        json.member("city", city.name)
        json.member("state", city.state)
        json.member("technician", technician)
        json.member("equipment", equipment)
        json.member("total", hundredths: totalCents)
    }

    private func writeTexts(to json: inout JSONWriter, seed: UInt64) {
        typealias Words = ServiceOrderWords
        var generator = SeededGenerator(seed, UInt64(bitPattern: id), 0x7E87)
        let findings = Words.findings[generator.below(Words.findings.count)]
        let actions = (0..<(1 + generator.below(3))).map { _ in
            Words.actions[generator.below(Words.actions.count)]
        }
        json.member("description", findings)
        json.member("work_done", actions.joined(separator: " "))
        let note =
            generator.below(4) == 0 ? nil : Words.notes[generator.below(Words.notes.count)]
        json.member("notes", note)
    }
}

extension JSONWriter {
    /// An amount of hundredths as a decimal literal with two digits, for example `123.40`.
    mutating func member(_ name: String, hundredths value: Int64) {
        let (whole, rest) = value.magnitude.quotientAndRemainder(dividingBy: 100)
        self.name(name)
        literal("\(value < 0 ? "-" : "")\(whole).\(rest.digits(atLeast: 2))".utf8)
    }
}
