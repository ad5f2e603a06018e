/// What faults make of a body.
extension SimulatedERP {
    /// The body that goes with a fault.
    ///
    /// - Parameter body: renders the right one.
    static func spoiled(_ fault: ERPFault?, number: Int, _ body: () -> [UInt8]) -> [UInt8] {
        switch fault {
        case .html, .badGateway:
            Array("<!DOCTYPE html><html><body><h1>Manutenção</h1></body></html>\n".utf8)
        case .emptyBody, .noContent, .dropped: []
        case .noRecords: Array(#"{"ok":true,"mensagem":"nenhum registro"}"#.utf8)
        case .recordsObject: Array(#"{"data":{"1":{"status":"ok"}}}"#.utf8)
        case .cutBody: half(of: body())
        case .invalidJSON: invalid(body(), number)
        case .notANumber: notANumber(body(), number)
        default: body()
        }
    }

    private static func half(of body: [UInt8]) -> [UInt8] { Array(body.prefix(body.count / 2)) }

    /// What sloppy servers send: each of these is no JSON.
    private static func invalid(_ body: [UInt8], _ number: Int) -> [UInt8] {
        switch number % 5 {
        case 0: return body + Array("}".utf8)
        case 1: return Array(body.dropLast()) + Array(",}".utf8)
        case 2: return Array("{'data':".utf8) + body + Array("}".utf8)
        case 3:
            return Array("{\"nota\":\"".utf8) + [0xC3, 0x28] + Array("\",".utf8)
                + body.dropFirst()
        default:
            let deep = 200
            return Array(#"{"data":"#.utf8) + Array(repeating: UInt8(ascii: "["), count: deep)
                + Array(repeating: UInt8(ascii: "]"), count: deep) + Array("}".utf8)
        }
    }

    /// Begins an object with a number that JSON doesn't have.
    private static func notANumber(_ body: [UInt8], _ number: Int) -> [UInt8] {
        let literals = ["NaN", "Infinity", "-Infinity", "01", ".5", "+1", "1.", "0x1F"]
        return Array("{\"media\":\(literals[number % literals.count]),".utf8) + body.dropFirst()
    }
}
