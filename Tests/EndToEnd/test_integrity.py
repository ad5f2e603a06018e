"""`log verify` finds whatever isn't as it was written, and goes on after it was interrupted; `log
salvage` makes a store of what is whole."""

import concurrent.futures
import fcntl
import os
import pathlib
import shutil
import signal

from harness import QUICK, Case, children
from lmdb_pages import Values

VERIFY_CODES = (0, 2, 10, 12, 130, 143)


class Store(Case):
    """A store with some of everything in it."""

    def made(self, records=60):
        self.server = self.ready(records, "--poison", 7, list__paging__size=20)
        self.sync(code=3)
        self.ossync("queue", "drop", "7")
        self.data = self.store / "log/data.mdb"

    def check(self, *arguments, code=VERIFY_CODES):
        result = self.ossync("log", "verify", "--json", *arguments, code=code)
        self.assertEqual(result.last["type"], "summary", str(result))
        self.assertEqual(result.last["exitCode"], result.code)
        return result

    def parts(self, result):
        return {one["part"] for one in result.objects if one["type"] == "problem"}

    def salvage(self, name="salvaged", code=0, store=None):
        destination = self.folder / name
        result = self.ossync(
            "log", "salvage", destination, "--json", "--store", store or self.store, code=code)
        self.assertEqual(
            list(self.folder.glob(f"{name}.salvage-*")), [], f"it left something\n{result}")
        if result.code:
            self.assertFalse(destination.exists())
            return result
        self.assertEqual(self.ossync("log", "verify", "--store", destination).code, 0)
        return result

    def spoil(self, position, at=40):
        """Turns a bit of an event."""
        for key, offset, _ in Values(self.data).named("events"):
            if int.from_bytes(key, "big") == position:
                bytes_ = bytearray(self.data.read_bytes())
                bytes_[offset + at] ^= 1
                self.data.write_bytes(bytes_)


