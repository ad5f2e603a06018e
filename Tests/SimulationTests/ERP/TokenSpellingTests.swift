import Testing

@testable import Simulation

@Suite struct TokenSpellingTests {
    private func spelled(_ spelling: TokenSpelling, _ token: String, _ body: String) -> String {
        String(decoding: spelling.spell(token, in: Array(body.utf8)), as: UTF8.self)
    }

    /// The standard library's search, which is slow, says what is expected.
    @Test(arguments: TokenSpelling.allCases)
    func aTokenIsSpelledWhereverItStands(spelling: TokenSpelling) {
        let tokens = ["simulated/token", "a/a", "a/", "/"]
        let bodies = [
            "", "a", "a/", "a/a/a", "a/a/a/a", "//", "x simulated/token", "simulated/token x",
            "simulated/tokensimulated/token", "simulated/toke", "simulated/simulated/token/",
        ]
        for token in tokens {
            for body in bodies {
                let expected = body.replacing(token, with: spelling.spell(token))
                #expect(spelled(spelling, token, body) == expected)
            }
        }
    }
}
