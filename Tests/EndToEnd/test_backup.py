"""A backup is whole or isn't there, and a restore makes a store of it or leaves nothing."""

import json
import os
import shutil
import signal
import subprocess
import time

from harness import BINARY, QUICK, Case, children, is_running
from lmdb_pages import Values


class Backups(Case):
    def names(self, folder=None):
        return sorted(path.name for path in (folder or self.folder).iterdir())

    def backup(self, name, *arguments, **options):
        return self.ossync("backup", "--json", self.folder / name, *arguments, **options)

    def restore(self, name, store, *arguments, **options):
        return self.ossync(
            "restore", "--json", self.folder / name, "--store", self.folder / store, *arguments,
            **options)

    def assert_no_store(self, store="new"):
        """Nothing that a sync would take for a store, or for a part of one."""
        folder = self.folder / store
        left = self.names(folder) if folder.exists() else []
        self.assertLessEqual(set(left), {"lock", "logs", "backups"}, left)

    def assert_no_leftovers(self):
        left = [name for name in self.names() if "unfinished" in name]
        self.assertEqual(left, [])

    def spoil(self, path, offset, mask):
        data = bytearray(path.read_bytes())
        data[offset] ^= mask
        path.write_bytes(data)


class Whole(Backups):
    def test_what_is_restored_is_what_was_backed_up(self):
        server = self.ready(1_500)
        self.sync()
        before = self.status()
        made = self.backup("one").last
        self.assertEqual(made["type"], "summary")
        self.assertEqual(made["exitCode"], 0)
        self.assertTrue(made["noted"])
        self.assertEqual(made["head"], self.verify()["head"])
        manifest = json.loads((self.folder / "one/backup.json").read_text())
        for key in ("position", "head", "events", "bytes", "sha256", "createdAt"):
            self.assertEqual(manifest[key], made[key])
        self.assertEqual(manifest["bytes"], (self.folder / "one/log/data.mdb").stat().st_size)
        # It can be read where it is.
        in_place = self.ossync("status", "--json", "--store", self.folder / "one").last
        self.assertEqual(in_place, before)
        restored = self.restore("one", "new").last
        self.assertEqual(restored["exitCode"], 0)
        self.assertEqual(restored["position"], made["position"] + 1)
        self.assertEqual(restored["backup"]["position"], made["position"])
        self.assertIsNone(restored["firstRequestAt"])
        self.assert_no_leftovers()
        self.store = self.folder / "new"
        self.configure(server.url, store="./new")
        self.assertEqual(self.verify()["exitCode"], 0)
        self.assertEqual(self.status()["records"], before["records"])
        self.ossync("projections", "verify")
        server.append(20)
        self.assertEqual(self.sync()["records"]["new"], 20)
        self.assert_same_as_server(server, range(1, 1_521))

    def test_an_empty_store(self):
        self.ready(10)
        self.ossync("init")
        self.assertEqual(self.backup("one").last["position"], 0)
        self.restore("one", "new")
        self.assertEqual(
            self.ossync("log", "verify", "--json", "--store", self.folder / "new").last["events"],
            1)

    def test_the_store_knows_its_backups(self):
        self.ready(20)
        self.sync()
        self.assertEqual(self.ossync("backup", "--list", "--json").last["backups"], 0)
        self.backup("one")
        self.sync()
        self.backup("two")
        shutil.rmtree(self.folder / "one")
        listed = self.ossync("backup", "--list", "--json").objects
        self.assertEqual([line["type"] for line in listed], ["backup", "backup", "summary"])
        self.assertEqual([line["isThere"] for line in listed[:2]], [False, True])
        self.assertEqual(listed[1]["path"], str((self.folder / "two").resolve()))
        self.assertIn("not there any more", self.ossync("backup", "--list").out)
        self.restore("two", "new")
        listed = self.ossync(
            "backup", "--list", "--json", "--store", self.folder / "new").objects
        self.assertEqual(listed[0]["path"], str((self.folder / "two").resolve()))
        # Another one takes the place of a removed one.
        shutil.rmtree(self.folder / "two")
        self.sync()
        self.backup("two")
        listed = self.ossync("backup", "--list", "--json").objects
        self.assertEqual([line["isThere"] for line in listed[:-1]], [False, False, True])

    def test_a_store_that_cannot_note_it_is_backed_up_all_the_same(self):
        self.ready(20)
        self.sync()
        (self.store / "backups").mkdir()
        made = self.backup("one")
        self.assertFalse(made.last["noted"])
        self.assert_one_clear_line(made, "can't note", "store/backups")
        self.restore("one", "new")

    def test_a_read_only_store(self):
        self.ready(200)
        self.sync()
        script = (
            'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" || exit 99; '
            'shift; exec "$@"')
        command = [
            "unshare", "--mount", "sh", "-c", script, "sh", str(self.store), BINARY, "backup",
            "--json", str(self.folder / "one")]
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment(), capture_output=True, timeout=60)
        if done.returncode in (1, 99) and b'"exitCode"' not in done.stdout:
            self.skipTest("mounting needs root")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertFalse(json.loads(done.stdout.splitlines()[-1])["noted"])
        self.restore("one", "new")
        self.assertEqual(
            self.ossync("status", "--json", "--store", self.folder / "new").last["records"],
            self.status()["records"])


