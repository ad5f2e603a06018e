import SyncEngine

extension ConfigurationText {
    var noun: String {
        switch self {
        case .any, .orEmpty: "text"
        case .file: "a file's path"
        case .pointer, .wildcardPointer: "a JSON Pointer"
        case .path: "a path"
        case .baseURL: "a URL"
        case .headerName: "a header's name"
        case .timeSpan: "a time such as 90s, 30m or 2h"
        case .cron: "five fields of cron"
        case .timeZone: "a time zone"
        }
    }

    /// Why `text` isn't of this kind, as the end of a sentence about its key; nil when it is.
    func refusal(of text: String) -> String? {
        if text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) {
            return "holds a line end or another control character"
        }
        switch self {
        case .orEmpty: return nil
        case .any, .file: return text.isEmpty ? "is empty" : nil
        case .pointer, .wildcardPointer: return pointerRefusal(text)
        case .path: return Self.pathRefusal(text)
        case .baseURL: return BaseURLText.refusal(of: text)
        case .headerName:
            return ConfigurationNames.headers.refusal(of: text).map { "is not usable: \($0)" }
        case .timeSpan: return TimeSpan(text) == nil ? "must be \(noun), not \"\(text)\"" : nil
        case .cron:
            do throws(CronExpression.Problem) { _ = try CronExpression(text) } catch {
                return "can't be used: \(error)"
            }
            return nil
        case .timeZone:
            do throws(ZoneDirectory.Problem) { _ = try ZoneDirectory().rules(text) } catch {
                return "can't be used: \(error)"
            }
            return nil
        }
    }

    /// RFC 6901: empty, or segments that each start with `/`, in which `~` is `~0` or `~1`.
    private func pointerRefusal(_ text: String) -> String? {
        guard !text.isEmpty else { return nil }
        guard text.hasPrefix("/") else {
            return "must be a JSON Pointer, which starts with /, not \"\(text)\""
        }
        let afterTilde = text.split(separator: "~", omittingEmptySubsequences: false).dropFirst()
        guard afterTilde.allSatisfy({ $0.hasPrefix("0") || $0.hasPrefix("1") }) else {
            return "must be a JSON Pointer, in which ~ is written ~0 and / is written ~1, "
                + "not \"\(text)\""
        }
        if case .pointer = self, text.split(separator: "/").contains("*") {
            return "names one value, so it can't hold *: \"\(text)\""
        }
        return nil
    }

    private static func pathRefusal(_ text: String) -> String? {
        guard text.hasPrefix("/"), !text.hasPrefix("//") else {
            return "must be a path below api.baseURL, starting with one /, not \"\(text)\""
        }
        if text.contains("#") || text.contains(" ") {
            return "can't hold # or a space (write %23 or %20): \"\(text)\""
        }
        return nil
    }
}

extension ConfigurationNames {
    /// Names of a stream's table that are ours.
    static let fixedColumns = [
        "id", "details_synced", "sync_attempted_at", "sync_error", "header_position",
        "detail_position", "generation", "deleted_at", "header", "detail",
    ]
    private static let fixedHeaders = [
        "host", "content-length", "transfer-encoding", "connection", "accept-encoding",
        "user-agent",
    ]

    /// Why a user's name can't be taken; nil when it can.
    func refusal(of name: String) -> String? {
        switch self {
        case .headers:
            let marks = "!#$%&'*+-.^_`|~"
            let isToken =
                !name.isEmpty
                && name.unicodeScalars.allSatisfy {
                    $0.isASCII
                        && ($0.properties.isAlphabetic || $0.properties.numericType != nil
                            || marks.unicodeScalars.contains($0))
                }
            guard isToken else { return "\"\(name)\" is not a header's name" }
            return Self.fixedHeaders.contains(name.lowercased())
                ? "\"\(name)\" is set by the program" : nil
        case .schedules, .channels:
            let noun = if case .schedules = self { "schedule" } else { "channel" }
            return Self.isFileName(name)
                ? nil
                : "\"\(name)\" can't name a \(noun) "
                    + "(letters, digits, _ and -, at most 40, starting with a letter or digit)"
        case .streams, .columns:
            let noun = if case .streams = self { "stream" } else { "column" }
            guard Self.isIdentifier(name) else {
                return "\"\(name)\" can't name a \(noun) "
                    + "(letters, digits and _, at most 63, not starting with a digit)"
            }
            let lowered = name.lowercased()
            let isReserved: Bool
            if case .streams = self {
                isReserved =
                    lowered.hasPrefix("_ossync") || lowered.hasPrefix("sqlite_")
                    || ["os_sync_queue", "os_sync_state", "all", "history"].contains(lowered)
            } else {
                isReserved = lowered.hasPrefix("_os_") || Self.fixedColumns.contains(lowered)
            }
            return isReserved ? "the \(noun) name \"\(name)\" is reserved" : nil
        }
    }

    /// Whether it can be a part of a unit's name and of a crontab's line as it is.
    private static func isFileName(_ name: String) -> Bool {
        !name.hasPrefix("-") && !name.hasPrefix("_")
            && isIdentifier("x" + name.replacing("-", with: "_")) && (1...40).contains(name.count)
    }

    private static func isIdentifier(_ name: String) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= 63 else { return false }
        let isDigit = { (byte: UInt8) in (0x30...0x39).contains(byte) }
        return !isDigit(first)
            && name.utf8.allSatisfy {
                isDigit($0) || $0 == 0x5f || (0x41...0x5a).contains($0)
                    || (0x61...0x7a).contains($0)
            }
    }
}
