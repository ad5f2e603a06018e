extension ConfigurationKeys {
    static let stream: [ConfigurationKey] = [
        ConfigurationKey("list", .section(list), .required, "How the records are listed."),
        ConfigurationKey(
            "detail", .section(detail), .optional, "How a record's details are asked for.",
            absent: "the list is all there is"),
        ConfigurationKey(
            "columns", .named(.columns, of: .section(column)), .filled,
            "The columns of the stream's table, beside the fixed ones."),
        ConfigurationKey(
            "retry", .section(retry), .filled,
            "How failures other than 429 and authentication are retried."),
    ]

    static let list: [ConfigurationKey] = [
        ConfigurationKey("path", .text(.path), .required, "The path of the list request."),
        ConfigurationKey("paging", .variant(paging), .required, "How the list is walked."),
        ConfigurationKey(
            "records", .text(.pointer), .otherwise(""),
            "JSON Pointer to the array of records; \"\" is the whole body."),
        ConfigurationKey(
            "id", .text(.pointer), .required, "JSON Pointer to the identity within a record."),
        ConfigurationKey(
            "total", .text(.pointer), .optional,
            "JSON Pointer to the number of records that the request asks for: with a filter, of "
                + "those it lets through.",
            absent: "the API gives no total"),
        ConfigurationKey(
            "order", .choice(["ascending", "descending", "unknown"]), .otherwise("unknown"),
            "The order of identities in the list."),
        ConfigurationKey(
            "incremental", .variant(incremental), .otherwise("none"),
            "How an incremental run asks for what is new."),
        ConfigurationKey(
            "idOrder", .choice(["numeric", "lexicographic", "none"]), .optional,
            "How identities are ordered.", absent: "decided by the first page"),
        ConfigurationKey(
            "ignore", .list(of: .text(.wildcardPointer)), .filled,
            "JSON Pointers within a record whose change doesn't count as a change."),
    ]

    private static let size = ConfigurationKey(
        "size", .whole(1...100_000), .otherwise("100"), "Records a page.")
    private static let sizeParam = ConfigurationKey(
        "sizeParam", .text(.any), .optional, "The query parameter that asks for the page size.",
        absent: "the size is not sent; the API's own must equal `size`")

    static let paging = ConfigurationVariants(
        variants: [
            .init(
                type: "page", doc: "Numbered pages.",
                keys: [
                    ConfigurationKey(
                        "pageParam", .text(.any), .otherwise("page"),
                        "The query parameter of the page's number."),
                    sizeParam, size,
                    ConfigurationKey(
                        "first", .whole(0...1_000), .otherwise("1"), "The first page's number."),
                ]),
            .init(
                type: "offset", doc: "A number of records to skip.",
                keys: [
                    ConfigurationKey(
                        "offsetParam", .text(.any), .otherwise("offset"),
                        "The query parameter of the number of records to skip."),
                    sizeParam, size,
                ]),
            .init(
                type: "idAfter", doc: "Keyset paging: what lies above the last identity seen.",
                keys: [
                    ConfigurationKey(
                        "param", .text(.any), .required,
                        "The query parameter of the last identity."),
                    sizeParam, size,
                ]),
        ],
        unsupported: ["cursor", "link", "next", "nextURL", "dateWindow", "updatedAfter", "none"])

    static let incremental = ConfigurationVariants(
        variants: [
            .init(
                type: "none",
                doc: "No filter: the whole list is walked; fingerprints tell what changed.",
                keys: []),
            .init(
                type: "idAfter", doc: "Only identities above the highest one seen.",
                keys: [
                    ConfigurationKey(
                        "param", .text(.any), .required,
                        "The query parameter of the highest identity.")
                ]),
        ],
        unsupported: ["newestFirst", "updatedSince"])

    static let detail: [ConfigurationKey] = [
        ConfigurationKey(
            "path", .text(.path), .required,
            "The path of the detail request, with `{id}` (one record a call) or `{ids}` (more)."),
        ConfigurationKey("batch", .section(batch), .filled, "How many records a call asks for."),
        ConfigurationKey(
            "records", .text(.pointer), .otherwise(""),
            "JSON Pointer to the array of details, or to the one detail with `single`."),
        ConfigurationKey(
            "id", .text(.pointer), .optional, "JSON Pointer to the identity within a detail.",
            absent: "`list.id`"),
        ConfigurationKey(
            "concurrency", .whole(1...64), .otherwise("5"), "Requests in flight at once."),
        ConfigurationKey(
            "single", .flag, .optional, "Whether an answer is one object instead of an array.",
            absent: "true when the path has `{id}`"),
        ConfigurationKey(
            "ignore", .list(of: .text(.wildcardPointer)), .filled,
            "JSON Pointers within a detail whose change doesn't count as a change."),
    ]

    static let batch: [ConfigurationKey] = [
        ConfigurationKey("size", .whole(1...1_000), .otherwise("1"), "Identities a call."),
        ConfigurationKey(
            "join", .text(.any), .otherwise(","), "What stands between identities in `{ids}`."),
    ]

    static let columnTypes = [
        "text", "integer", "decimal", "boolean", "date", "timestamp", "json",
    ]

    static let column: [ConfigurationKey] = [
        ConfigurationKey(
            "pointer", .text(.wildcardPointer), .optional,
            "JSON Pointer to the value; exactly one of `pointer`, `sum` and `count` is given."),
        ConfigurationKey(
            "sum", .text(.wildcardPointer), .optional,
            "JSON Pointer to the values to add up exactly; the segment `*` means every element."),
        ConfigurationKey(
            "count", .text(.wildcardPointer), .optional, "JSON Pointer to the values to count."),
        ConfigurationKey(
            "type", .choice(columnTypes), .optional, "The column's type.",
            absent: "text for `pointer`, decimal for `sum`, integer for `count`"),
        ConfigurationKey(
            "from", .choice(["header", "detail"]), .optional,
            "Which document the pointer is resolved in.",
            absent: "the detail, and the header where the detail is absent or lacks it"),
    ]

    static let retry: [ConfigurationKey] = [
        ConfigurationKey(
            "attempts", .whole(1...100), .otherwise("5"),
            "How often a record, or a page, is tried before it is given up."),
        ConfigurationKey(
            "baseMs", .whole(0...maxMs), .otherwise("1000"),
            "The wait after the first failure, in milliseconds."),
        ConfigurationKey(
            "multiplier", .number(1...100), .otherwise("2"),
            "What each further failure multiplies the wait by."),
        ConfigurationKey(
            "maxMs", .whole(0...maxMs), .otherwise("60000"),
            "The longest wait, in milliseconds; at least `baseMs`."),
    ]
}
