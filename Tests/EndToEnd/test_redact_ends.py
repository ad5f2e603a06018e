"""A redaction that is killed, or fails, is told until it is finished, and nothing comes back."""

import errno
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from harness import QUICK
from lmdb_pages import Values
from test_redact import Redactions

SOURCE = pathlib.Path(__file__).with_name("disturb.c")
KEPT = "isn't finished"


class Disturbed(Redactions):
    """A store whose archive has a segment, and one beyond it that overlaps it."""

    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.mkdtemp(prefix="ossync-disturb-")
        cls.addClassCleanup(shutil.rmtree, cls.place)
        cls.library = f"{cls.place}/disturb.so"
        compiler = shutil.which("clang") or "cc"
        subprocess.run(
            [compiler, "-O1", "-shared", "-fPIC", "-o", cls.library, str(SOURCE)], check=True)

    def setUp(self):
        super().setUp()
        server = self.ready_store(120)
        server.touch(20)
        self.sync("--mode", "full")
        server.stop()
        self.plain = self.folder / "plain"
        shutil.copytree(self.store, self.plain)
        self.positions = set(self.redact(20, "--dry-run").last["positions"])
        self.assertEqual(len(self.positions), 4)
        self.parts = self.values(self.store / "log/data.mdb", self.positions)
        self.compact("now")
        wide, = (self.store / "archive").iterdir()
        self.old = self.folder / "old"
        self.old.mkdir()
        os.rename(wide, self.old / wide.name)
        self.wide = wide.name
        shutil.rmtree(self.store)
        shutil.copytree(self.plain, self.store)
        self.compact(f"@{sorted(self.positions)[2]}")
        self.narrow, = (path.name for path in (self.store / "archive").iterdir())

    def compact(self, point, **options):
        return self.ossync("log", "compact", "--json", f"--before={point}", **options)

    def put_back(self, name, place=None):
        """Puts a copy of before where a segment was, or beside it."""
        target = (place or self.store / "archive") / name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.old / name, target)

    def keep(self):
        """What is there now is begun with again."""
        shutil.copytree(self.store, self.folder / "good")

    def fresh(self):
        shutil.rmtree(self.store)
        shutil.copytree(self.folder / "good", self.store)

    def disturbed(self, *arguments, **how):
        env = {f"DISTURB_{name.upper()}": str(value) for name, value in how.items()}
        process = self.start(*arguments, env={"LD_PRELOAD": self.library, **env})
        return self.finish(process)

    def redact_disturbed(self, target=20, **how):
        return self.disturbed(
            "log", "redact", target, "--reason", "asked for", "--json", **how)

    def unfinished(self):
        return self.status()["unfinishedRedaction"]

    def assert_clean(self):
        self.assert_nowhere(self.parts)
        self.assertIsNone(self.unfinished())
        left = [path for path in self.store.rglob("*") if ".new" in path.name
                or path.name.endswith(".filling")]
        self.assertEqual(left, [])
        self.assertEqual(self.verify()["exitCode"], 0)
        record = self.show(20)
        self.assertIsNone(record["header"])
        self.assertIsNone(record["detail"])

    def cut(self):
        """A redaction that is killed after its event, before any file is clean."""
        first = self.calls_before_event() + 1
        for number in range(first, first + 10):
            self.fresh()
            self.assertEqual(self.redact_disturbed(kill=number).code, -9)
            if self.unfinished():
                return
        self.fail("it was never killed behind its event")

    def calls_before_event(self):
        """How many calls come before the event is in the log."""
        low, high = 0, 400
        while low + 1 < high:
            middle = (low + high) // 2
            self.fresh()
            result = self.redact_disturbed(kill=middle)
            if result.code == 0 or self.events()[-1]["event"] == "Redacted":
                high = middle
            else:
                low = middle
        return low


