import EventLog
import RESTSource
import Testing

@testable import ossync

@Suite struct WebhookSignatureTests {
    private func hexadecimals(_ bytes: [UInt8]) -> String {
        bytes.withUnsafeBytes { hexadecimal($0) }
    }

    /// RFC 4231, cases 1, 2 and 6.
    @Test func theKeyedHashIsThatOfTheStandard() {
        #expect(
            hexadecimals(
                HMAC.sha256(key: [UInt8](repeating: 0x0B, count: 20), Array("Hi There".utf8)))
                == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7")
        #expect(
            hexadecimals(
                HMAC.sha256(key: Array("Jefe".utf8), Array("what do ya want for nothing?".utf8)))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        #expect(
            hexadecimals(
                HMAC.sha256(
                    key: [UInt8](repeating: 0xAA, count: 131),
                    Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8)))
                == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    }

    /// The example of the Standard Webhooks specification's own libraries.
    @Test func aMessageIsSignedAsOthersVerifyIt() {
        let signature = WebhookSignature(
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek", seconds: 1_614_265_330,
            body: Array("{\"test\": 2432232314}".utf8))
        let headers = signature.headers(secret: Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
        #expect(
            headers.last
                == HTTPField(
                    name: "webhook-signature",
                    value: "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="))
        #expect(signature.headers(secret: nil).map(\.name) == ["webhook-id", "webhook-timestamp"])
    }
}
