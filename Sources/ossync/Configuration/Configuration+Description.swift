extension Configuration {
    /// One line of `config show`.
    struct DescribedValue: Sendable, Equatable {
        /// `streams.os.list.path`, `rateLimits.windows[0].name`.
        let key: String
        /// The value as YAML would show it; a secret is `***`.
        let text: String
        let origin: ConfigurationOrigin
    }

    /// Every value in force with its origin, in the order of the key table.
    func describe() -> [DescribedValue] {
        var lines: [DescribedValue] = []
        Self.describe(values, path: "", into: &lines)
        let paths = ["store": store, "metrics.textfile": metricsTextfile]
        return lines.map {
            guard let path = paths[$0.key] ?? nil else { return $0 }
            return DescribedValue(key: $0.key, text: path, origin: $0.origin)
        }
    }

    private static func describe(
        _ value: ConfigurationValue, path: String, into lines: inout [DescribedValue]
    ) {
        switch value.content {
        case .object(let fields) where !fields.isEmpty:
            for field in fields {
                let key = path.isEmpty ? field.name : "\(path).\(field.name)"
                describe(field.value, path: key, into: &lines)
            }
        case .list(let items) where !items.isEmpty:
            for (index, item) in items.enumerated() {
                describe(item, path: "\(path)[\(index)]", into: &lines)
            }
        default:
            lines.append(DescribedValue(key: path, text: value.shown, origin: value.origin))
        }
    }
}
