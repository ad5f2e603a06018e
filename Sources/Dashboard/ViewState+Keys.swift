extension ViewState {
    /// Does what a key asks of the screen.
    ///
    /// - Parameters:
    ///   - snapshot: what is shown.
    ///   - page: how many rows of a list are seen at once.
    /// - Returns: what it asks for beside that.
    package mutating func handle(_ key: Key, _ snapshot: Snapshot, page: Int) -> Action? {
        if let dialog { return answer(key, dialog) }
        if isTyping {
            type(key)
            return nil
        }
        if move(key, snapshot, page: page) { return nil }
        guard case .character(let character) = key else {
            press(key, snapshot)
            return nil
        }
        return press(character, snapshot)
    }

    // MARK: Characters

    private mutating func press(_ character: Character, _ snapshot: Snapshot) -> Action? {
        switch character {
        case "1": view = .overview
        case "2": return .health
        case "3": return .sync(.incremental)
        case "4": return .sync(.resume)
        case "5": return .sync(.detailsOnly)
        case "6": return .sync(.headersOnly)
        case "7": dialog = .confirmFull
        case "s": return .stop
        case "q":
            guard ownsSync else { return .quit(.leavingSync) }
            dialog = .confirmQuit
        case "?": dialog = .help
        case " ": isPaused.toggle()
        case "/": isTyping = snapshot.listing(view) != nil
        case "r": return selectedKey(snapshot).map { .retry(id: $0) }
        case "d": dialog = selectedKey(snapshot).map { .confirmDrop($0) }
        default: break
        }
        return nil
    }

    /// The record of the selected row of the queue.
    private func selectedKey(_ snapshot: Snapshot) -> String? {
        guard view == .queue else { return nil }
        let rows = rows(snapshot)
        guard !rows.isEmpty else { return nil }
        let key = rows[selection(rows.count)].key
        return key.isEmpty ? nil : key
    }

    // MARK: Other keys

    private mutating func press(_ key: Key, _ snapshot: Snapshot) {
        switch key {
        case .tab, .right: view = view.moved(by: 1)
        case .backTab, .left: view = view.moved(by: -1)
        case .escape: goBack()
        case .enter:
            let rows = rows(snapshot)
            guard let listing = snapshot.listing(view), !rows.isEmpty else { return }
            dialog = .details(listing.whole(rows[selection(rows.count)]))
        default: break
        }
    }

    /// From the filter to the whole list, from there to the overview.
    private mutating func goBack() {
        if filter.isEmpty { view = .overview }
        filters[view] = nil
    }

    /// - Returns: whether the key moves the selection.
    private mutating func move(_ key: Key, _ snapshot: Snapshot, page: Int) -> Bool {
        let count = rows(snapshot).count
        let now = selection(count)
        let next: Int
        switch key {
        case .up: next = now - 1
        case .down: next = now + 1
        case .pageUp: next = now - max(page, 1)
        case .pageDown: next = now + max(page, 1)
        case .home: next = 0
        case .end: next = count - 1
        default: return false
        }
        selected[view] = min(max(next, 0), max(count - 1, 0))
        return true
    }

    // MARK: The filter

    private static let longestFilter = 100

    private mutating func type(_ key: Key) {
        switch key {
        case .enter: isTyping = false
        case .escape:
            isTyping = false
            filters[view] = nil
        case .backspace: filters[view] = String(filter.dropLast())
        case .character(let character) where filter.count < Self.longestFilter:
            filters[view] = filter + String(character)
        default: return
        }
        selected[view] = 0
    }

    // MARK: Dialogs

    private mutating func answer(_ key: Key, _ dialog: Dialog) -> Action? {
        let answer: Action?
        switch (dialog, key) {
        case (.help, .resize), (.details, .resize): return nil
        case (.help, _), (.details, _): answer = nil
        case (.confirmFull, .character("y")): answer = .sync(.full)
        case (.confirmDrop(let id), .character("y")): answer = .drop(id: id)
        case (.confirmQuit, .character("l")): answer = .quit(.leavingSync)
        case (.confirmQuit, .character("s")): answer = .quit(.stoppingSync)
        case (_, .character("n")), (_, .escape): answer = nil
        // What isn't an answer leaves the question standing.
        default: return nil
        }
        self.dialog = nil
        return answer
    }
}

extension Listing {
    /// A row with its titles, a line each.
    func whole(_ row: Row) -> [String] {
        zip(columns, row.cells).filter { !$1.isEmpty }.map { "\($0.title): \($1)" }
    }
}
