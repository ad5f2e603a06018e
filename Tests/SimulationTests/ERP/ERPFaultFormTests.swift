import RESTSource
import Records
import SyncCore
import Testing

@testable import Simulation

/// Each fault is what the product must take it for.
struct ERPFaultFormTests {
    private static let records = 5

    private func read(
        _ fault: ERPFault, _ kind: SourceRequest.Kind, byPath: Bool = false, number: Int = 1
    ) throws -> (SourceAnswer.Content?, ERPArrival) {
        var configuration = ERPConfiguration(seed: 3, records: Self.records)
        configuration.faults[fault] = 1
        let erp = SimulatedERP(configuration)
        let data = try JSONPointer("/data")
        let id = try JSONPointer("/id")
        let rest = RESTConfiguration(
            api: .init(baseURL: "http://127.0.0.1/api", auth: .none),
            list: .init(
                path: "/os", paging: .offset(offsetParam: "offset", sizeParam: nil, size: 50),
                records: data, id: id),
            detail: byPath
                ? .init(path: "/os/{id}", records: .root, id: id, allowsSingle: true)
                : .init(path: "/os/details?ids={ids}", batchSize: 9, records: data, id: id))
        let request = SourceRequest(intent: Position(1), kind: kind)
        let wire = try #require(RequestBuilder(rest).request(for: request))
        let target = "/api" + wire.url.dropFirst("http://127.0.0.1/api".count)
        var reply = erp.handle(.get(target), atNs: 0)
        for _ in 1..<number { reply = erp.handle(.get(target), atNs: 0) }
        let arrival = try #require(erp.arrivals.entries.last)
        guard reply.delivery == .complete else { return (nil, arrival) }
        let answer = try ResponseReader(rest).answer(
            to: request,
            HTTPResponse(
                status: reply.status,
                headers: reply.headers.map {
                    HTTPField(name: $0.name.lowercased(), value: $0.value)
                },
                body: reply.body))
        return (answer.content, arrival)
    }

    private static let list = SourceRequest.Kind.list(cursor: nil, filter: .all)
    private static let batch = SourceRequest.Kind.detail(ids: ["2", "3", "4"].map { RecordID($0) })
    private static let lone = SourceRequest.Kind.detail(ids: [RecordID("2")])

    @Test(arguments: [
        ERPFault.html, .cutBody, .invalidJSON, .notANumber, .emptyBody, .noContent, .noRecords,
        .recordsObject, .missingID, .nullID, .floatID, .oddID,
    ])
    func aBodyThatIsSpoiledCanNotBeUsed(fault: ERPFault) throws {
        // Each has several variants, which go by the number of the arrival.
        for number in 1...16 {
            for (kind, byPath) in [(Self.list, false), (Self.batch, false), (Self.lone, true)] {
                let (content, arrival) = try read(fault, kind, byPath: byPath, number: number)
                #expect(arrival.fault == fault)
                guard case .failed(let failure)? = content else {
                    Issue.record("\(fault) \(number) of \(kind) is \(String(describing: content))")
                    continue
                }
                #expect(failure.failure == .unusable, "\(fault) \(number)")
            }
        }
    }

    @Test(arguments: [
        (ERPFault.serverError, FailureClass.server), (.badGateway, .server),
        (.gatewayTimeout, .server), (.unavailable, .unavailable),
    ])
    func aStatusIsWhatItSays(fault: ERPFault, failure: FailureClass) throws {
        guard case .failed(let answer)? = try read(fault, Self.batch).0 else {
            Issue.record("\(fault) is no failure")
            return
        }
        #expect(answer.failure == failure)
    }

    @Test func aRowThatComesTwiceIsOneMoreRow() throws {
        guard case .page(let page)? = try read(.repeatedRow, Self.list).0 else {
            Issue.record("the page can't be read")
            return
        }
        #expect(page.records.count == Self.records + 1)
        #expect(Set(page.records.map(\.id)).count == Self.records)
        #expect(page.next?.display == "offset \(Self.records)")
        let (content, _) = try read(.repeatedRow, Self.batch)
        #expect(found(content) == [true, true, true])
        #expect(found(try read(.repeatedRow, Self.lone, byPath: true).0) == [true])
    }

    @Test func strangersAreLeftOutAndWhatIsLeftOutIsAbsent() throws {
        #expect(found(try read(.stranger, Self.batch).0) == [true, true, true])
        #expect(found(try read(.stranger, Self.lone, byPath: true).0) == [false])
        #expect(found(try read(.leftOut, Self.batch).0)?.count { !$0 } == 1)
        #expect(found(try read(.leftOut, Self.lone, byPath: true).0) == [false])
        #expect(found(try read(.leftOut, Self.lone).0) == [false])
    }

    /// Whether each detail was found.
    private func found(_ content: SourceAnswer.Content?) -> [Bool]? {
        guard case .details(let outcomes)? = content else { return nil }
        return outcomes.map { if case .found = $0 { true } else { false } }
    }

    @Test(arguments: [ERPFault.missingID, .repeatedRow, .leftOut, .stranger])
    func aFaultThatDoesNotFitTheRequestIsNone(fault: ERPFault) {
        var configuration = ERPConfiguration(seed: 3, records: 0)
        configuration.faults[fault] = 1
        let erp = SimulatedERP(configuration)
        #expect(erp.handle(.get("/api/os"), atNs: 0).status == 200)
        #expect(erp.handle(.get("/api/health"), atNs: 0).status == 200)
        #expect(erp.arrivals.entries.allSatisfy { $0.fault == nil })
    }

    @Test func aPoisonedOrderSpoilsEachBatchInItsOwnForm() throws {
        var configuration = ERPConfiguration(seed: 3, records: 40)
        configuration.faults.poisonIDs = Set(1...20)
        configuration.faults.poisonForms = [.nullID, .badGateway]
        let erp = SimulatedERP(configuration)
        for id in 1...20 {
            let forms = ["/api/os/\(id)", "/api/os/details?ids=30,\(id)", "/api/os/\(id)"].map {
                _ = erp.handle(.get($0), atNs: 0)
                return erp.arrivals.entries.last?.fault
            }
            #expect(forms[0] != nil && Set(forms).count == 1)
            #expect(erp.arrivals.entries.last?.isPoison == true)
        }
        #expect(Set(erp.arrivals.entries.map(\.fault)).count == 2)
    }

    @Test(arguments: zip([ERPFaults.Missing.leftOut, .notFound, .gone], [404, 404, 410]))
    func whatIsMissingShowsInItsForm(form: ERPFaults.Missing, status: Int) throws {
        var configuration = ERPConfiguration(seed: 3, records: 9)
        configuration.faults.missingIDs = [7]
        configuration.faults.missingForms = [form]
        let erp = SimulatedERP(configuration)
        #expect(erp.handle(.get("/api/os/7"), atNs: 0).status == status)
        let batch = erp.handle(.get("/api/os/details?ids=6,7"), atNs: 0)
        #expect(batch.status == (form == .leftOut ? 200 : status))
        #expect(erp.handle(.get("/api/os/6"), atNs: 0).status == 200)
    }

    @Test func descriptionsAreTheSameEachTime() {
        func faults(_ ids: [Int64]) -> ERPFaults {
            var faults = ERPFaults()
            for id in ids { faults.poisonIDs.insert(id) }
            faults[.nullID] = 0.5
            return faults
        }
        let text = "\(faults(Array(1...50)))"
        #expect(text == "\(faults(Array((1...50).reversed())))")
        #expect(text.hasPrefix("[nullID: 0.5, poison: [1, 2, 3,"))
    }
}
