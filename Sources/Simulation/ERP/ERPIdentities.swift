internal import SyncCore

/// How the orders, which are numbered from 1, are named on the wire.
package struct ERPIdentities: Sendable, Equatable {
    package enum Form: String, Sendable, CaseIterable {
        case numbers
        case text
        /// Every other identity is text.
        case mixed
        /// Numbers in the list, text in details.
        case textInDetails
    }

    /// What is added to the number of an order.
    package var base: UInt64
    package var form: Form

    package init(base: UInt64 = 0, form: Form = .numbers) {
        self.base = base
        self.form = form
    }

    /// The identity of an order, as it stands in a query.
    package func text(_ number: Int64) -> String { String(base &+ UInt64(bitPattern: number)) }

    /// The number of the order with an identity; 0 for one below the first, nil for no identity.
    package func number(_ text: some StringProtocol) -> Int64? {
        guard base > 0 else { return Int64(text) }
        guard let value = UInt64(text) else { return nil }
        return value > base ? Int64(exactly: value - base) : 0
    }

    /// The JSON of an identity.
    func literal(_ number: Int64, inDetail: Bool) -> [UInt8] {
        let isText =
            switch form {
            case .numbers: false
            case .text: true
            case .mixed: number % 2 == 0
            case .textInDetails: inDetail
            }
        let text = text(number)
        return Array((isText ? "\"\(text)\"" : text).utf8)
    }
}
