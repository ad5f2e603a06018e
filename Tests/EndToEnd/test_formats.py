"""Stores that earlier builds wrote: read, checked, replayed, rebuilt, and gone on with."""

import lzma
import pathlib
import shutil
import time

from harness import QUICK, Case, exact
from lmdb_pages import Values

FIXTURES = pathlib.Path(__file__).resolve().parent / "fixtures"


class Earlier(Case):
    """60 records, of which 13 fails and 57 is missing; refusals, a pause, then record 7 changed."""

    def setUp(self):
        super().setUp()
        self.server = self.ready(60, "--poison", 13, "--missing", 57, api__id="fixture")
        self.server.touch(7)
        self.data = self.store / "log" / "data.mdb"
        self.data.parent.mkdir(parents=True)
        self.bytes = lzma.decompress((FIXTURES / "format-2.mdb.xz").read_bytes())
        self.data.write_bytes(self.bytes)

    def test_format_2_is_read_as_it_is(self):
        status = self.status()
        self.assertEqual(status["records"]["total"], 60)
        self.assertEqual(status["queue"]["parked"], 2)
        summary = self.ossync("replay", "--verify", "--json").last
        self.assertEqual(summary["verification"]["divergences"], 0)
        self.assertEqual(summary["position"], status["position"])
        self.assertTrue(self.ossync("log", "verify", "--json").last["ok"])
        self.assertEqual(self.ossync("why", "13", "--json").last["state"], "parked")
        self.ossync("projections", "rebuild", "os")
        self.assertTrue(self.ossync("projections", "verify", "--json").last["ok"])
        self.assertEqual(len(self.ossync("export", "csv").out.splitlines()), 61)
        self.assertEqual(self.data.read_bytes(), self.bytes, "nothing was written to it")

    def test_a_sync_goes_on_with_it(self):
        before = self.events()
        self.server.append(5)
        self.sync(code=(0, 3))
        self.assertEqual(self.status()["records"]["total"], 65)
        self.assertEqual(self.events()[: len(before)], before)
        self.assertTrue(self.ossync("log", "verify", "--json").last["ok"])
        self.assertEqual(
            self.ossync("replay", "--verify", "--json").last["verification"]["divergences"], 0)
        self.assertEqual(self.status()["records"]["withDetails"], 63)


