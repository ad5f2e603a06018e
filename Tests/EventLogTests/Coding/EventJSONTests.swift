import EventLog
import SyncCore
import Testing

@Suite struct EventJSONTests {
    @Test func anEventIsOneLineWithItsPlaceAndItsData() {
        var json = JSONWriter()
        let renderer = EventJSON(streamNames: [StreamID(1): "os"])
        renderer.write(logged(.runStarted(RunStarted(mode: .detailsOnly))), to: &json)
        #expect(
            json.text == """
                {"v":1,"type":"event","position":9,"time":"2026-11-24T01:02:03.123456789Z",\
                "event":"RunStarted","schema":1,"run":"r4","cause":8,"stream":"os",\
                "data":{"mode":"details-only"}}
                """)
    }

    @Test func whatAnEventDoesNotBelongToIsNull() {
        var json = JSONWriter()
        EventJSON().write(
            LoggedEvent(
                position: Position(1), time: .zero, stream: .none, run: .none, cause: .none,
                startsStep: true, event: .storeBound(StoreBound(apiIdentity: "https://a/"))),
            to: &json)
        #expect(
            json.text == """
                {"v":1,"type":"event","position":1,"time":"1970-01-01T00:00:00.000Z",\
                "event":"StoreBound","schema":1,"run":null,"cause":0,"stream":null,\
                "data":{"apiIdentity":"https://a/"}}
                """)
    }

    @Test func textsOfRecordsAreEmbeddedOnlyWhenAskedFor() {
        let body = Array("{ \"name\" : \"a \\\" b\",\n  \"n\": 1.0 }".utf8)
        let event = logged(
            .detailsFetched(
                DetailsFetched(
                    intent: Position(8), exchange: Exchange(status: 200),
                    results: [
                        DetailsFetched.Result(
                            ordinal: Ordinal(0), id: RecordID("7"), was: .pending,
                            outcome: .changed(
                                fingerprint: Fingerprint(high: 1, low: 0xFF), body: body[...]))
                    ])))
        var json = JSONWriter()
        EventJSON().write(event, to: &json)
        #expect(json.text.contains("\"fingerprint\":\"000000000000000100000000000000ff\""))
        #expect(json.text.hasSuffix("\"bytes\":\(body.count)}]}}"))
        json.reset()
        EventJSON(includeBodies: true).write(event, to: &json)
        #expect(json.text.hasSuffix(#""body":{"name":"a \" b","n":1.0}}]}}"#))
    }

    @Test(arguments: EventType.allCases)
    func everyKindOfEventIsWellFormed(type: EventType) {
        for seed in 0..<40 {
            var generator = ValueGenerator(seed: UInt64(type.rawValue) << 20 | UInt64(seed))
            var json = JSONWriter()
            EventJSON().write(generator.loggedEvent(type), to: &json)
            var checker = JSONChecker(json.bytes)
            let isOneValue = checker.isOneValue()
            #expect(isOneValue, "\(json.text)")
            #expect(!json.bytes.contains { $0 < 0x20 || $0 == 0x7F })
        }
    }

    @Test func textIsEscaped() {
        var json = JSONWriter()
        json.string("\"\\/\u{8}\t\n\u{c}\r\u{1}\u{1f}\u{7f}é日")
        #expect(json.text == #""\"\\/\b\t\n\f\r\u0001\u001f\u007fé日""#)
    }

    @Test func commasStandBetweenValuesOnly() {
        var json = JSONWriter()
        json.array { list in
            list.array { _ in }
            list.object { object in
                object.member("a", nil as String?)
                object.member("b", true)
                object.array("c") { $0.number(1.5) }
                object.member("d", Double.infinity)
            }
            list.number(-3)
        }
        json.endLine()
        json.number(2.0)
        #expect(json.text == "[[],{\"a\":null,\"b\":true,\"c\":[1.5],\"d\":null},-3]\n2")
    }
}

/// Just enough of a parser to tell JSON from what isn't.
private struct JSONChecker {
    private let bytes: [UInt8]
    private var index = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func isOneValue() -> Bool { value() && index == bytes.count }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard index < bytes.count, bytes[index] == UInt8(ascii: character) else { return false }
        index += 1
        return true
    }

    private mutating func value() -> Bool {
        if take("{") { return list("}") { $0.string() && $0.take(":") && $0.value() } }
        if take("[") { return list("]") { $0.value() } }
        if index < bytes.count, bytes[index] == UInt8(ascii: "\"") { return string() }
        for word in ["true", "false", "null"] where bytes[index...].starts(with: word.utf8) {
            index += word.utf8.count
            return true
        }
        let start = index
        while index < bytes.count, "+-.0123456789eE".utf8.contains(bytes[index]) { index += 1 }
        return Double(String(decoding: bytes[start..<index], as: UTF8.self)) != nil
    }

    private mutating func list(
        _ end: Unicode.Scalar, _ element: (inout JSONChecker) -> Bool
    ) -> Bool {
        if take(end) { return true }
        repeat { if !element(&self) { return false } } while take(",")
        return take(end)
    }

    private mutating func string() -> Bool {
        guard take("\"") else { return false }
        while index < bytes.count {
            if take("\"") { return true }
            if take("\\") {
                if take("u") { index += 4 } else { index += 1 }
            } else {
                index += 1
            }
        }
        return false
    }
}
