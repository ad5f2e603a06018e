import Records
import SyncCore
import Testing

@Suite("Fingerprints")
struct FingerprinterTests {
    private func canonical(_ json: String, ignoring: [String] = []) throws -> String {
        let pointers = try ignoring.map { try JSONPointer($0, wildcards: true) }
        let bytes = try Fingerprinter(ignoring: pointers).canonical(Array(json.utf8)[...])
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("writes the canonical form")
    func canonicalForm() throws {
        #expect(try canonical(#" { "b" : [ 1 , 2.0 ] , "a" : { } } "#) == #"{"a":{},"b":[1,2.0]}"#)
        #expect(
            try canonical(#""\u0041\/\u00e7\ud83d\ude00\u000a\u001F\ud800""#)
                == #""A/ç😀\n\u001f\ud800""#)
        #expect(try canonical(#"{"a":1,"b":2,"\u0061":3}"#) == #"{"a":3,"b":2}"#)
        #expect(
            try canonical(#"{"ab":1,"a":2,"abcdefghj":3,"abcdefghi":4,"":5}"#)
                == #"{"":5,"a":2,"ab":1,"abcdefghi":4,"abcdefghj":3}"#)
        #expect(try canonical("1e400") == "1e400")
    }

    @Test("is the same for every spelling of one value and differs for another value")
    func equality() throws {
        func print(_ json: String) throws -> Fingerprint {
            try Fingerprinter().fingerprint(of: Array(json.utf8)[...])
        }
        #expect(try print(#"{"a":"A","b":[]}"#) == print("{\"b\" : [ ],\n\"a\":\"\\u0041\"}"))
        for other in [#"{"a":"B","b":[]}"#, #"{"a":"A","b":[0]}"#, #"{"a":"A"}"#, #"["a","A"]"#] {
            #expect(try print(#"{"a":"A","b":[]}"#) != print(other))
        }
        #expect(try print("1") != print("1.0"))
    }

    @Test("is the documented hash of the documented form, for all time")
    func pinned() throws {
        let fingerprint = try Fingerprinter().fingerprint(of: Array(#"{"b":"x","a":1}"#.utf8)[...])
        #expect(String(fingerprint.high, radix: 16) == "724a582427b9c9a6")
        #expect(String(fingerprint.low, radix: 16) == "7ccf902d0d19f6c9")
    }

    @Test("leaves ignored places out, in objects and arrays, by name and by '*'")
    func ignored() throws {
        let json = #"{"a":1,"seen":2,"l":[{"x":1,"t":2},{"t":3}],"n":{"seen":4},"\u0073een":5}"#
        #expect(
            try canonical(json, ignoring: ["/seen", "/l/*/t"])
                == #"{"a":1,"l":[{"x":1},{}],"n":{"seen":4}}"#)
        #expect(try canonical("[1,2,3]", ignoring: ["/1"]) == "[1,3]")
        #expect(try canonical("[1,2,3]", ignoring: ["/*"]) == "[]")
        #expect(try canonical(#"{"n":{"a":1}}"#, ignoring: ["/n/a/b", "/x"]) == #"{"n":{"a":1}}"#)
    }

    @Test("refuses to ignore the whole record, or more places than there are bits")
    func limits() throws {
        #expect(throws: RecordsError.self) { try Fingerprinter(ignoring: [.root]) }
        let many = try (0..<65).map { try JSONPointer("/m\($0)") }
        #expect(throws: RecordsError.self) { try Fingerprinter(ignoring: many) }
        let most = try Fingerprinter(ignoring: Array(many.prefix(64)))
        #expect(
            try most.canonical(Array(#"{"m0":1,"m63":2,"m64":3}"#.utf8)[...])
                == Array(#"{"m64":3}"#.utf8))
    }

    @Test("is a fixed point: the canonical form is its own canonical form", arguments: 0..<4)
    func idempotent(_ seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let fingerprinter = try Fingerprinter()
        for _ in 0..<500 {
            let json = Array(random.json().utf8)[...]
            let once = try fingerprinter.canonical(json)
            try JSONValidator.validate(once)
            #expect(once.count <= json.count)
            #expect(try fingerprinter.canonical(once[...]) == once)
            #expect(
                try fingerprinter.fingerprint(of: once[...]) == fingerprinter.fingerprint(of: json))
        }
    }

    @Test("sorts an object of many members, with names that share their beginning")
    func manyMembers() throws {
        var random = SeededGenerator(seed: 3)
        let names = (0..<500).map { "a common beginning \($0)" }
        let shuffled = names.shuffled(using: &random)
        let json = "{" + shuffled.map { "\"\($0)\":0" }.joined(separator: ",") + "}"
        let sorted = names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        #expect(
            try canonical(json) == "{" + sorted.map { "\"\($0)\":0" }.joined(separator: ",") + "}")
    }
}