class Hot(Backups):
    def test_backups_of_a_running_sync_go_on_to_the_end(self):
        records = 2_000
        server = self.ready(
            records, "--latency-ms", 10, list__paging__size=50, detail__concurrency=5)
        made = []
        number = 0
        while len(made) < (6 if QUICK else 30):
            sync = self.start("sync", "--json")
            self.wait_for((self.store / "log/data.mdb").exists)
            while sync.poll() is None:
                number += 1
                summary = self.backup(f"b{number}").last
                made.append((f"b{number}", summary))
                time.sleep(self.random.uniform(0, 0.2))
            self.assertEqual(self.finish(sync).code, 0)
            server.append(500)
            records += 500
        self.sync()
        self.assertEqual(self.verify()["exitCode"], 0)
        positions = [summary["position"] for _, summary in made]
        self.assertEqual(positions, sorted(positions))
        self.assertGreater(len(set(positions)), 2, "no two backups were made of one sync")
        for name, summary in self.random.sample(made, 4 if QUICK else len(made)):
            with self.subTest(position=summary["position"]):
                store = "restored-" + name
                self.restore(name, store)
                self.configure(
                    server.url, store=f"./{store}", list__paging__size=50)
                self.assertEqual(self.verify()["exitCode"], 0)
                self.ossync("projections", "verify")
                # The list has grown since the pass began that it goes on with.
                self.sync(code=(0, 3))
                self.sync()
                self.assert_same_as_server(server, range(1, records + 1))
                self.assertEqual(self.verify()["exitCode"], 0)

    def test_the_limits_hold_across_a_restore(self):
        """The restored store doesn't know what was sent after the backup was made."""
        windows = [{"name": "w", "requests": 20, "seconds": 2}]
        server = self.ready(
            1_000, "--latency-ms", 1, rateLimits__windows=windows,
            rateLimits__deliveryBoundMs=1_000)
        sync = self.start("sync", "--json")
        self.wait_for(lambda: sum(server.counts()) >= 15, what="the first window")
        self.backup("one")
        seen = sum(server.counts())
        self.wait_for(lambda: sum(server.counts()) >= seen + 8, what="the next requests")
        sync.kill()
        self.finish(sync)
        restored = self.restore("one", "new").last
        self.assertIsNotNone(restored["firstRequestAt"])
        self.configure(
            server.url, store="./new", rateLimits__windows=windows,
            rateLimits__deliveryBoundMs=1_000)
        waiting = self.status()["rateLimit"]["unknownUntil"]
        self.assertEqual(waiting, restored["firstRequestAt"])
        self.sync("--max-duration", "8s", code=(0, 5))
        self.assertGreater(sum(server.counts()), seen + 9)
        self.assertLessEqual(server.arrivals(2)["window"]["maximumArrivals"], 20)


