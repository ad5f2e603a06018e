"""A compaction that is killed, or has no room, loses nothing; nor do backups with an archive."""

import json
import os
import shutil
import signal
import subprocess
import time

from harness import BINARY, QUICK, end
from test_archive import Archives


class Killed(Archives):
    RECORDS = 600

    def setUp(self):
        super().setUp()
        self.server.stop()
        self.text = self.log_text()

    def copy(self):
        """A fresh copy of the store, which is then that of the configuration."""
        shutil.rmtree(self.folder / "store")
        shutil.copytree(self.folder / "good", self.folder / "store")

    def left(self):
        """What a compaction that was ended may leave, once another one went through."""
        names = [name for name in self.names() if not name.replace("-", "").isdigit()]
        return names + [name for name in self.names(self.store) if ".new-" in name]

    def test_at_any_moment_and_run_again(self):
        os.rename(self.store, self.folder / "good")
        self.store.mkdir()
        self.copy()
        begun = time.monotonic()
        self.compact()
        longest = time.monotonic() - begun
        killed, states = 0, set()
        for number in range(10 if QUICK else 300):
            self.copy()
            for _ in range(self.random.choice((1, 1, 2))):
                process = self.start("log", "compact", f"--before=@{self.end * 2 // 3}")
                time.sleep(self.random.uniform(longest / 4, longest))
                process.kill()
                killed += self.finish(process).code == -9
            states.add((bool(self.names()), any("filling" in name for name in self.names())))
            self.assert_whole(self.text)
            if number % 2:
                # Somebody wants more moved than before.
                self.compact("now")
            else:
                self.compact()
            self.assert_whole(self.text)
            self.assertEqual(self.left(), [])
            self.assertLessEqual(len(self.names()), 2)
        self.assertGreater(killed, 0)
        self.assertGreater(len(states), 1, "all were killed at the same step")

    def test_as_soon_as_a_file_appears(self):
        os.rename(self.store, self.folder / "good")
        self.store.mkdir()
        seen = set()
        for watched in (".filling", "segment", ".new-") * (2 if QUICK else 20):
            self.copy()
            process = self.start("log", "compact", f"--before=@{self.end * 2 // 3}")

            def appeared():
                names = self.names()
                return process.poll() is not None or {
                    ".filling": any(name.endswith(".filling") for name in names),
                    "segment": any(name.replace("-", "").isdigit() for name in names),
                    ".new-": any(".new-" in name for name in self.names(self.store)),
                }[watched]

            until = time.monotonic() + 20
            while time.monotonic() < until and not appeared():
                pass
            process.kill()
            if self.finish(process).code == -9:
                seen.add(watched)
            self.assert_whole(self.text)
            self.compact()
            self.assert_whole(self.text)
            self.assertEqual(self.left(), [])
        self.assertTrue(seen)

    def test_a_signal_leaves_a_store_that_is_whole(self):
        os.rename(self.store, self.folder / "good")
        self.store.mkdir()
        for number in (signal.SIGINT, signal.SIGTERM):
            for _ in range(3 if QUICK else 20):
                self.copy()
                process = self.start("log", "compact", "--before=now")
                time.sleep(self.random.uniform(0.01, 0.1))
                process.send_signal(number)
                self.assertIn(self.finish(process).code, (0, 128 + number, -number))
                self.assertFalse(any("filling" in name for name in self.names()))
                self.assert_whole(self.text)

    def test_where_the_file_cannot_be_replaced_its_room_is_given_back_later(self):
        data = self.store / "log/data.mdb"
        size = data.stat().st_size
        # A mount point can't change places.
        script = 'mount --bind "$1" "$1" || exit 99; shift; exec "$@"'
        command = [
            "unshare", "--mount", "sh", "-c", script, "sh", str(self.store / "log"), BINARY,
            "log", "compact", "--before=now", "--json"]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment(), capture_output=True, timeout=60)
        if b'"type"' not in done.stdout:
            self.skipTest("mounting needs root")
        self.assertEqual(done.returncode, 0, done)
        self.assertIn(b"keeps its size", done.stderr)
        summary = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual(summary["archive"], self.names())
        self.assertIs(summary["replaced"], False)
        self.assertGreaterEqual(data.stat().st_size, size)
        self.assert_whole(self.text)
        # What one leaves that is killed while it copies.
        left = self.store / f"log.new-{self.gone()}"
        left.mkdir()
        (left / "data.mdb").write_bytes(b"half")
        summary = self.compact("@1").last
        self.assertEqual(summary["events"], 0)
        self.assertIs(summary["replaced"], True)
        self.assertLess(summary["logBytes"], summary["logBytesBefore"])
        self.assertLess(data.stat().st_size, size)
        self.assertEqual(self.left(), [])
        self.assert_whole(self.text)

    def gone(self):
        """The number of a process that is over."""
        process = self.start("status")
        self.finish(process)
        return process.pid