class Killed(Disturbed):
    def test_at_every_call_and_run_again(self):
        self.put_back(self.wide)
        self.keep()
        tell = self.folder / "tell"
        self.assertEqual(self.redact_disturbed(tell=tell).code, 0)
        self.assert_clean()
        calls = int(tell.read_text())
        numbers = range(1, calls + 1)
        if QUICK:
            numbers = sorted(self.random.sample(numbers, 15))
        states = set()
        for number in numbers:
            self.fresh()
            with self.subTest(call=number, of=calls):
                self.assertEqual(self.redact_disturbed(kill=number).code, -9)
                redacted = self.events()[-1]["event"] == "Redacted"
                unfinished = self.unfinished()
                states.add((redacted, unfinished is not None))
                if redacted:
                    # Nobody is shown what is on its way out.
                    self.assertIsNone(self.show(20)["header"])
                if unfinished:
                    self.assertTrue(redacted)
                    self.assertEqual(self.ossync("log", "verify", code=12).code, 12)
                elif redacted:
                    self.assert_nowhere(self.parts)
                again = self.random.choice((
                    lambda: self.redact(20), lambda: self.redact(21),
                    lambda: self.compact("@1")) if unfinished else (lambda: self.redact(20),))
                again()
                self.assert_clean()
        self.assertIn((False, False), states)
        self.assertIn((True, True), states)

    def test_it_is_told_until_it_is_finished(self):
        self.ossync("projections", "drop", "os", code=None)
        self.keep()
        self.cut()
        self.assertIn("ossync log redact 20", self.unfinished()["next"])
        self.assertEqual(self.unfinished()["position"], self.events()[-1]["position"])
        self.assertIn(KEPT, self.ossync("status").out)
        self.assertIn(KEPT, self.ossync("doctor", "--offline", code=1).out)
        found = self.ossync("log", "verify", "--json", code=12)
        self.assertEqual(
            [one["part"] for one in found.objects if one["type"] == "problem"], ["redaction"])
        self.assertIn("log redact", found.last["next"])
        # A table that is made now has nothing of it.
        self.assertIsNone(self.show(20)["header"])
        self.ossync("projections", "rebuild", "os")
        line, = (line for line in self.ossync("export", "csv").out.splitlines()
                 if line.startswith("20,"))
        self.assertTrue(line.startswith("20,,,"), line)
        refused = self.ossync("backup", self.folder / "backup", code=1)
        self.assert_one_clear_line(refused, KEPT, "no backup was made")
        self.assertFalse((self.folder / "backup").exists())
        self.assertIn(KEPT, self.compact("@1").err)
        self.assert_clean()
        self.ossync("backup", self.folder / "backup")

    def test_salvage_has_nothing_of_it(self):
        self.keep()
        self.cut()
        self.ossync("log", "salvage", self.folder / "saved")
        self.store = self.folder / "saved"
        self.assert_nowhere(self.parts)
        self.ossync("log", "verify", "--store", self.store)


class PutBack(Disturbed):
    def test_a_segment_of_before_is_found_and_cleaned(self):
        self.redact(20)
        self.assert_clean()
        self.compact("now")
        for name in (self.narrow, self.wide):
            shutil.copytree(self.plain, self.folder / "other")
            self.ossync(
                "log", "compact", f"--before=@{int(name.split('-')[1]) + 1}", "--store",
                self.folder / "other")
            shutil.rmtree(self.old)
            os.rename(self.folder / "other/archive", self.old)
            shutil.rmtree(self.folder / "other")
            self.put_back(name)
            found = self.ossync("log", "verify", "--json", code=12)
            problems = [one for one in found.objects if one["type"] == "problem"]
            self.assertEqual({one["part"] for one in problems}, {"redaction"})
            self.assertIn(f"segment {name}", problems[0]["message"])
            self.assertIn("log redact 20", problems[0]["message"])
            self.assertIn(problems[0]["position"], self.positions)
            # What is salvaged has it in no page.
            told = self.ossync("log", "salvage", "--json", self.folder / "saved").last
            # Of segments that overlap only one is read.
            self.assertIn(told["redactedAgain"], (0, len(self.positions)) if name == self.wide
                          else range(1, len(self.positions)))
            store, self.store = self.store, self.folder / "saved"
            self.assert_nowhere(self.parts)
            self.store = store
            shutil.rmtree(self.folder / "saved")
            self.redact(20)
            self.assert_clean()

    def test_what_a_killed_compaction_copied_before_does_not_come_back(self):
        self.put_back(self.wide)
        self.redact(20)
        self.assert_clean()
        # Somebody puts it back once more before it is gone on with.
        self.put_back(self.wide)
        self.compact("@1")
        record = self.show(20)
        self.assertIsNone(record["header"])
        self.assertIsNone(record["detail"])
        self.ossync("log", "verify", code=(0, 12))
        self.redact(20)
        self.assert_clean()