class Refused(Backups):
    def setUp(self):
        super().setUp()
        self.ready(20)

    def refused(self, result, *words, code=2):
        self.assertEqual(result.code, code, str(result))
        self.assertEqual(result.last["exitCode"], code)
        self.assert_one_clear_line(result, *words)

    def test_places_where_no_backup_can_be_made(self):
        self.refused(self.backup("one", code=None), "no store", code=10)
        self.sync()
        full = self.folder / "full"
        full.mkdir()
        (full / "mine").write_text("mine")
        self.refused(self.backup("full", code=None), "not empty")
        self.assertEqual(self.names(full), ["mine"])
        self.write("file", "mine")
        self.refused(self.backup("file", code=None), "no folder")
        self.refused(self.backup("store/b", code=None), "within the store")
        self.refused(self.backup("absent/b", code=None), "there is no folder")
        self.refused(self.ossync("backup", "--json", code=None), "name the folder")
        self.refused(
            self.ossync("backup", "--list", "one", "--json", code=None), "makes no backup")
        self.assertEqual(self.names(), ["file", "full", "ossync.yaml", "store"])
        self.assertEqual(self.ossync("backup", "--list", "--json").last["backups"], 0)

    def test_nothing_writes_to_a_backup(self):
        self.sync()
        self.backup("one")
        good = (self.folder / "one/log/data.mdb").read_bytes()
        for arguments in (["sync"], ["health"], ["queue", "retry", "1"], ["queue", "drop", "1"]):
            with self.subTest(arguments=arguments):
                self.refused(
                    self.ossync(
                        *arguments, "--json", "--store", self.folder / "one", code=None),
                    "backup", "ossync restore")
        self.assertEqual((self.folder / "one/log/data.mdb").read_bytes(), good)
        self.ossync("export", "ndjson", "--store", self.folder / "one")
        self.restore("one", "new")

    def test_a_restore_overwrites_nothing(self):
        self.sync()
        self.backup("one")
        good = (self.store / "log/data.mdb").read_bytes()
        self.refused(self.restore("one", "store", code=None), "never overwritten")
        self.refused(self.restore("one", "one", code=None), "never overwritten")
        other = self.folder / "other"
        other.mkdir()
        (other / "mine").write_text("mine")
        self.refused(self.restore("one", "other", code=None), "is not an ossync store")
        self.assertEqual(self.names(other), ["mine"])
        self.refused(self.restore("absent", "new", code=None), "no such folder")
        self.refused(self.restore("other", "new", code=None), "not a backup")
        self.refused(self.restore("store", "new", code=None), "not a backup")
        self.assertFalse((self.folder / "new").exists())
        self.assertEqual((self.store / "log/data.mdb").read_bytes(), good)

    def test_a_newer_backup_is_refused_by_name(self):
        self.sync()
        self.backup("one")
        manifest = self.folder / "one/backup.json"
        manifest.write_text(manifest.read_text().replace('"v": 1', '"v": 2'))
        self.refused(self.restore("one", "new", code=None), "later ossync", code=12)

    def test_a_restore_into_a_store_that_is_locked(self):
        self.sync()
        self.backup("one")
        slow = self.demo("--records", 5, "--latency-ms", 3_000)
        self.configure(slow.url, store="./new")
        (self.folder / "new").mkdir()
        sync = self.start("sync", "--json")
        self.wait_for((self.folder / "new/lock").exists)
        # Locked at first, and then there is a store.
        self.restore("one", "new", code=(2, 11))
        sync.kill()
        self.finish(sync)


