internal import Glibc

/// What was measured, printed line by line as it comes, and as JSON at the end.
struct Report {
    /// One measurement: nanoseconds per operation, beside the raw C baseline where there is one.
    struct Figure {
        let name: String
        let unit: String
        let cpuNs: Double
        let wallNs: Double
        let baseline: Baseline?
    }

    struct Baseline {
        let cpuNs: Double
        let wallNs: Double
        /// The median of the ratios of the pairs, ours over the baseline's.
        let cpuRatio: Double
        let wallRatio: Double
    }

    private let isJSON: Bool
    private let machine = Machine()
    private var figures: [Figure] = []

    init(isJSON: Bool) {
        self.isJSON = isJSON
        guard !isJSON else { return }
        print("\(machine.processor), \(machine.cores) cores, Linux \(machine.kernel)")
        print("median of interleaved pairs; the ratio is ours over raw C\n")
        print(
            Self.left("", 46),
            ["cpu", "wall", "C cpu", "C wall", "cpu", "wall"]
                .map { Self.right($0, 9) }.joined())
    }

    /// Adds a measurement of so many operations a round.
    mutating func add(
        _ name: String, per unit: String, count: Int, _ ours: [Cost], baseline: [Cost]? = nil
    ) {
        let per = Double(count)
        let base = baseline.map { costs in
            let ratios = { (part: (Cost) -> Int64) in
                zip(ours, costs).map { Double(part($0)) / Double(max(part($1), 1)) }
                    .sorted()[ours.count / 2]
            }
            return Baseline(
                cpuNs: Double(costs.median.cpuNs) / per, wallNs: Double(costs.median.wallNs) / per,
                cpuRatio: ratios(\.cpuNs), wallRatio: ratios(\.wallNs))
        }
        let figure = Figure(
            name: name, unit: unit, cpuNs: Double(ours.median.cpuNs) / per,
            wallNs: Double(ours.median.wallNs) / per, baseline: base)
        figures.append(figure)
        if !isJSON { print(line(figure)) }
    }

    private func line(_ figure: Figure) -> String {
        var cells = [Self.time(figure.cpuNs), Self.time(figure.wallNs)]
        if let base = figure.baseline {
            cells += [
                Self.time(base.cpuNs), Self.time(base.wallNs), Self.two(base.cpuRatio),
                Self.two(base.wallRatio),
            ]
        }
        return Self.left("\(figure.name), \(figure.unit)", 46)
            + cells.map { Self.right($0, 9) }.joined()
    }

    /// Prints the JSON, if that was asked for.
    func finish() {
        guard isJSON else { return }
        let parts = figures.map { figure in
            var text =
                "{\"name\":\"\(figure.name)\",\"per\":\"\(figure.unit)\","
                + "\"cpuNs\":\(figure.cpuNs),\"wallNs\":\(figure.wallNs)"
            if let base = figure.baseline {
                text +=
                    ",\"baseline\":{\"cpuNs\":\(base.cpuNs),\"wallNs\":\(base.wallNs),"
                    + "\"cpuRatio\":\(base.cpuRatio),\"wallRatio\":\(base.wallRatio)}"
            }
            return text + "}"
        }
        print(
            "{\"v\":1,\"type\":\"benchmark\",\"machine\":{\"processor\":\"\(machine.processor)\","
                + "\"cores\":\(machine.cores),\"kernel\":\"\(machine.kernel)\"},\"figures\":["
                + parts.joined(separator: ",") + "]}")
    }

    private static func time(_ ns: Double) -> String {
        switch ns {
        case ..<1e4: "\(Int(ns.rounded())) ns"
        case ..<1e7: "\(Int((ns / 1e3).rounded())) us"
        default: "\(Int((ns / 1e6).rounded())) ms"
        }
    }

    private static func two(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        let rest = String(hundredths % 100)
        return "\(hundredths / 100).\(rest.count < 2 ? "0" : "")\(rest)"
    }

    private static func left(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func right(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}

/// The machine that the figures are from.
struct Machine {
    let processor: String
    let cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
    let kernel: String

    init() {
        var name = utsname()
        uname(&name)
        kernel = withUnsafePointer(to: &name.release) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 65) { String(cString: $0) }
        }
        processor = Self.modelName() ?? "unknown processor"
    }

    private static func modelName() -> String? {
        guard let file = fopen("/proc/cpuinfo", "r") else { return nil }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 1_024)
        while fgets(&line, Int32(line.count), file) != nil {
            let bytes = line.prefix { $0 != 0 && $0 != 10 }.map { UInt8(bitPattern: $0) }
            let text = String(decoding: bytes, as: UTF8.self)
            guard text.hasPrefix("model name"), let colon = text.firstIndex(of: ":") else {
                continue
            }
            return String(text[text.index(after: colon)...].drop { $0 == " " })
        }
        return nil
    }
}