class Failed(Disturbed):
    def test_where_names_cannot_be_exchanged_nothing_is_changed(self):
        end = self.status()["position"]
        result = self.redact_disturbed(fail=f"renameat2:1:{errno.EINVAL}")
        self.assertEqual(result.code, 1, str(result))
        self.assert_one_clear_line(result, "nothing was changed", "exchange", self.narrow)
        self.assertEqual(self.status()["position"], end)
        self.assertIsNotNone(self.show(20)["header"])
        self.ossync("log", "verify")

    def test_all_that_fails_is_named_and_the_same_finishes_it(self):
        self.put_back(self.wide)
        # The three of the trial are let through.
        result = self.redact_disturbed(fail=f"renameat2:4:{errno.EIO}")
        self.assertEqual(result.code, 1, str(result))
        for word in (self.narrow, self.wide, "store/log", "free pages", "the same command"):
            self.assertIn(word, result.err)
        self.assertIsNotNone(self.unfinished())
        self.assertIsNone(self.show(20)["header"])
        self.redact(20)
        self.assert_clean()

    def test_what_was_left_under_the_number_of_a_living_process_is_removed(self):
        left = [self.store / f"log.new-{os.getpid()}", self.store / "log.new-1",
                self.store / f"archive/{self.narrow}.new-1"]
        for path in left:
            path.mkdir()
            (path / "data.mdb").write_bytes(b"texts")
        self.redact(20)
        self.assert_clean()

    def parts_of_problems(self):
        found = self.ossync("log", "verify", "--json", code=12)
        return {one["part"] for one in found.objects if one["type"] == "problem"}

    def spoil(self, path, position):
        values = Values(path)
        found, = ((at, size) for key, at, size in values.named("events")
                  if int.from_bytes(key, "big") == position)
        data = bytearray(path.read_bytes())
        data[found[0] + found[1] - 1] ^= 4
        path.write_bytes(data)

    def test_a_damaged_event_keeps_no_other_from_being_redacted(self):
        other = self.show(119)["detailPosition"]
        self.assertNotIn(other, self.positions)
        path = self.store / "log/data.mdb"
        if other < int(self.narrow.split("-")[1]):
            path = self.store / "archive" / self.narrow / "data.mdb"
        self.spoil(path, other)
        result = self.redact(20, code=12)
        self.assertEqual(result.last["exitCode"], 12)
        self.assertIn(f"@{other} could not be read", result.err)
        self.assertIn(path.parent.name, result.err)
        self.assertIn("salvage", result.err)
        self.assert_nowhere(self.parts)
        self.assertEqual(self.parts_of_problems(), {"events"})
        self.assertIn(f"@{other}", self.redact(20, code=12).err)

    def test_a_named_event_that_is_damaged_since_is_told_with_its_segment(self):
        self.redact(20)
        first = min(self.positions)
        self.spoil(self.store / "archive" / self.narrow / "data.mdb", first)
        result = self.redact(21, code=12)
        self.assertIn(self.narrow, result.err)
        self.assertIn(f"position {first}", result.err)
        self.assertEqual(result.err.count("restore"), 1, result.err)
        self.assertEqual(self.parts_of_problems(), {"events", "redaction"})

    def test_the_backups_are_named_by_a_trial_and_again_for_a_position(self):
        self.ossync("backup", self.folder / "one")
        target = f"@{self.show(20)['detailPosition']}"
        told = self.redact(target, "--dry-run").last
        self.assertEqual(len(told["backups"]), 1)
        self.assertIsNone(told["event"])
        done = self.redact(target).last
        self.ossync("backup", self.folder / "two")
        again = self.redact(target).last
        self.assertEqual(again["positions"], [])
        self.assertEqual(again["event"], done["event"])
        self.assertEqual(again["backups"], done["backups"])
        self.assertEqual(len(done["backups"]), 1)
        self.assertEqual(self.redact(target, "--dry-run").last["backups"], done["backups"])


class AtTheSameTime(Disturbed):
    def refused(self, result):
        self.assertEqual(result.code, 1, str(result))
        self.assert_one_clear_line(result, "no backup was made")

    def has_text(self, folder):
        return any(
            part[64:] in path.read_bytes() for path in folder.rglob("*") if path.is_file()
            for part in self.parts.values())

    def test_a_backup_is_named_or_given_up(self):
        self.keep()
        place = self.folder / "backup"
        outcomes = set()
        begun = time.monotonic()
        self.ossync("backup", place)
        longest = time.monotonic() - begun
        for number in range(4 if QUICK else 40):
            self.fresh()
            shutil.rmtree(place, ignore_errors=True)
            process = self.start("backup", place, "--json")
            time.sleep(self.random.uniform(0, longest) if number else 2 * longest)
            self.redact(20, code=(0, 11))
            result = self.finish(process)
            outcomes.add(result.code)
            again = self.redact(20).last
            self.assert_clean()
            if result.code != 0:
                self.refused(result)
                self.assertFalse(place.exists())
            elif self.has_text(place):
                self.assertEqual([one["isThere"] for one in again["backups"]], [True])
        self.assertIn(0, outcomes)

    def test_whoever_reads_never_sees_them_again(self):
        self.put_back(self.wide)
        process = self.start("log", "redact", "20", "--reason", "asked for")
        seen = []
        while process.poll() is None:
            seen.append(self.show(20)["header"] is None)
        self.assertEqual(self.finish(process).code, 0)
        self.assertEqual(seen, sorted(seen))
        self.assert_clean()