class Flips(Store):
    """A store in which each byte is another one, one after the other."""

    def setUp(self):
        super().setUp()
        self.made(8)
        self.server.stop()
        self.good = self.data.read_bytes()
        self.contents = Values(self.data).contents()

    def matters(self, path):
        """Whether a flip changed what is stored."""
        try:
            return Values(path).contents() != self.contents
        except Exception:  # whatever a page of rubbish leads to
            return True

    def flip(self, number, offset, mask):
        """What came of checking, and now and then of salvaging, a store with one flipped byte."""
        store = self.folder / f"flip-{number}"
        shutil.copytree(self.store, store)
        try:
            damaged = bytearray(self.good)
            damaged[offset] ^= mask
            path = store / "log/data.mdb"
            path.write_bytes(damaged)
            matters = self.matters(path)
            result = self.ossync("log", "verify", "--json", "--store", store, code=VERIFY_CODES)
            if matters and result.code != 12:
                return f"byte {offset}, mask {mask}: not found\n{result}"
            if result.last["type"] != "summary":
                return f"byte {offset}, mask {mask}: no summary\n{result}"
            if result.code == 12 and (QUICK or number % 64 == 0):
                self.salvage(f"salvaged-{number}", code=(0, 12), store=store)
                shutil.rmtree(self.folder / f"salvaged-{number}", ignore_errors=True)
        finally:
            shutil.rmtree(store)
        return None

    def test_each_flipped_byte_that_matters_is_found(self):
        live = Values(self.data).live()
        self.assertGreater(len(live), 3_000)
        picked = self.random.sample(live, 60) if QUICK else live
        masks = [1 << self.random.randrange(8) for _ in picked]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            try:
                for problem in pool.map(self.flip, range(len(picked)), picked, masks):
                    self.assertIsNone(problem)
            finally:
                pool.shutdown(cancel_futures=True)

    def test_scrambled_pages_are_found_and_what_is_before_them_is_saved(self):
        pages = range(2, len(self.good) // 4096)
        for number, page in enumerate(self.random.sample(pages, 8) if QUICK else pages):
            damaged = bytearray(self.good)
            damaged[page * 4096:page * 4096 + 4096] = self.random.randbytes(4096)
            self.data.write_bytes(damaged)
            with self.subTest(page=page):
                code = self.check().code
                self.assertIn(code, (12,) if self.matters(self.data) else (0, 12))
                before = self.data.read_bytes()
                self.salvage(f"page-{number}", code=(0, 12))
                self.assertEqual(self.data.read_bytes(), before)


class Verify(Store):
    def setUp(self):
        super().setUp()
        self.made()

    def test_a_sound_store_is_said_to_be(self):
        summary = self.check(code=0).last
        self.assertEqual(summary["events"], len(self.events()))
        self.assertEqual(summary["wholeUpTo"], summary["position"])
        self.assertTrue(summary["rowsCompared"])
        self.assertIsNone(summary["resumedFrom"])
        self.assertFalse((self.store / "verify").exists())
        self.assertIn("are as they were written", self.ossync("log", "verify").out)

    def test_damage_says_what_is_whole_and_which_command_copies_it(self):
        end = self.check(code=0).last["position"]
        self.spoil(end // 2)
        summary = self.check(code=12).last
        self.assertLess(summary["wholeUpTo"], end // 2)
        self.assertEqual(summary["end"], end)
        self.assertFalse(summary["rowsCompared"])
        self.assertIn("ossync log salvage DEST", summary["next"])
        text = self.ossync("log", "verify", code=12).out
        self.assertIn(f"whole up to position {summary['wholeUpTo']:,}", text)
        self.assertIn("ossync log salvage DEST", text)

    def test_a_row_that_is_sound_but_older_is_found(self):
        """Its checksum is right, and so are all counters and indexes."""
        old = {key: self.data.read_bytes()[at:at + size]
               for key, at, size in Values(self.data).named("records")}
        self.server.touch(5)
        self.sync("--mode", "full", code=(0, 3))
        values = Values(self.data)
        changed = bytearray(self.data.read_bytes())
        done = 0
        for key, at, size in values.named("records"):
            before = old[key]
            if len(before) == size and bytes(changed[at:at + size]) != before:
                changed[at:at + size] = before
                done += 1
        if not done:
            self.skipTest("the new row has another length")
        self.data.write_bytes(changed)
        result = self.check(code=12)
        self.assertEqual(self.parts(result), {"rows"})
        self.assertIn("another row than its events make", result.out)
        self.assertEqual(result.last["wholeUpTo"], result.last["position"])
        # The events have it all.
        self.salvage()

    # MARK: The head that was kept

    def test_a_head_of_before_is_found_in_the_log_that_went_on(self):
        before = self.check(code=0).last
        self.server.append(20)
        self.sync(code=(0, 3))
        head = before["head"]
        self.assertGreater(self.check("--against", head, code=0).last["position"],
                           before["position"])
        self.check("--against", f"{before['position']}:{head.upper()}", code=0)
        result = self.check("--against", f"{before['position'] + 1}:{head}", code=12)
        self.assertEqual(self.parts(result), {"head"})

    def test_a_log_that_was_cut_or_is_another_one_is_told(self):
        shutil.copytree(self.store, self.folder / "old")
        self.server.append(20)
        self.sync(code=(0, 3))
        now = self.check(code=0).last
        old = ("--store", self.folder / "old")
        result = self.check("--against", now["head"], *old, code=12)
        self.assertIn("not in this log's chain", result.out)
        result = self.check("--against", f"{now['position']}:{now['head']}", *old, code=12)
        self.assertIn("was cut", result.out)
        other = ("--store", self.folder / "other")
        self.sync(*other, code=3)
        self.assertEqual(self.check(*other, code=0).last["problems"], 0)
        self.check("--against", now["head"], *other, code=12)

    def test_text_that_is_no_head_is_a_usage_error(self):
        for text in ("", "12", "0" * 63, "g" * 64, "x:" + "0" * 64):
            result = self.ossync("log", "verify", "--against", text, code=2)
            self.assert_one_clear_line(result, "no head")

    # MARK: Projections

    def test_a_projection_that_is_damaged_is_told_and_may_be_deleted(self):
        self.ossync("export", "csv")
        self.assertGreaterEqual(self.check(code=0).last["projections"], 1)
        path = self.store / "projections/os-1/data.mdb"
        good = path.read_bytes()
        rows = Values(path).named("rows")
        for _ in range(3 if QUICK else 30):
            damaged = bytearray(good)
            _, at, size = self.random.choice(rows)
            damaged[at + self.random.randrange(size)] ^= 8
            path.write_bytes(damaged)
            result = self.check(code=12)
            self.assertEqual(self.parts(result), {"projection"})
            self.assertIn("projections rebuild", result.last["next"])
        for _ in range(3 if QUICK else 30):
            damaged = bytearray(good)
            page = self.random.randrange(2, len(good) // 4096)
            damaged[page * 4096:page * 4096 + 4096] = self.random.randbytes(4096)
            path.write_bytes(damaged)
            self.assertLessEqual(self.parts(self.check(code=(0, 12))), {"projection"})
        shutil.rmtree(self.store / "projections")
        self.assertEqual(self.check(code=0).last["projections"], 0)

    def test_a_projection_of_another_log_is_told_and_a_stale_one_is_not(self):
        self.ossync("export", "csv")
        tree = (self.folder / "ossync.yaml").read_text()
        self.write("ossync.yaml", tree.replace('"customer"', '"client"', 1))
        self.check(code=0)
        self.write("ossync.yaml", tree)
        self.sync("--store", self.folder / "other", code=3)
        shutil.rmtree(self.store / "log")
        shutil.copytree(self.folder / "other/log", self.store / "log")
        self.assertEqual(self.parts(self.check(code=12)), {"projection"})

    # MARK: Salvage

    def test_a_salvaged_store_goes_on_to_what_the_server_has(self):
        end = self.check(code=0).last["position"]
        self.spoil(end * 2 // 3)
        before = self.data.read_bytes()
        summary = self.salvage().last
        self.assertEqual(self.data.read_bytes(), before)
        self.assertLess(summary["position"], end * 2 // 3)
        lost = summary["lost"]
        self.assertEqual(lost["events"], end - summary["position"])
        self.assertEqual(lost["sound"], lost["events"] - 1)
        self.assertEqual(sum(lost["byEvent"].values()), lost["sound"])
        self.assertLess(lost["firstTime"], lost["lastTime"])
        self.configure(self.server.url, store="./salvaged", list__paging__size=20)
        self.store = self.folder / "salvaged"
        self.sync(code=(0, 3))
        self.sync("--mode", "full", code=(0, 3))
        self.assertEqual(self.check(code=0).last["problems"], 0)
        self.assertEqual(self.status()["records"]["total"], 60)

    def test_where_a_store_may_be_salvaged_to(self):
        self.spoil(30)
        (self.folder / "empty").mkdir()
        self.salvage("empty")
        (self.folder / "full").mkdir()
        (self.folder / "full/file").write_text("mine")
        (self.folder / "file").write_text("mine")
        for name in ("full", "file", "store/inside", "store"):
            result = self.ossync("log", "salvage", self.folder / name, code=2)
            self.assert_one_clear_line(result, name)
        self.ossync("log", "salvage", "new", "--store", self.folder / "nothing", code=10)
        self.assertEqual((self.folder / "full/file").read_text(), "mine")

    def test_nothing_is_made_of_nothing(self):
        self.spoil(1)
        result = self.salvage(code=12)
        self.assertIn("nothing can be salvaged", result.last["message"])
        self.data.write_bytes(b"rubbish" * 9_000)
        self.salvage(code=12)

    def test_what_a_killed_salvage_left_is_removed(self):
        self.spoil(30)
        # Whoever has its number now, it is nobody's who lives; the other one is.
        left, other = (self.folder / f"salvaged.salvage-{number}" for number in (os.getpid(), 1))
        for folder in (left, other):
            (folder / "log").mkdir(parents=True)
        descriptor = os.open(other, os.O_RDONLY)
        self.addCleanup(os.close, descriptor)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self.ossync("log", "salvage", "salvaged")
        self.assertFalse(left.exists())
        self.assertTrue(other.exists())


class Interrupted(Store):
    """A log that takes more than one stretch to be checked."""

    RECORDS = 10_000

    def setUp(self):
        super().setUp()
        server = self.ready(self.RECORDS, detail__batch__size=1, detail__concurrency=32)
        self.sync()
        server.stop()
        self.head = self.check(code=0).last["head"]

    def interrupted(self, number):
        """Starts a check and sends it a signal as soon as it is at work."""
        process = self.start("log", "verify", "--json")
        self.wait_for(
            lambda: (self.store / "verify").exists() or process.poll() is not None)
        process.send_signal(number)
        return self.finish(process)

    def test_it_goes_on_where_it_was_interrupted(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            for _ in range(20):
                result = self.interrupted(number)
                if result.code:
                    break
            self.assertEqual(result.code, 128 + number, str(result))
            self.assertEqual(result.last["type"], "summary")
            self.assertTrue(result.last["resumable"])
            position = result.last["position"]
            self.assertGreater(position, 0)
            summary = self.check(code=0).last
            self.assertEqual(summary["resumedFrom"], position)
            self.assertEqual(summary["head"], self.head)
            self.assertIsNotNone(summary["checkedSince"])
            self.assertFalse((self.store / "verify").exists())

    def test_restart_begins_anew(self):
        for _ in range(20):
            if self.interrupted(signal.SIGINT).code:
                break
        self.assertIsNone(self.check("--restart", code=0).last["resumedFrom"])

    def test_a_killed_check_does_no_harm(self):
        for _ in range(3 if QUICK else 20):
            self.assertIn(self.interrupted(signal.SIGKILL).code, (0, -9))
            self.assertEqual(self.check(code=0).last["head"], self.head)

    def test_a_check_whose_child_is_killed_is_no_verdict(self):
        for _ in range(20):
            process = self.start("log", "verify", "--json")
            self.wait_for(
                lambda: (self.store / "verify").exists() or process.poll() is not None)
            for child in children(process.pid):
                os.kill(child, signal.SIGKILL)
            result = self.finish(process)
            if result.code:
                break
        self.assertEqual(result.code, 12, str(result))
        self.assertIn("was killed", result.out)
        self.assertEqual(self.check(code=0).last["head"], self.head)
