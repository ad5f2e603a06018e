internal import SyncCore

/// What goes wrong, and how often: rates are shares of all arrivals between 0 and 1.
///
/// Each arrival suffers at most one fault, drawn by seed and arrival number, so the sum of the
/// rates is the share of arrivals that suffer one. A fault that doesn't fit the request, such as a
/// row without identity on an empty page, is none.
package struct ERPFaults: Sendable, Equatable {
    private var rates = [Double](repeating: 0, count: ERPFault.allCases.count)
    package var stallNs: Int64 = 120 * 1_000_000_000
    /// The seconds that a 503 asks to wait; nil sends no Retry-After with it.
    package var unavailableRetryAfterSeconds: Int?
    /// The share of arrivals before which an order changes, asked for or not.
    package var updateRate = 0.0
    /// The last arrival, counted from 1, that may suffer a fault; nil lets them go on for ever.
    package var lastArrival: Int?
    /// Identities whose detail always fails, alone and in every batch they are part of.
    package var poisonIDs: Set<Int64> = []
    /// How the details of poisoned identities fail; each has one of these for ever.
    package var poisonForms: [ERPFault] = [.serverError]
    /// Identities that are listed but have no detail.
    package var missingIDs: Set<Int64> = []
    /// How it shows that a detail is missing; each identity has one of these for ever.
    package var missingForms: [Missing] = [.leftOut]

    /// How it shows that an identity has no detail.
    package enum Missing: String, Sendable, CaseIterable {
        /// Left out of batches, 404 when asked for by path.
        case leftOut
        /// 404, for every batch that it is part of too.
        case notFound
        /// 410, likewise.
        case gone
    }

    package init() {}

    /// The share of arrivals that suffer this fault.
    package subscript(fault: ERPFault) -> Double {
        get { rates[Int(fault.rawValue)] }
        set { rates[Int(fault.rawValue)] = newValue }
    }

    /// Whether faults still occur at arrival `number`.
    package func isActive(at number: Int) -> Bool { lastArrival.map { number <= $0 } ?? true }

    /// The fault that arrival `number` suffers, if any.
    func fault(seed: UInt64, arrival number: Int) -> ERPFault? {
        guard isActive(at: number) else { return nil }
        var left = SeededGenerator.unit(seed, UInt64(number), 0xFA17)
        for fault in ERPFault.allCases {
            if left < self[fault] { return fault }
            left -= self[fault]
        }
        return nil
    }

    /// Whether an order changes before arrival `number` is answered.
    func updates(seed: UInt64, arrival number: Int) -> Bool {
        updateRate > 0 && isActive(at: number)
            && SeededGenerator.unit(seed, UInt64(number), 0x0BDA) < updateRate
    }

    /// How the detail of an identity always fails, if it does.
    package func poison(_ id: Int64, seed: UInt64) -> ERPFault? {
        poisonIDs.contains(id) ? Self.one(of: poisonForms, seed, id) : nil
    }

    /// How it shows that an identity has no detail, if it has none.
    package func missing(_ id: Int64, seed: UInt64) -> Missing? {
        missingIDs.contains(id) ? Self.one(of: missingForms, seed, id) : nil
    }

    private static func one<Form>(of forms: [Form], _ seed: UInt64, _ id: Int64) -> Form? {
        guard !forms.isEmpty else { return nil }
        let share = SeededGenerator.unit(seed, UInt64(bitPattern: id), 0xF023)
        return forms[Int(share * Double(forms.count))]
    }
}

extension ERPFaults: CustomStringConvertible {
    /// What differs from a server without faults, always in the same order.
    package var description: String {
        var parts = ERPFault.allCases.filter { self[$0] > 0 }.map { "\($0): \(self[$0])" }
        if updateRate > 0 { parts.append("updates: \(updateRate)") }
        if let lastArrival { parts.append("lastArrival: \(lastArrival)") }
        if self[.stalled] > 0 { parts.append("stallNs: \(stallNs)") }
        if let seconds = unavailableRetryAfterSeconds {
            parts.append("unavailableRetryAfterSeconds: \(seconds)")
        }
        if !poisonIDs.isEmpty { parts.append("poison: \(poisonIDs.sorted()) as \(poisonForms)") }
        if !missingIDs.isEmpty {
            parts.append("missing: \(missingIDs.sorted()) as \(missingForms)")
        }
        return "[\(parts.joined(separator: ", "))]"
    }
}

/// A fault that an arrival suffered.
package enum ERPFault: UInt8, Sendable, CaseIterable {
    /// Answered with 500.
    case serverError
    /// Answered with 502 and an HTML page, as gateways do.
    case badGateway
    /// Answered with 503.
    case unavailable
    /// Answered with 504.
    case gatewayTimeout
    /// The connection is closed without a byte of an answer.
    case dropped
    /// The connection is closed in the middle of the body.
    case truncated
    /// Answered rightly, but only after `stallNs`.
    case stalled
    /// Half of the body comes, then nothing any more.
    case stalledBody
    /// Answered with 200 and an HTML page, as proxies and captive portals do.
    case html
    /// A body that is whole for HTTP, and half for JSON.
    case cutBody
    /// A body that is almost JSON.
    case invalidJSON
    /// A number that JSON doesn't have, such as NaN.
    case notANumber
    /// Answered with 200 and no body.
    case emptyBody
    /// Answered with 204.
    case noContent
    /// JSON that has nothing where the records should be.
    case noRecords
    /// JSON that has something else than an array there.
    case recordsObject
    /// A row without an identity.
    case missingID
    /// A row whose identity is null.
    case nullID
    /// A row whose identity is a number with a fraction.
    case floatID
    /// A row whose identity is neither a number nor a string.
    case oddID
    /// A row that comes twice.
    case repeatedRow
    /// Details of a record that nobody asked for; by path in place of the one asked for.
    case stranger
    /// An order that was asked for is not in the answer.
    case leftOut

    /// Whether the fault is one of the rows, of which there must be one.
    var isOfRows: Bool {
        switch self {
        case .missingID, .nullID, .floatID, .oddID, .repeatedRow, .stranger, .leftOut: true
        default: false
        }
    }

    /// Whether only details can have it.
    var isOfDetails: Bool { self == .stranger || self == .leftOut }

    /// The HTTP status that goes with it; nil where the route's own does.
    var status: Int? {
        switch self {
        case .serverError: 500
        case .badGateway: 502
        case .unavailable: 503
        case .gatewayTimeout: 504
        case .noContent: 204
        case .html, .emptyBody, .noRecords, .recordsObject: 200
        default: nil
        }
    }

    /// The sentence of an error that is answered as the API answers its own.
    var message: String? {
        switch self {
        case .serverError: "erro interno"
        case .unavailable: "serviço indisponível"
        case .gatewayTimeout: "tempo esgotado"
        default: nil
        }
    }
}
