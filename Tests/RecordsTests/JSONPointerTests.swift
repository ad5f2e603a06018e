import Records
import SyncCore
import Testing

@Suite("JSON Pointer")
struct JSONPointerTests {
    private func value(_ pointer: String, _ json: String) throws -> String? {
        try JSONPointer(pointer).value(in: Array(json.utf8)[...]).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    @Test("finds the places of RFC 6901")
    func examples() throws {
        let json = #"""
            {"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,
            "g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8}
            """#
        #expect(try value("/foo", json) == #"["bar","baz"]"#)
        #expect(try value("/foo/0", json) == #""bar""#)
        #expect(try value("", json) == json)
        let numbers = [
            "/": "0", "/a~1b": "1", "/c%d": "2", "/e^f": "3", "/g|h": "4", "/i\\j": "5",
            "/k\"l": "6", "/ ": "7", "/m~0n": "8",
        ]
        for (pointer, number) in numbers { #expect(try value(pointer, json) == number) }
    }

    @Test(
        "finds nothing where nothing is",
        arguments: ["/x", "/a/x", "/a/2", "/a/01", "/a/-", "/b/0"])
    func absent(_ pointer: String) throws {
        #expect(try value(pointer, #"{"a":[1,2],"b":3}"#) == nil)
    }

    @Test("takes the last of several members of one name, however they are spelled")
    func duplicates() throws {
        #expect(try value("/a", #"{"a":1,"b":2,"\u0061":3}"#) == "3")
    }

    @Test("refuses what is no pointer", arguments: ["a", "a/b", "/~", "/~2", "/a~"])
    func malformed(_ pointer: String) {
        #expect(throws: RecordsError.self) { try JSONPointer(pointer) }
    }

    @Test("takes '*' for every element only where that was asked for")
    func wildcard() throws {
        let json = Array(#"{"e":[{"v":1},{"w":0},{"v":[2,3]}],"*":9}"#.utf8)[...]
        let every = try JSONPointer("/e/*/v", wildcards: true)
        #expect(
            try every.values(in: json).map { String(decoding: $0, as: UTF8.self) } == [
                "1", "[2,3]",
            ])
        #expect(try JSONPointer("/*").value(in: json).map { Array($0) } == [UInt8(ascii: "9")])
    }

    @Test("never crashes on random text and random pointers")
    func fuzz() throws {
        var random = SeededGenerator(seed: 7)
        let pointers = try ["", "/a", "/id/0", "/0/1", "/ç", "/*/id"].map {
            try JSONPointer($0, wildcards: true)
        }
        var found = 0
        for _ in 0..<2000 {
            let json = Array(random.json().utf8)[...]
            for pointer in pointers {
                guard let value = try pointer.value(in: json) else { continue }
                try JSONValidator.validate(value)
                found += 1
            }
        }
        #expect(found > 2000)
    }
}