class NoRoom(Archives):
    RECORDS = 600

    def test_the_store_is_as_it_was(self):
        self.server.stop()
        text = self.log_text()
        data = self.store / "log/data.mdb"
        size = data.stat().st_size
        for room in (20_000, size // 4, size // 2):
            result = self.finish(
                self.start("log", "compact", "--json", "--before=now", limits={"FSIZE": room}))
            self.refused(result, "archive", "file system", code=1)
            self.assertEqual(self.names(), [])
            self.assertEqual(self.status()["position"], self.end)
            self.assert_whole(text)
        self.compact("now")
        self.assert_whole(text)

    # Run in namespaces of its own: a file system of so many bytes around the store.
    SMALL = (
        'mount -t tmpfs -o size="$1" none "$2" && cp -a "$3" "$2/store" || exit 99; '
        '"$4" log compact --json --before="$6" --store "$2/store" > "$5/out" 2> "$5/err"; '
        'echo $? > "$5/code"; cp -a "$2/store" "$5/store"')

    def test_a_file_system_that_is_full_at_any_step(self):
        self.server.stop()
        text = self.log_text()
        size = sum(path.stat().st_blocks * 512 for path in self.store.rglob("*"))
        place = self.folder / "place"
        place.mkdir()
        os.rename(self.store, self.folder / "good")
        codes = []
        for share in range(1, 6 if QUICK else 25):
            room = size + share * size // (4 if QUICK else 20)
            result = self.folder / f"result-{share}"
            result.mkdir()
            done = subprocess.run(
                ["unshare", "--mount", "sh", "-c", self.SMALL, "sh", str(room), str(place),
                 str(self.folder / "good"), BINARY, str(result), f"@{self.end // 3}"],
                env=self.environment(), cwd=self.folder, capture_output=True, timeout=60)
            if not (result / "code").exists():
                self.skipTest(f"mounting needs root: {done.stderr}")
            code = int((result / "code").read_text())
            codes.append(code)
            with self.subTest(room=room, code=code):
                self.assertIn(code, (0, 1), (result / "err").read_text())
                summary = json.loads((result / "out").read_text().splitlines()[-1])
                self.assertEqual(summary["exitCode"], code)
                shutil.rmtree(self.store, ignore_errors=True)
                os.rename(result / "store", self.store)
                self.assert_whole(text)
                self.compact(f"@{self.end // 3}")
                self.assert_whole(text)
                self.assertEqual(len(self.names()), 1)
        self.assertIn(1, codes)
        self.assertIn(0, codes)


class Backups(Archives):
    def setUp(self):
        super().setUp()
        self.text = self.log_text()
        self.compact(f"@{self.end // 3}")
        self.compact(f"@{self.end * 2 // 3}")

    def backup(self, *arguments, code=0):
        return self.ossync("backup", "--json", self.folder / "one", *arguments, code=code)

    def restore(self, store="new", code=0):
        return self.ossync(
            "restore", "--json", self.folder / "one", "--store", self.folder / store, code=code)

    def use(self, name):
        self.configure(self.server.url, store=f"./{name}", list__paging__size=20)
        self.store = self.folder / name
        self.archive = self.store / "archive"

    def test_a_restored_store_has_its_archive(self):
        made = self.backup().last
        self.assertFalse(made["withoutArchive"])
        self.assertEqual(sorted(one["name"] for one in made["archive"]), self.names())
        self.assertEqual(self.names(self.folder / "one"), ["archive", "backup.json", "log"])
        for name in self.names():
            self.assertEqual(self.names(self.folder / "one/archive" / name), ["data.mdb"])
        names = self.names()
        self.restore()
        self.use("new")
        self.assertEqual(self.names(), names)
        self.assert_whole(self.text)
        self.server.append(10)
        self.sync(code=(0, 3))
        self.compact("now")
        self.assert_whole(self.text)
        self.ossync("replay", "--verify")

    def test_without_its_archive(self):
        made = self.backup("--without-archive").last
        self.assertTrue(made["withoutArchive"])
        self.assertEqual(made["archive"], [])
        self.assertEqual(self.names(self.folder / "one"), ["backup.json", "log"])
        old = self.archive
        self.restore()
        self.use("new")
        self.assertFalse(self.archive.exists())
        self.server.append(10)
        self.sync(code=(0, 3))
        self.ossync("log", "verify", code=12)
        self.ossync("log", "verify", "--without-archive")
        # That of the old store is of its log, too.
        shutil.copytree(old, self.archive)
        self.assert_whole(self.text)

    def test_a_damaged_segment_of_a_backup(self):
        self.backup()
        for name in self.names():
            path = self.folder / "one/archive" / name / "data.mdb"
            good = path.read_bytes()
            for _ in range(4 if QUICK else 40):
                bytes_ = bytearray(good)
                bytes_[self.random.randrange(len(good))] ^= 1 << self.random.randrange(8)
                path.write_bytes(bytes_)
                self.refused(self.restore(code=12), name, "nothing was restored", code=12)
                self.assertFalse((self.folder / "new").exists())
            path.unlink()
            self.refused(self.restore(code=12), name, code=12)
            self.assertFalse((self.folder / "new").exists())
            path.write_bytes(good)
        self.restore()

    def test_an_archive_in_the_way_of_a_restore(self):
        self.backup()
        new = self.folder / "new"
        name = self.names()[0]
        shutil.copytree(self.archive / name, new / "archive" / name)
        self.refused(self.restore(code=2), "archive of another store", code=2)
        self.assertEqual(self.names(new), ["archive"])
        self.assertEqual(self.names(new / "archive"), [name])
        # Not even beside what a killed restore has left.
        (new / "restoring/log").mkdir(parents=True)
        (new / "restoring/log/data.mdb").write_bytes(b"half")
        self.refused(self.restore(code=2), "archive of another store", code=2)
        self.assertEqual(self.names(new / "archive"), [name])

    def half_restored(self):
        """As a restore leaves it that is killed between its last two steps."""
        self.restore()
        new = self.folder / "new"
        (new / "restoring").mkdir()
        os.rename(new / "log", new / "restoring/log")
        return new

    def test_a_restore_that_was_killed_between_archive_and_log(self):
        names = self.names()
        self.backup()
        new = self.half_restored()
        self.restore()
        self.assertEqual(self.names(new / "archive"), names)
        self.assertFalse((new / "restoring").exists())
        self.use("new")
        self.assert_whole(self.text)
        shutil.rmtree(new)
        self.half_restored()
        # A sync begins a store of its own, which knows no archive.
        self.sync(code=3)
        self.assertFalse(self.archive.exists())
        self.assertEqual(self.verify()["exitCode"], 0)

    def test_a_restore_that_is_killed(self):
        self.backup()
        new = self.folder / "new"
        begun = time.monotonic()
        self.restore()
        longest = time.monotonic() - begun
        killed = 0
        for _ in range(8 if QUICK else 100):
            shutil.rmtree(new)
            process = self.start("restore", self.folder / "one", "--store", new)
            time.sleep(self.random.uniform(0, longest))
            process.kill()
            killed += self.finish(process).code == -9
            if not (new / "log").exists():
                self.restore()
            self.assertEqual(self.names(new / "archive"), self.names())
            self.ossync("log", "verify", "--store", new)
        self.assertGreater(killed, 0)

    def test_backups_while_it_is_compacted(self):
        for number, share in enumerate((0.75, 0.9, 1)):
            process = self.start("log", "compact", f"--before=@{int(self.end * share)}")
            while True:
                is_over = process.poll() is not None
                self.backup()
                shutil.rmtree(self.folder / "new", ignore_errors=True)
                self.restore()
                self.ossync("log", "verify", "--store", self.folder / "new")
                shutil.rmtree(self.folder / "one")
                if is_over:
                    break
            self.assertEqual(self.finish(process).code, 0)
            self.assertEqual(len(self.names()), 3 + number)