class Killed(Backups):
    ROUNDS = 12 if QUICK else 100

    def setUp(self):
        super().setUp()
        server = self.ready(4_000, detail__batch={"size": 500, "join": ","})
        self.sync()
        server.stop()
        self.head = self.verify()["head"]

    def kill_at(self, seconds, *arguments):
        process = self.start(*arguments)
        time.sleep(seconds)
        process.kill()
        return self.finish(process).code == -9

    def duration(self, *arguments):
        begun = time.monotonic()
        self.ossync(*arguments)
        return time.monotonic() - begun

    def test_a_backup(self):
        one = self.folder / "one"
        longest = self.duration("backup", one)
        self.assertGreater(self.killed_backups(one, longest), 0)
        if one.exists():
            shutil.rmtree(one)
        self.assertEqual(self.backup("one").last["head"], self.head)
        self.assert_no_leftovers()

    def killed_backups(self, one, longest):
        killed = 0
        for _ in range(self.ROUNDS):
            shutil.rmtree(one, ignore_errors=True)
            killed += self.kill_at(self.random.uniform(0, longest), "backup", one)
            if one.exists():
                found = self.ossync("log", "verify", "--json", "--store", one).last
                self.assertEqual(found["head"], self.head)
                shutil.rmtree(self.folder / "new", ignore_errors=True)
                self.restore("one", "new")
        return killed

    def test_the_check_of_a_killed_restore_ends_with_it(self):
        self.backup("one")
        for _ in range(50):
            shutil.rmtree(self.folder / "new", ignore_errors=True)
            process = self.start("restore", self.folder / "one", "--store", self.folder / "new")
            checks = self.wait_for(
                lambda: self.held_check(process.pid) or process.poll() is not None)
            process.kill()
            if self.finish(process).code == -9:
                break
        self.restore("one", "new")
        self.wait_for(lambda: not any(map(is_running, checks)), what="the end of the check")

    def held_check(self, process):
        """A check that a process has started, and that has started one: stopped, and both."""
        for child in children(process):
            if reader := children(child):
                os.kill(child, signal.SIGSTOP)
                self.addCleanup(lambda: is_running(child) and os.kill(child, signal.SIGKILL))
                return [child, *reader]
        return []

    def test_a_restore(self):
        self.backup("one")
        new = self.folder / "new"
        arguments = ["restore", self.folder / "one", "--store", new]
        longest = self.duration(*arguments)
        killed = 0
        for _ in range(self.ROUNDS):
            shutil.rmtree(new)
            new.mkdir()
            killed += self.kill_at(self.random.uniform(0, longest), *arguments)
            result = self.ossync("log", "verify", "--json", "--store", new, code=(0, 10))
            if result.code == 0:
                # The backup's events, and the one that says that it was restored.
                self.assertEqual(
                    [line["event"] for line in self.ossync(
                        "log", "show", "--json", "--reverse", "--limit", "1", "--store",
                        new).objects], ["ClockAnchored"])
                continue
            # Goes on as if nothing had been there.
            self.ossync(*arguments)
            self.assertFalse((new / "restoring").exists())
        self.assertGreater(killed, 0)

    def test_what_a_killed_restore_left_is_removed_by_a_sync(self):
        server = self.ready(20, store="./new")
        left = self.folder / "new/restoring/log"
        left.mkdir(parents=True)
        (left / "data.mdb").write_bytes(b"half")
        self.assertEqual(self.ossync("status", "--json", code=10).last["exitCode"], 10)
        self.sync()
        self.assertFalse((self.folder / "new/restoring").exists())
        self.assert_same_as_server(server, range(1, 21))

    def test_a_signal_leaves_nothing(self):
        one = self.folder / "one"
        longest = self.duration("backup", self.folder / "zero")
        codes = set()
        for number in (signal.SIGINT, signal.SIGTERM):
            for _ in range(self.ROUNDS):
                shutil.rmtree(one, ignore_errors=True)
                process = self.start("backup", one, "--json")
                time.sleep(self.random.uniform(0, longest))
                process.send_signal(number)
                result = self.finish(process)
                self.assertIn(result.code, (0, 128 + number, -number), str(result))
                codes.add(result.code)
                self.assertEqual(one.exists(), result.code == 0)
                self.assert_no_leftovers()
        self.assertTrue(codes & {130, 143}, codes)


