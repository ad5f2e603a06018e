internal import SyncCore

extension ServiceOrder {
    /// Writes what a list shows of this order, as one JSON object of about 400 bytes.
    func writeHeader(to json: inout JSONWriter, idIsText: Bool) {
        writeHeaderFields(to: &json, idIsText: idIsText)
        json.raw("}")
    }

    /// Writes the whole order as one JSON object of one to two kilobytes.
    func writeDetail(to json: inout JSONWriter, seed: UInt64, idIsText: Bool) {
        writeHeaderFields(to: &json, idIsText: idIsText)
        json.raw(",\"labour\":")
        json.hundredths(labourCents)
        writeTexts(to: &json, seed: seed)
        json.raw(",\"items\":[")
        for (index, item) in items.enumerated() {
            if index > 0 { json.raw(",") }
            json.raw("{\"line\":")
            json.integer(index + 1)
            json.raw(",\"description\":")
            json.string(item.description)
            json.raw(",\"quantity\":")
            json.integer(item.quantity)
            json.raw(",\"unit_price\":")
            json.hundredths(item.unitCents)
            json.raw("}")
        }
        json.raw("],\"expenses\":[")
        for (index, expense) in expenses.enumerated() {
            if index > 0 { json.raw(",") }
            json.raw("{\"id\":")
            json.integer(expense.id)
            json.raw(",\"kind\":")
            json.string(expense.kind)
            json.raw(",\"date\":")
            json.date(expense.date)
            json.raw(",\"amount\":")
            json.hundredths(expense.cents)
            json.raw("}")
        }
        json.raw("]}")
    }

    private func writeHeaderFields(to json: inout JSONWriter, idIsText: Bool) {
        json.raw("{\"id\":")
        if idIsText { json.raw("\"") }
        json.integer(id)
        if idIsText { json.raw("\"") }
        json.raw(",\"number\":\"OS-")
        json.digits(UInt64(max(0, CivilTime(seconds: openedAt).year)), atLeast: 4)
        json.raw("-")
        json.digits(id.magnitude, atLeast: 7)
        json.raw("\",\"status\":")
        json.string(status)
        json.raw(",\"priority\":")
        json.string(priority)
        json.raw(",\"customer\":{\"id\":")
        json.integer(customer.id)
        json.raw(",\"name\":")
        json.string(customer.name)
        json.raw(",\"document\":")
        json.string(customer.document)
        json.raw("},\"opened_at\":")
        json.dateTime(localSeconds: openedAt)
        json.raw(",\"updated_at\":")
        json.dateTime(localSeconds: updatedAt)
        json.raw(",\"city\":")
        json.string(city.name)
        json.raw(",\"state\":")
        json.string(city.state)
        json.raw(",\"technician\":")
        json.string(technician)
        json.raw(",\"equipment\":")
        json.string(equipment)
        json.raw(",\"total\":")
        json.hundredths(totalCents)
    }

    private func writeTexts(to json: inout JSONWriter, seed: UInt64) {
        typealias Words = ServiceOrderWords
        var generator = SeededGenerator(seed, UInt64(bitPattern: id), 0x7E87)
        let findings = Words.findings[generator.below(Words.findings.count)]
        let actions = (0..<(1 + generator.below(3))).map { _ in
            Words.actions[generator.below(Words.actions.count)]
        }
        json.raw(",\"description\":")
        json.string(findings)
        json.raw(",\"work_done\":")
        json.string(actions.joined(separator: " "))
        json.raw(",\"notes\":")
        if generator.below(4) == 0 {
            json.raw("null")
        } else {
            json.string(Words.notes[generator.below(Words.notes.count)])
        }
    }
}
