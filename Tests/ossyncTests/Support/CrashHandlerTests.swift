import Glibc
import Testing

@testable import ossync

@Suite struct CrashHandlerTests {
    @Test(arguments: [SIGBUS, SIGSEGV, SIGABRT])
    func aFaultIsOneLineAndTheCodeForADamagedStore(number: Int32) async {
        let result = await #expect(
            processExitsWith: .exitCode(12),
            observing: [\.standardErrorContent, \.standardOutputContent]
        ) { [number] in
            CrashHandler.install(isJSON: true)
            // As LMDB does where an assertion of its own fails; it can't be blocked.
            if number == SIGABRT { abort() }
            raise(number)
        }
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(text.contains("ossync: ended by signal \(number): the store may be damaged"))
        let json = String(decoding: result?.standardOutputContent ?? [], as: UTF8.self)
        #expect(json.contains(#"{"v":1,"type":"error","exitCode":12,"message":"ended by"#))
    }

    @Test func aTrapIsADefectAndSaysNothingOfTheStore() async {
        await #expect(processExitsWith: .exitCode(1)) {
            CrashHandler.install(isJSON: false)
            raise(SIGILL)
        }
    }

    @Test func aChildIsEndedByTheSignalItself() async {
        await #expect(processExitsWith: .signal(SIGBUS)) {
            CrashHandler.install(isJSON: false)
            CrashHandler.leaveToParent()
            raise(SIGBUS)
        }
    }
}
