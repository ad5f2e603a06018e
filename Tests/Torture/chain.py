"""The commits and events of a store, read without ossync: at rest, and while a sync writes them."""

import enum
import mmap
import struct
import time

from lmdb_pages import Values

# How often a store that is being written is looked at.
GLANCE_SECONDS = 0.0005


class Kind(enum.IntEnum):
    """The numbers of the types of events that a round goes by, as docs/event-format.md has them."""

    REQUEST_INTENDED = 9
    DETAILS_FETCHED = 11
    PASS_COMPLETED = 19
    RUN_COMPLETED = 25


def kind(event):
    return int.from_bytes(event[16:18], "little")


class Chain:
    """The commits and events of a store that nobody writes."""

    def __init__(self, path):
        values = Values(path)
        self.heads = {}
        self.events = {}
        for key, at, length in values.named("commits"):
            assert length == 40, "a link of the chain has 40 bytes"
            self.heads[int.from_bytes(key, "big")] = bytes(values.data[at:at + 32])
        for key, at, length in values.named("events"):
            self.events[int.from_bytes(key, "big")] = bytes(values.data[at:at + length])

    @property
    def position(self):
        return max(self.heads, default=0)

    def is_prefix_of(self, later):
        return all(
            later.heads.get(last) == head for last, head in self.heads.items()
        ) and all(later.events.get(position) == event for position, event in self.events.items())

    def phase(self, after):
        """What the sync that wrote the events after a position was about when it wrote the last."""
        kinds = {kind(event) for position, event in self.events.items() if position > after}
        if Kind.RUN_COMPLETED in kinds:
            return "end"
        if kinds & {Kind.PASS_COMPLETED, Kind.DETAILS_FETCHED}:
            return "details"
        return "list" if Kind.REQUEST_INTENDED in kinds else "start"


class Mapped(Values):
    """A file that is being written: what is committed stays where it is for two more commits."""

    def opened(self, path):
        with open(path, "rb") as file:
            return mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)


class Progress:
    """How far the log of a sync that is under way has got, by what is durable in its file."""

    def __init__(self, path):
        self.path = path
        self.position, self.kind = 0, None

    def glance(self):
        """Looks again. What can't be read at this moment is read at the next one."""
        try:
            values = Mapped(self.path)
            key, at, _ = values.last("events")
            position = int.from_bytes(key, "big")
            # A page that was used again meanwhile may hold anything.
            if self.position <= position < self.position + 100_000:
                self.position, self.kind = position, kind(values.data[at:at + 18])
        except (OSError, ValueError, AssertionError, LookupError, TypeError, struct.error,
                RecursionError):
            return

    def wait(self, is_there, process, seconds=60):
        """Until the log is where it is wanted; false when the process ended before."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            has_ended = process.poll() is not None
            self.glance()
            if has_ended:
                return False
            if is_there(self):
                return True
            time.sleep(GLANCE_SECONDS)
        return False
