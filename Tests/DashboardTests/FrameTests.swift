import Dashboard
import Testing

@Suite struct FrameTests {
    private let look = Look(hasColors: true, isUnicode: true)

    /// Whatever is shown: each row has its columns, and each wide character both of its own.
    @Test func everyRowIsAsWideAsTheScreen() {
        for columns in [1, 19, 20, 21, 40, 79, 80, 133, 200] {
            for rows in [1, 5, 6, 7, 12, 24, 60] {
                for view in View.allCases {
                    for keys: [Key] in [[], [.enter], [.character("?")], [.end]] {
                        var state = ViewState.at(view)
                        for key in keys { _ = state.handle(key, Samples.busy, page: rows) }
                        let size = Size(columns: columns, rows: rows)
                        check(render(Samples.busy, state, size, look), size)
                    }
                }
            }
        }
    }

    private func check(_ frame: Frame, _ size: Size) {
        #expect(frame.rows.count == size.rows)
        for row in frame.rows {
            #expect(row.count == size.columns)
            for (column, cell) in row.enumerated() {
                guard let character = cell.character else {
                    // The second half stands behind a first one.
                    #expect(column > 0 && row[column - 1].character.map { !$0.isASCII } ?? false)
                    continue
                }
                let isControl =
                    character.unicodeScalars.first?.properties.generalCategory == .control
                #expect(!isControl)
            }
        }
    }

    @Test func wideCharactersKeepTheColumnsInTheirPlaces() throws {
        var snapshot = Samples.busy
        snapshot.queue.rows = [
            Listing.Row(["整備整備整備整備整備整備", "parked", "5", "", "x"], key: "1"),
            Listing.Row(["e\u{301}e\u{301}", "parked", "5", "", "x"], key: "2"),
        ]
        let frame = render(snapshot, .at(.queue), Size(columns: 100, rows: 24), look)
        for row in [4, 5] {
            #expect(String(frame.rows[row][21...26].compactMap(\.character)) == "parked")
        }
        #expect(frame.text(4).hasPrefix("整備整備整備整備整…  parked"))
        #expect(frame.text(5).hasPrefix("e\u{301}e\u{301}  "))
    }

    @Test func whatASCIICannotShowIsAQuestionMark() {
        let ascii = Look(hasColors: false, isUnicode: false)
        for view in View.allCases {
            for keys: [Key] in [[], [.enter], [.character("?")]] {
                var state = ViewState.at(view)
                for key in keys { _ = state.handle(key, Samples.busy, page: 18) }
                let frame = render(Samples.busy, state, Size(columns: 80, rows: 24), ascii)
                for cell in frame.rows.joined() {
                    #expect(cell.character?.isASCII ?? false)
                    #expect(cell.style.ink == .terminal)
                }
            }
        }
    }

    @Test func aScreenThatIsTooSmallSaysSo() {
        for size in [Size(columns: 19, rows: 24), Size(columns: 80, rows: 5)] {
            let frame = render(Samples.busy, ViewState(), size, look)
            #expect(frame.text(0) == "too small")
        }
    }

    @Test func theSelectedRowIsSeen() {
        for keys in [0, 1, 17, 30, 58, 59] {
            let state = ViewState.after([.tab] + Array(repeating: .down, count: keys))
            let frame = render(Samples.busy, state, Size(columns: 80, rows: 24), look)
            let reversed = (4..<22).filter { frame.rows[$0][0].style.isReversed }
            #expect(reversed.count == 1)
            #expect(reversed.first.map { frame.text($0) }?.hasPrefix("@\(12_345 - keys) ") ?? false)
        }
    }
}
