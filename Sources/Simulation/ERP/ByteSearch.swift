internal import Glibc

extension UnsafeRawBufferPointer {
    /// Where bytes occur first at an offset or after it; nil when they don't, or are none.
    func offset(of bytes: [UInt8], from begin: Int = 0) -> Int? {
        guard let first = bytes.first, let base = baseAddress else { return nil }
        var index = begin
        while index + bytes.count <= count {
            let places = count - index - bytes.count + 1
            guard let hit = memchr(base + index, Int32(first), places) else { return nil }
            index = UnsafeRawPointer(hit) - base
            if memcmp(hit, bytes, bytes.count) == 0 { return index }
            index += 1
        }
        return nil
    }
}
