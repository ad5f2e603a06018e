"""What goes on without the archive, to the last of its events, and what says that it doesn't."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

from harness import BINARY, QUICK, Case, children, end
from lmdb_pages import Values
from test_archive import Archives


class Quiet(Archives):
    """All that the log had is in the archive, and nothing came since."""

    def setUp(self):
        super().setUp()
        self.text = self.log_text()

    def away(self):
        os.rename(self.archive, self.folder / "away")

    def back(self):
        os.rename(self.folder / "away", self.archive)

    def test_what_is_folded_of_it_stays_at_hand(self):
        self.compact("now")
        commands = [arguments.split() for arguments in (
            "status --json", "export csv", "projections list --json", "queue list --json",
            "runs --json", "log stats --json", "log show --json --event LogCompacted")]
        before = [self.ossync(*arguments).out for arguments in commands]
        self.away()
        for arguments, out in zip(commands, before):
            with self.subTest(arguments=arguments):
                result = self.ossync(*arguments)
                self.assertEqual(result.out, out)
                self.assertNotIn("archive", result.err)
        self.server.append(3)
        result = self.ossync("sync", "--json", code=(0, 3))
        self.assertNotIn("behind", result.err)
        self.assertEqual(self.status()["records"]["total"], self.RECORDS + 23)
        self.assertIn("LogCompacted", self.ossync("log", "tail", "-n", 100).out)
        self.back()
        self.assert_whole(self.text)
        self.ossync("projections", "verify")

    def test_projections_of_before_are_caught_up_first(self):
        # As they were long before: nobody has asked them since.
        shutil.rmtree(self.store / "projections")
        self.compact("now")
        self.away()
        self.assertEqual(self.status()["records"]["total"], self.RECORDS + 20)
        self.ossync("export", "csv")
        self.ossync("runs")

    def test_the_tail_is_what_is_there(self):
        self.compact("now")
        left = len(self.events("--from", f"@{self.end + 1}"))
        self.away()
        result = self.ossync("log", "tail", "--json", "-n", 500)
        self.assertEqual(len(result.objects), left)
        self.assert_one_clear_line(result, "older events", "put it back")
        out = self.folder / "followed"
        with out.open("wb") as file:
            process = self.start(
                "log", "tail", "--follow", "--json", "-n", 500, stdout=file)
            self.wait_for(lambda: out.read_bytes().count(b"\n") >= left)
            self.server.append(5)
            self.sync(code=(0, 3))
            last = self.status()["position"]
            self.wait_for(
                lambda: json.loads(out.read_bytes().splitlines()[-1])["position"] == last,
                what="the follower's last event")
        process.send_signal(signal.SIGINT)
        process.wait(20)

    def test_a_stretch_that_the_log_has_is_searched_in_it_alone(self):
        self.compact()
        made = int(self.names()[0].split("-")[1])
        stretch = ("--from", f"@{made + 1}", "--to", f"@{self.end}")
        searches = [
            ("--event", "DetailsFetched"), ("--record", "5"), ("--status", "2xx"),
            ("--event", "RequestIntended,PageFetched")]
        before = [self.ossync("log", "show", "--json", *one, *stretch).out for one in searches]
        self.assertTrue(all(before[:1] + before[3:]))
        self.away()
        for one, out in zip(searches, before):
            with self.subTest(search=one):
                self.assertEqual(self.ossync("log", "show", "--json", *one, *stretch).out, out)


class Many(Archives):
    """More segments than a process may have files open."""

    RECORDS = 400

    def setUp(self):
        super().setUp()
        self.server.stop()
        self.text = self.log_text()
        step = max(2, self.end // 90)
        for point in range(step, self.end, step):
            self.compact(f"@{point}")
        self.assertGreater(len(self.names()), 55)

    def test_they_take_no_more_than_few(self):
        shutil.rmtree(self.store / "projections")
        for limits in ({"NOFILE": 48}, {"AS": 600 << 30}):
            for arguments in (
                    "log show --json --to @{end}", "log show --reverse --json --to @{end}",
                    "log verify --json", "replay --verify --json", "projections rebuild os",
                    "history 5 --json", "log compact --before=now --json", "backup one --json"):
                with self.subTest(limits=limits, arguments=arguments):
                    words = arguments.format(end=self.end).split()
                    result = self.finish(self.start(*words, limits=limits))
                    self.assertEqual(result.code, 0, str(result))
                    if words[:2] == ["log", "show"] and "--reverse" not in words:
                        self.assertEqual(result.out, self.text)
            shutil.rmtree(self.folder / "one")

    def test_too_few_files_are_no_damage(self):
        codes = set()
        for files in range(8, 40, 4 if QUICK else 1):
            for arguments in ("log show --json --to @{end}", "history 5 --json"):
                words = arguments.format(end=self.end).split()
                result = self.finish(self.start(*words, limits={"NOFILE": files}))
                codes.add(result.code)
                if result.code in (126, 127, -6, 2):
                    continue
                with self.subTest(files=files, arguments=arguments):
                    self.assertIn(result.code, (0, 1), str(result))
                    self.assertNotIn("damaged", result.err)
                    self.assertNotIn("no segment holds", result.err)
        self.assertIn(0, codes)
        self.assertIn(1, codes)


class Found(Archives):
    """Segments that lie there and are not needed."""

    def setUp(self):
        super().setUp()
        self.text = self.log_text()
        shutil.copytree(self.store, self.folder / "good")

    def wide(self):
        """A segment of another moment: that of a copy of the store that was compacted further."""
        self.ossync(
            "log", "compact", "--before=now", "--store", self.folder / "good")
        name, = self.names(self.folder / "good/archive")
        return name, self.folder / "good/archive" / name

    def test_no_more_is_moved_than_was_asked_for(self):
        name, path = self.wide()
        self.compact(f"@{self.end // 3}")
        first, = self.names()
        shutil.copytree(path, self.archive / name)
        made = self.compact(f"@{self.end // 2}").last
        self.assertEqual(len(made["archive"]), 1)
        begin, last = map(int, made["archive"][0].split("-"))
        self.assertEqual(begin, int(first.split("-")[1]) + 1)
        self.assertLess(last, self.end // 2)
        self.assertEqual(made["events"], last - begin + 1)
        self.assert_whole(self.text)
        # Where that much is wanted, what is there serves, and the log says so.
        made = self.compact("now").last
        self.assertEqual(made["archive"][0], name)
        said = [one["data"] for one in self.events("--event", "LogCompacted")]
        self.assertIn(name, [one["archive"] for one in said])
        moved = self.end - last
        self.assertGreaterEqual(made["events"], moved)
        self.assertLess(made["events"], moved + 20)
        self.assert_whole(self.text)

    def test_what_was_not_checked_is_told(self):
        self.compact()
        name, path = self.wide()
        other = self.folder / "other"
        self.configure(self.server.url, store="./other", list__paging__size=7)
        self.sync(code=(0, 3))
        self.ossync("log", "compact", "--before=now")
        foreign, = self.names(other / "archive")
        self.configure(self.server.url, list__paging__size=20)
        shutil.copytree(other / "archive" / foreign, self.archive / foreign)
        (self.archive / "2-5").write_text("mine")
        result = self.ossync("log", "verify", "--json")
        told = result.last["unchecked"]
        self.assertEqual(len(told), 2)
        self.assertTrue(any(f"segment {foreign} " in text for text in told))
        self.assertTrue(any("no data.mdb" in text for text in told))
        self.assertIn(foreign, result.err)
        backup = self.ossync("backup", "--json", "one")
        copied = [one["name"] for one in backup.last["archive"]]
        self.assertNotIn(foreign, copied)
        self.assertNotIn("2-5", copied)
        self.assertIn(f"archive/{foreign} is not in the backup", backup.err)
        self.ossync("restore", "one", "--store", "new")
        self.ossync("log", "verify", "--store", "new")
        # A copy that is damaged where nobody reads it.
        shutil.rmtree(self.archive / foreign)
        (self.archive / "2-5").unlink()
        shutil.copytree(path, self.archive / name)
        self.ossync("log", "verify")

    def test_a_file_in_the_place_of_a_segment(self):
        self.compact()
        name, = self.names()
        os.rename(self.archive / name, self.folder / name)
        (self.archive / name).write_text("mine")
        self.refused(
            self.ossync("log", "show", "--json", code=12), name, "no data.mdb", code=12)


class Files(Archives):
    """Links, owners, and what can't be replaced."""

    def setUp(self):
        super().setUp()
        self.text = self.log_text()
        self.log = self.store / "log"

    def test_a_log_on_another_disk_stays_there(self):
        disk = self.folder / "disk"
        disk.mkdir()
        os.rename(self.log, disk / "here")
        self.log.symlink_to(disk / "here")
        size = (disk / "here/data.mdb").stat().st_size
        self.assertTrue(self.compact("now").last["replaced"])
        self.assertTrue(self.log.is_symlink())
        self.assertLess((disk / "here/data.mdb").stat().st_size, size)
        self.assertEqual(self.names(disk), ["here"])
        self.assert_whole(self.text)
        # What one left there that was killed.
        process = self.start("status")
        self.finish(process)
        left = disk / f"here.new-{process.pid}"
        left.mkdir()
        (left / "data.mdb").write_bytes(b"half")
        self.sync(code=(0, 3))
        self.assertEqual(self.names(disk), ["here"])

    def test_a_data_file_that_is_a_link_is_not_replaced(self):
        os.rename(self.log / "data.mdb", self.folder / "elsewhere")
        (self.log / "data.mdb").symlink_to(self.folder / "elsewhere")
        result = self.compact("now")
        self.assertFalse(result.last["replaced"])
        self.assertIn("it is a link", result.err)
        self.assertTrue((self.log / "data.mdb").is_symlink())
        self.assert_whole(self.text)

    def test_a_segment_on_another_disk_stays_there(self):
        self.compact()
        name, = self.names()
        os.rename(self.archive / name, self.folder / "elsewhere")
        (self.archive / name).symlink_to(self.folder / "elsewhere")
        self.ossync("log", "redact", "5", "--reason", "asked to")
        self.assertTrue((self.archive / name).is_symlink())
        self.ossync("log", "verify")

    def test_owner_and_mode_are_kept(self):
        if os.geteuid() != 0:
            self.skipTest("only root can give files away")
        for path in (self.store, *self.store.rglob("*")):
            os.chown(path, 4_711, 4_712)
        (self.log / "data.mdb").chmod(0o640)
        self.log.chmod(0o750)
        self.assertTrue(self.compact("now").last["replaced"])
        for path in (self.archive, self.archive / self.names()[0], self.log):
            info = path.stat()
            self.assertEqual(
                (info.st_uid, info.st_gid, info.st_mode & 0o777), (4_711, 4_712, 0o750), path)
            for file in path.glob("*.mdb"):
                info = file.stat()
                self.assertEqual(
                    (info.st_uid, info.st_gid, info.st_mode & 0o777), (4_711, 4_712, 0o640), file)
        self.assert_whole(self.text)


    def test_what_cannot_be_given_to_its_owner_is_not_made(self):
        if os.geteuid() != 0:
            self.skipTest("only root can give files away")
        self.compact(f"@{self.end // 2}")
        self.folder.chmod(0o777)
        for path in (self.store, *self.store.rglob("*")):
            os.chown(path, 4_711, 4_711)
            path.chmod(0o777 if path.is_dir() else 0o666)
        (self.folder / "ossync.yaml").chmod(0o644)

        def other():
            os.setgroups([])
            os.setgid(4_712)
            os.setuid(4_712)

        try:
            process = subprocess.Popen(
                [BINARY, "log", "compact", "--json", "--before=now"], cwd=self.folder,
                env=self.environment(), preexec_fn=other, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        except PermissionError:
            self.skipTest("others can't run the program")
        self.addCleanup(end, process)
        before = self.names()
        result = self.finish(process)
        self.refused(result, "belongs to user 4711", "as root", code=1)
        self.assertEqual(self.names(), before)
        self.assertEqual(len(self.events("--event", "LogCompacted")), 1)
        self.assert_whole(self.text)


class Large(Case):
    """A log whose events leave it in several batches."""

    RECORDS = 9_000

    def setUp(self):
        super().setUp()
        server = self.ready(self.RECORDS, detail__batch__size=1)
        self.sync(timeout=300)
        server.stop()
        self.end = self.status()["position"]
        self.archive = self.store / "archive"
        self.digest = self.log_digest()
        self.assertGreater(self.end, 16_384 + 1_000)

    def log_digest(self):
        return hash(self.ossync("log", "show", "--json", "--to", f"@{self.end}").out)

    def first_left(self):
        plan = self.ossync("log", "compact", "--dry-run", "--json", "--before=now").last
        return int(plan["archive"].split("-")[0]) if plan["archive"] else self.end + 1

    def kill_between_batches(self):
        """The first event that is still in the log; None where the last batch came too soon."""
        process = self.start("log", "compact", f"--before=@{self.end}")
        while not any(path.name.replace("-", "").isdigit() for path in self.names()):
            self.assertIsNone(process.poll())
        while True:
            process.send_signal(signal.SIGSTOP)
            self.wait_for(lambda: self.is_stopped(process) or process.poll() is not None)
            first = self.end if process.poll() is not None else self.first_left()
            if first > 1:
                break
            process.send_signal(signal.SIGCONT)
            time.sleep(0.001)
        process.kill()
        self.finish(process)
        return first if first < self.end - 100 else None

    def test_killed_between_two_batches(self):
        shutil.copytree(self.store, self.folder / "good")
        for _ in range(20):
            first = self.kill_between_batches()
            if first:
                break
            shutil.rmtree(self.store)
            shutil.copytree(self.folder / "good", self.store)
        self.assertTrue(first, "it was too fast each time")
        self.assertEqual(self.verify()["exitCode"], 0)
        self.assertEqual(self.log_digest(), self.digest)
        name, = self.names()
        # Its other half may get lost: the log has that.
        os.rename(name, self.folder / name.name)
        shown = self.ossync("log", "show", "--json", "--from", f"@{first}", "--limit", 1)
        self.assertEqual(shown.last["position"], first)
        os.rename(self.folder / name.name, name)
        made = self.ossync("log", "compact", "--json", f"--before=@{first}").last
        self.assertEqual(made["archive"], [name.name])
        self.assertEqual(made["events"], int(name.name.split("-")[1]) - first + 1)
        said = self.ossync("log", "show", "--json", "--event", "LogCompacted").objects
        self.assertEqual(len(said), 1)
        self.assertEqual(self.verify()["exitCode"], 0)
        self.assertEqual(self.log_digest(), self.digest)

    @staticmethod
    def is_stopped(process):
        """Whether it does nothing more, not even in the kernel."""
        return pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[
            0] == "T"

    def names(self):
        return list(self.archive.iterdir()) if self.archive.exists() else []

    def test_a_signal_ends_it_between_two_batches(self):
        codes = set()
        shutil.copytree(self.store, self.folder / "good")
        # When it comes, only the machine knows.
        for number in range(40):
            if 130 in codes and number >= (3 if QUICK else 20):
                break
            process = self.start("log", "compact", f"--before=@{self.end}")
            while not any(path.name.replace("-", "").isdigit() for path in self.names()):
                if process.poll() is not None:
                    break
            time.sleep(0.01 * (number % 5))
            process.send_signal(signal.SIGINT)
            result = self.finish(process)
            codes.add(result.code)
            # Before it has begun, it ends as any process does.
            self.assertIn(result.code, (0, 130, -2))
            self.assertEqual(self.log_digest(), self.digest)
            if result.code == 0:
                shutil.rmtree(self.store)
                shutil.copytree(self.folder / "good", self.store)
        self.assertIn(130, codes)
        self.assertEqual(self.verify()["exitCode"], 0)
        self.ossync("log", "compact", f"--before=@{self.end}")
        self.assertEqual(self.log_digest(), self.digest)

    def test_a_signal_ends_the_raising_of_a_format(self):
        data = self.store / "log/data.mdb"
        bytes_ = bytearray(data.read_bytes())
        for key, offset, size in Values(data).named("meta"):
            if key == b"format":
                self.assertEqual(size, 4)
                bytes_[offset:offset + 4] = (1).to_bytes(4, "big")
        for _ in range(20):
            data.write_bytes(bytes_)
            (self.store / "log/lock.mdb").unlink(missing_ok=True)
            process = self.start("sync")
            while not (self.store / "log.new-format").exists() and process.poll() is None:
                pass
            process.send_signal(signal.SIGINT)
            result = self.finish(process)
            # It may have been raised before the signal came.
            if result.code == 130 and "as it was" in result.err:
                break
        self.assertIn("as it was", result.err)
        self.assertEqual(data.read_bytes(), bytes_)
        self.assertFalse((self.store / "log.new-format").exists())

    def test_a_look_at_what_was_lost_that_ended_early_is_told(self):
        data = self.store / "log/data.mdb"
        bytes_ = bytearray(data.read_bytes())
        key, offset, size = Values(data).named("events")[40]
        bytes_[offset + size - 1] ^= 1
        data.write_bytes(bytes_)
        for killed in (False, True):
            new = self.folder / f"new-{killed}"
            process = self.start("log", "salvage", "--json", new)
            while killed and process.poll() is None:
                if self.kill_child(process.pid, b"survey"):
                    break
            result = self.finish(process)
            self.assertEqual(result.code, 0, str(result))
            lost = result.last["lost"]
            if killed:
                self.assertIn("killed", lost["endedEarly"])
            else:
                self.assertIsNone(lost["endedEarly"])
                self.assertGreater(lost["events"], self.end - 100)
            self.ossync("log", "verify", "--store", new)

    @staticmethod
    def kill_child(process, word):
        try:
            for child in children(process):
                if word in pathlib.Path(f"/proc/{child}/cmdline").read_bytes():
                    os.kill(child, signal.SIGKILL)
                    return True
        except OSError:
            pass
        return False
