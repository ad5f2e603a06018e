internal import SyncCore

/// A Brazilian service order (ordem de serviço), made from seed, identity and version alone.
///
/// Nothing of it is stored: whoever needs it makes it again, and gets the same bytes.
struct ServiceOrder: Sendable {
    struct Customer: Sendable {
        let id: Int64
        let name: String
        /// A CNPJ with valid check digits, punctuated.
        let document: String
    }

    struct Item: Sendable {
        let description: String
        let quantity: Int64
        let unitCents: Int64
    }

    struct Expense: Sendable {
        let id: Int64
        let kind: String
        /// Local seconds since 1970.
        let date: Int64
        let cents: Int64
    }

    let id: Int64
    let version: UInt32
    let status: String
    let customer: Customer
    /// Local seconds since 1970, rising with the identity.
    let openedAt: Int64
    /// Local seconds since 1970, rising with the version.
    let updatedAt: Int64
    let city: (name: String, state: String)
    let technician: String
    let equipment: String
    let priority: String
    let items: [Item]
    let expenses: [Expense]
    let labourCents: Int64

    init(seed: UInt64, id: Int64, version: UInt32) {
        typealias Words = ServiceOrderWords
        var fixed = SeededGenerator(seed, UInt64(bitPattern: id), 0)
        var changing = SeededGenerator(seed, UInt64(bitPattern: id), 1 + UInt64(version))
        self.id = id
        self.version = version
        // 2020-01-02 08:00, then one about every half hour.
        openedAt = 1_577_952_000 + id * 1_740 + Int64(fixed.below(1_500))
        updatedAt =
            openedAt + Int64(fixed.below(1_000_000)) + Int64(version) * 5_400
            + Int64(changing.below(3_600))
        customer = Self.customer(seed: seed, number: fixed.below(4_000))
        city = Words.cities[fixed.below(Words.cities.count)]
        technician = Words.technicians[fixed.below(Words.technicians.count)]
        equipment = Words.equipment[fixed.below(Words.equipment.count)]
        priority = Words.priorities[fixed.below(Words.priorities.count)]
        labourCents = Int64(8_000 + fixed.below(120_000))
        items = (0..<(2 + fixed.below(4))).map { _ in
            Item(
                description: Words.items[fixed.below(Words.items.count)],
                quantity: Int64(1 + fixed.below(6)), unitCents: Int64(450 + fixed.below(90_000)))
        }
        status = Words.statuses[changing.below(Words.statuses.count)]
        // Expenses change with every second version, so that some updates touch only the header.
        var spending = SeededGenerator(
            seed, UInt64(bitPattern: id), 0xE000_0000 + (UInt64(version) + 1) / 2)
        let opened = openedAt
        expenses = (0..<(1 + spending.below(6))).map { index in
            Expense(
                id: id * 100 + Int64(index),
                kind: Words.expenseKinds[spending.below(Words.expenseKinds.count)],
                date: opened + Int64(spending.below(900_000)),
                cents: Int64(1 + spending.below(65_000)))
        }
    }

    var expenseCents: Int64 { expenses.reduce(0) { $0 + $1.cents } }

    var totalCents: Int64 {
        items.reduce(labourCents + expenseCents) { $0 + $1.quantity * $1.unitCents }
    }

    private static func customer(seed: UInt64, number: Int) -> Customer {
        typealias Words = ServiceOrderWords
        var generator = SeededGenerator(seed, UInt64(number), 0xC057)
        let trade = Words.trades[generator.below(Words.trades.count)]
        let name = Words.names[generator.below(Words.names.count)]
        let form = Words.legalForms[generator.below(Words.legalForms.count)]
        return Customer(
            id: Int64(1_000 + number), name: "\(trade) \(name) \(form)",
            document: companyNumber(root: generator.below(100_000_000)))
    }

    /// A CNPJ: eight digits, branch 0001, two check digits modulo 11.
    private static func companyNumber(root: Int) -> String {
        var digits = [0, 0, 0, 1]
        var remaining = root
        for _ in 0..<8 {
            digits.insert(remaining % 10, at: 0)
            remaining /= 10
        }
        for _ in 0..<2 {
            let sum = digits.reversed().enumerated().reduce(0) {
                $0 + $1.element * ($1.offset % 8 + 2)
            }
            digits.append(sum % 11 < 2 ? 0 : 11 - sum % 11)
        }
        func part(_ range: Range<Int>) -> String { digits[range].map(String.init).joined() }
        return "\(part(0..<2)).\(part(2..<5)).\(part(5..<8))/\(part(8..<12))-\(part(12..<14))"
    }
}