class NoRoom(Backups):
    def run_with_room(self, room, *arguments):
        return self.finish(self.start(*arguments, limits={"FSIZE": room}))

    def test_nothing_is_left(self):
        self.ready(2_000)
        self.sync()
        size = (self.store / "log/data.mdb").stat().st_size
        for room in (10_000, size // 2):
            result = self.run_with_room(room, "backup", "--json", self.folder / "one")
            self.assertEqual(result.code, 1, str(result))
            self.assert_one_clear_line(result, "one", "free some space")
            self.assertEqual(self.names(), ["ossync.yaml", "store"])
        self.backup("one")
        for room in (10_000, (self.folder / "one/log/data.mdb").stat().st_size // 2):
            result = self.run_with_room(
                room, "restore", "--json", self.folder / "one", "--store", self.folder / "new")
            self.assertEqual(result.code, 1, str(result))
            self.assert_one_clear_line(result, "new", "free some space")
            self.assert_no_store()
        self.restore("one", "new")


class Damaged(Backups):
    def setUp(self):
        super().setUp()
        server = self.ready(1_000, list__paging__size=100, detail__batch={"size": 50, "join": ","})
        self.sync()
        server.stop()
        self.data = self.store / "log/data.mdb"
        self.good = self.data.read_bytes()

    def test_a_damaged_event_of_the_store_is_found(self):
        self.backup("older")
        older = (self.folder / "older/log/data.mdb").read_bytes()
        events = Values(self.data).named("events")
        for key, offset, size in self.random.sample(events, 5 if QUICK else 40):
            self.data.write_bytes(self.good)
            self.spoil(self.data, offset + self.random.randrange(size), 0x10)
            result = self.backup("one", code=12)
            self.assertEqual(result.last["exitCode"], 12)
            position = int.from_bytes(key, "big")
            self.assert_one_clear_line(result, f"position {position}", "no backup was made")
            self.assertEqual(self.names(), ["older", "ossync.yaml", "store"])
        self.assertEqual((self.folder / "older/log/data.mdb").read_bytes(), older)

    def test_a_store_with_scrambled_pages_gives_a_whole_backup_or_none(self):
        codes = []
        for _ in range(15 if QUICK else 150):
            damaged = bytearray(self.good)
            page = self.random.randrange(len(damaged) // 4096) * 4096
            damaged[page:page + 4096] = self.random.randbytes(4096)
            self.data.write_bytes(damaged)
            result = self.backup("one", code=(0, 12))
            codes.append(result.code)
            self.assert_no_leftovers()
            self.assertEqual((self.folder / "one").exists(), result.code == 0)
            if result.code == 0:
                self.data.write_bytes(self.good)
                self.ossync("log", "verify", "--store", self.folder / "one")
                shutil.rmtree(self.folder / "one")
        self.assertIn(12, codes)

    def test_a_truncated_store_is_refused(self):
        for length in (len(self.good) // 2, 8_192, 100, 0):
            self.data.write_bytes(self.good[:length])
            self.backup("one", code=12)
            self.assertEqual(self.names(), ["ossync.yaml", "store"])

    def test_a_damaged_backup_is_not_restored(self):
        self.backup("one")
        data = self.folder / "one/log/data.mdb"
        good = data.read_bytes()
        for _ in range(10 if QUICK else 60):
            data.write_bytes(good)
            self.spoil(data, self.random.randrange(len(good)), 1 << self.random.randrange(8))
            result = self.restore("one", "new", code=12)
            self.assert_one_clear_line(result, "data.mdb", "nothing was restored")
            self.assertFalse((self.folder / "new").exists())
        for length in (0, 1, len(good) - 1):
            data.write_bytes(good[:length])
            self.restore("one", "new", code=12)
        data.unlink()
        self.restore("one", "new", code=12)
        self.assertFalse((self.folder / "new").exists())
        data.write_bytes(good)
        self.restore("one", "new")

    def test_a_manifest_that_says_otherwise_is_damage(self):
        made = self.backup("one").last
        manifest = self.folder / "one/backup.json"
        good = manifest.read_text()
        for old, new in (
                (made["head"], "0" * 64), (made["sha256"], "0" * 64),
                (f'"position": {made["position"]}', f'"position": {made["position"] - 1}'),
                (f'"bytes": {made["bytes"]}', f'"bytes": {made["bytes"] + 1}'),
                ('"type": "backup"', '"type": "other"'), (good, ""), (good, good[:-20])):
            with self.subTest(new=new[:40]):
                self.assertIn(old, good)
                manifest.write_text(good.replace(old, new))
                self.restore("one", "new", code=12)
                self.assert_no_store()
        manifest.write_text(good)
        self.restore("one", "new")
