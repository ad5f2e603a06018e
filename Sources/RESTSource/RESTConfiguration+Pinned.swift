internal import Records
package import SyncCore

extension RESTConfiguration {
    /// What must stay the same for an open pass to go on at its cursor, always in this order.
    ///
    /// The values hold no secret: headers and credentials may change at any time.
    package var pinnedKeys: [PinnedKey] {
        func pin(_ key: String, _ value: String) -> PinnedKey { PinnedKey(key: key, value: value) }
        return [
            pin("api.baseURL", identity),
            pin("list.path", list.path),
            pin("list.paging", list.paging.text),
            pin("list.incremental", list.idAfterParam.map { "idAfter \($0)" } ?? "none"),
            pin("list.records", list.records.text),
            pin("list.id", list.id.text),
        ]
    }
}

extension RESTConfiguration.Paging {
    /// For example `page page=1.. per_page=1000`.
    fileprivate var text: String {
        let walk =
            switch self {
            case .page(let param, _, _, let first): "page \(param)=\(first).."
            case .offset(let param, _, _): "offset \(param)=0.."
            case .idAfter(let param, _, _): "idAfter \(param)"
            }
        return walk + " " + (sizeParam.map { "\($0)=\(size)" } ?? "size=\(size)")
    }
}
