"""Finds where the bytes of an LMDB value are in its file, so that a test can damage or watch them.

Reads the format of LMDB 0.9 on 64-bit machines: meta pages, branch and leaf nodes, overflow pages.
"""

import struct

BRANCH, LEAF, OVERFLOW = 1, 2, 4
BIG, SUB = 1, 2


class Values:
    """The values of the named databases of a file, each as (key, offset, length)."""

    def __init__(self, path):
        self.data = self.opened(path)
        self.page = struct.unpack_from("<I", self.data, 16 + 24)[0]
        metas = []
        for number in (0, 1):
            at = number * self.page + 16
            magic, = struct.unpack_from("<I", self.data, at)
            assert magic == 0xBEEFC0DE, "no LMDB file"
            txn, = struct.unpack_from("<Q", self.data, at + 24 + 96 + 8)
            root, = struct.unpack_from("<Q", self.data, at + 24 + 48 + 40)
            metas.append((txn, root))
        self.root = max(metas)[1]

    def opened(self, path):
        return path.read_bytes()

    def named(self, name):
        return list(self.walk(self.root_of(name)))

    def last(self, name):
        """The value with the greatest key, found without reading the others; None without any."""
        return next(self.walk(self.root_of(name), backwards=True), None)

    def root_of(self, name):
        for key, offset, _ in self.walk(self.root):
            if key == name.encode():
                return struct.unpack_from("<Q", self.data, offset + 40)[0]
        raise KeyError(name)

    def records(self):
        """The named databases, and where what LMDB keeps about each begins."""
        return [(key.decode(), offset) for key, offset, _ in self.walk(self.root)]

    def names(self):
        return [name for name, _ in self.records()]

    def contents(self):
        """All that is stored: what a damaged page leads to is an error, or something else."""
        return {
            name: [(key, self.data[at:at + size]) for key, at, size in self.named(name)]
            for name in self.names()}

    def live(self):
        """Offsets of all bytes that the last commit reaches: page headers, nodes, values."""
        found = set()
        for root in [self.root] + [self.root_of(name) for name in self.names()]:
            self.reach(root, found)
        return sorted(found)

    def reach(self, number, found):
        if number == 0xFFFF_FFFF_FFFF_FFFF:
            return
        start = number * self.page
        flags, lower = struct.unpack_from("<HH", self.data, start + 10)
        found.update(range(start, start + lower))
        for index in range((lower - 16) // 2):
            pointer, = struct.unpack_from("<H", self.data, start + 16 + 2 * index)
            node = start + pointer
            low, high, node_flags, key_size = struct.unpack_from("<HHHH", self.data, node)
            found.update(range(node, node + 8 + key_size))
            if flags & BRANCH:
                self.reach(low | high << 16 | node_flags << 32, found)
                continue
            at, length = node + 8 + key_size, low | high << 16
            if node_flags & BIG:
                big, = struct.unpack_from("<Q", self.data, at)
                found.update(range(at, at + 8))
                at = big * self.page
                length += 16
            found.update(range(at, at + length))

    def walk(self, number, backwards=False):
        if number == 0xFFFF_FFFF_FFFF_FFFF:
            return
        start = number * self.page
        flags, lower = struct.unpack_from("<HH", self.data, start + 10)
        count = (lower - 16) // 2
        for index in reversed(range(count)) if backwards else range(count):
            pointer, = struct.unpack_from("<H", self.data, start + 16 + 2 * index)
            node = start + pointer
            low, high, node_flags, key_size = struct.unpack_from("<HHHH", self.data, node)
            if flags & BRANCH:
                yield from self.walk(low | high << 16 | node_flags << 32, backwards)
                continue
            key = self.data[node + 8:node + 8 + key_size]
            at, length = node + 8 + key_size, low | high << 16
            if node_flags & BIG:
                big, = struct.unpack_from("<Q", self.data, at)
                at = big * self.page + 16
            yield key, at, length