class BeforeTheFirst:
    """Stores of format 1: 60 records synced, 13 parked, 57 dropped; 20 more, of which 75 fails and
    is retried with its batch; killed while it waited. Then all 120, from the front, killed in the
    list pass with page 6 of 12 asked for. Record 7 changed after it was synced.

    A cursor holds for the base URL that it was told by, so each has a port of its own.
    """

    FAULTY = {13, 57, 75}
    PAGE = 6

    def setUp(self):
        super().setUp()
        faults = ["--poison", 13, "--poison", 75, "--missing", 57]
        self.server = self.ready(
            60, *faults, "--port", self.PORT, api__id="fixture", list__paging__size=10,
            detail__batch={"size": 8, "join": ","})
        self.server.append(60)
        self.server.touch(7)
        self.server.forget()
        self.bytes = lzma.decompress((FIXTURES / self.FIXTURE).read_bytes())
        self.log = self.store / "log"
        self.data = self.log / "data.mdb"
        self.put(self.bytes)

    def put(self, data):
        shutil.rmtree(self.store, ignore_errors=True)
        self.log.mkdir(parents=True)
        self.data.write_bytes(data)

    def head(self):
        """Position and head of the chain, as the old log itself has them."""
        key, offset, _ = Values(self.data).last("commits")
        return int.from_bytes(key, "big"), self.data.read_bytes()[offset:offset + 32].hex()

    def assert_untouched(self):
        self.assertEqual(self.data.read_bytes(), self.bytes)
        self.assertEqual({path.name for path in self.store.glob("log*")} - {"logs"}, {"log"})

    def stored(self):
        return {
            key: Values(self.data).data[at:at + size]
            for key, at, size in Values(self.data).named("events")}

    def test_a_sync_raises_it_and_goes_on_where_it_was(self):
        before = self.stored()
        position, head = self.head()
        result = self.ossync("sync", "--mode", "resume", code=3)
        raised = [line for line in result.err.splitlines() if "raised from" in line]
        self.assertEqual(len(raised), 1, result.err)
        self.assertIn("store format 1 to 3", raised[0])
        self.assertIn(f"{position} events", raised[0])
        self.assertIn(head, raised[0])
        # Not one of the bytes that were chained has changed.
        after = self.stored()
        self.assertEqual({key: after[key] for key in before}, before)
        events = self.events("--from", position + 1)
        self.assertEqual(
            events[0]["event"], "ClockAnchored", "the upgrade itself is no event")
        asked = [
            event["data"]["cursor"] for event in events
            if event["event"] == "RequestIntended" and event["data"]["endpoint"] == "list"]
        self.assertEqual(asked, [f"page {page}" for page in range(self.PAGE, 13)])
        self.assertEqual(self.server.counts()[0], len(asked))
        self.assert_is_of_today(position, head)
        self.assertNotIn("raised", self.ossync("sync", code=(0, 3)).err)

    def assert_is_of_today(self, position, head):
        self.assertEqual(len(list(self.store.glob("log.*"))), 0)
        self.assert_synced()
        status = self.status()
        self.assertEqual(status["records"]["total"], 120)
        self.assertEqual(status["records"]["withDetails"], 117)
        self.assertEqual(status["queue"]["dropped"], 1)
        self.assertEqual(status["queue"]["parked"], 2)
        self.ossync("log", "verify", "--against", head)
        self.assertEqual(self.verify()["problems"], 0)
        # What older rules decided otherwise is told as that, and is no damage.
        summary = self.ossync("replay", "--verify", "--json", code=(0, 1)).last["verification"]
        self.assertEqual(summary["divergences"], summary["ofOtherRules"], summary)
        self.ossync("projections", "rebuild", "os")
        self.assertTrue(self.ossync("projections", "verify", "--json").last["ok"])

    def assert_synced(self):
        """Every record but those that can't be had is the server's."""
        ids = range(1, 121)
        headers, details = self.server.headers(), self.server.details(
            [one for one in ids if one not in self.FAULTY])
        lines = self.ossync("export", "ndjson").out.splitlines()
        stored = {int(record["id"]): record for record in map(exact, lines)}
        self.assertEqual(set(stored), set(ids))
        for one in ids:
            self.assertEqual(stored[one]["header"], headers[one])
            self.assertEqual(stored[one]["details_synced"], one in details)
            if one in details:
                self.assertEqual(stored[one]["detail"], details[one])

    def test_what_only_reads_says_what_to_do(self):
        for command in (
            ["status"], ["show", "1"], ["log", "show"], ["log", "verify"], ["queue", "list"],
            ["replay", "--verify"], ["projections", "rebuild", "os"], ["export", "csv"], ["plan"],
            ["backup", self.folder / "copy"], ["why", "13"], ["runs"],
        ):
            result = self.ossync(*command, code=12)
            self.assert_one_clear_line(
                result, "store format 1", "nothing was touched", "ossync sync", "log salvage")
        self.assert_untouched()
        self.assertEqual(self.server.counts(), (0, 0))

    def test_any_command_that_writes_raises_it_without_a_request(self):
        position, head = self.head()
        self.assertIn("raised from", self.ossync("queue", "drop", "13").err)
        self.assertEqual(self.server.counts(), (0, 0))
        status = self.status()
        self.assertEqual(status["state"]["cursor"], f"page {self.PAGE}")
        self.assertEqual(
            status["queue"], {"pending": 1, "retrying": 8, "parked": 0, "dropped": 2})
        self.assertEqual(status["records"]["total"], 80)
        self.ossync("log", "verify", "--against", head)
        self.assertGreater(status["position"], position)

    def test_a_copy_of_it_is_of_todays_format(self):
        position, head = self.head()
        copy = self.folder / "copy"
        told = self.ossync("log", "salvage", copy, "--json").last
        self.assertEqual((told["position"], told["head"]), (position, head))
        self.assert_untouched()
        verified = self.ossync("log", "verify", "--json", "--store", copy).last
        self.assertEqual((verified["problems"], verified["head"]), (0, head))

    def test_damaged_it_is_refused_with_the_position(self):
        values = Values(self.data).named("events")
        for key, offset, size in self.random.sample(values, 3) + values[-1:]:
            damaged = bytearray(self.bytes)
            damaged[offset + self.random.randrange(8, size)] ^= 1
            self.put(damaged)
            result = self.ossync("sync", code=12)
            position = int.from_bytes(key, "big")
            self.assert_one_clear_line(result, f"damaged at position {position}:")
            self.assertEqual(self.data.read_bytes(), damaged)
            self.assertEqual(list(self.store.glob("log.*")), [])
        self.assertEqual(self.server.counts(), (0, 0))

    def test_a_broken_chain_is_refused(self):
        commits = Values(self.data).named("commits")
        key, offset, _ = commits[len(commits) // 2]
        damaged = bytearray(self.bytes)
        damaged[offset + 5] ^= 1
        self.put(damaged)
        result = self.ossync("sync", code=12)
        self.assert_one_clear_line(
            result, f"position {int.from_bytes(key, 'big')}", "hash chain is broken")
        self.assertEqual(self.data.read_bytes(), damaged)

    def test_killed_at_any_moment_it_is_raised_by_the_next(self):
        head = self.head()
        formats = set()
        began = time.monotonic()
        self.ossync("queue", "drop", "13")
        longest = 1.2 * (time.monotonic() - began)
        rounds = 15 if QUICK else 100
        for number in range(rounds):
            self.put(self.bytes)
            old = self.data.stat().st_ino
            process = self.start("queue", "drop", "13")
            if number < rounds - 1:
                time.sleep(longest * (number + self.random.random()) / rounds)
            else:
                # However long it takes today: one dies when the new one is in its place.
                self.wait_for(lambda: self.data.stat().st_ino != old, what="the new format")
            process.kill()
            self.finish(process)
            # What is in its place is one of the two, and whole.
            code = self.ossync("log", "verify", code=(0, 12)).code
            formats.add(code)
            if code == 12:
                self.assertEqual(self.data.read_bytes(), self.bytes)
            self.ossync("queue", "drop", "80")
            self.assertEqual(list(self.store.glob("log.*")), [])
            self.ossync("log", "verify", "--against", head[1])
        self.assertEqual(formats, {0, 12}, "some kills came before, and some after")

    def test_what_a_killed_upgrade_left_is_removed(self):
        # Half made.
        left = self.store / "log.new-format"
        left.mkdir()
        (left / "data.mdb").write_bytes(self.bytes[:10_000])
        self.assertIn("raised from", self.ossync("queue", "drop", "13").err)
        self.assertFalse(left.exists())
        # Exchanged, and the old one still there.
        shutil.copytree(self.log, left)
        (left / "data.mdb").write_bytes(self.bytes)
        self.assertNotIn("raised from", self.ossync("queue", "drop", "80").err)
        self.assertFalse(left.exists())
        self.assertEqual(self.verify()["problems"], 0)

    def test_without_room_it_stays_as_it_was(self):
        result = self.finish(self.start("sync", limits={"FSIZE": 100_000}))
        self.assertEqual(result.code, 1, str(result))
        self.assert_one_clear_line(result, "store/log", "file system")
        self.assert_untouched()
        self.ossync("sync", code=3)


class Format1(BeforeTheFirst, Case):
    FIXTURE, PORT = "format-1.mdb.xz", 21571


class Format1AtFirst(BeforeTheFirst, Case):
    """As the first documented layout was: core rows are checked without their stream."""

    FIXTURE, PORT = "format-1-first.mdb.xz", 21572
