"""Old events in the archive: nothing that is asked changes, and what is missing is told."""

import json
import os
import re
import shutil
import signal
import subprocess

from harness import BINARY, QUICK, Case
from lmdb_pages import Values

# What tells the end of the log, or counts all of it.
MOVING = ("position", "events", "steps", "bytes", "last", "kinds", "at")


class Archives(Case):
    RECORDS = 120

    def setUp(self):
        super().setUp()
        self.server = self.ready(
            self.RECORDS, "--poison", 7, "--missing", 57, list__paging__size=20)
        self.sync(code=3)
        self.server.touch(5)
        self.server.append(20)
        self.sync("--mode", "full", code=(0, 3))
        self.end = self.status()["position"]
        self.archive = self.store / "archive"

    def compact(self, point=None, code=0, **options):
        point = f"@{self.end * 2 // 3}" if point is None else point
        return self.ossync("log", "compact", "--json", f"--before={point}", code=code, **options)

    def names(self, folder=None):
        folder = folder or self.archive
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

    def log_text(self):
        """The events of before, as they are shown."""
        return self.ossync("log", "show", "--json", "--to", f"@{self.end}").out

    def assert_whole(self, before):
        self.assertEqual(self.verify()["exitCode"], 0)
        self.assertEqual(self.log_text(), before)

    def refused(self, result, *words, code):
        self.assertEqual(result.code, code, str(result))
        if "--json" in result.arguments:
            self.assertEqual(result.last["exitCode"], code)
        self.assert_one_clear_line(result, *words)


class Same(Archives):
    """What commands say of a log that was compacted."""

    def questions(self):
        return [arguments.split() for arguments in (
            f"log show --json --to @{self.end}", f"log show --reverse --to @{self.end}",
            f"log tail --json --to @{self.end}", f"log grep --json 5 --to @{self.end}",
            "log stats --json", f"log stats --json --to @{self.end}", "show 5 --json",
            "show 57 --json", "show 5 --at @60 --json", "why 5 --json", "why 7 --json",
            "history 5 --json", "history 5", "runs --json", "status --json",
            "status --at @50 --json", "queue list --json", "export csv", "export ndjson",
            "export csv --at @60", "projections verify", "projections rebuild os",
            "projections rebuild history", "replay --verify --json", "replay --to @80 --json",
            f"log diff @20 @{self.end} --json", f"log diff @60 @{self.end // 2}",
            "log bisect --json --when records.withDetails>=50",
            f"log bisect --when queue.parked>0 --to @{self.end}")]

    def settled(self, text):
        """An answer without what grows with the log."""
        lines = []
        for line in text.splitlines():
            try:
                found = json.loads(line)
            except ValueError:
                lines.append(line)
                continue
            if isinstance(found, dict) and found.get("type") not in ("event", "record"):
                for place in (found, found.get("state")):
                    for key in MOVING if isinstance(place, dict) else ():
                        place.pop(key, None)
            lines.append(found)
        return lines

    def answers(self):
        found = []
        for arguments in self.questions():
            result = self.ossync(*arguments, code=(0, 1, 3))
            found.append((arguments, result.code, self.settled(result.out)))
        return found

    def assert_same(self, before, grown):
        for (arguments, code, lines), (_, new_code, new_lines) in zip(before, self.answers()):
            with self.subTest(arguments=arguments):
                self.assertEqual(new_code, code)
                if arguments[0] == "projections":
                    lines, new_lines = (
                        [re.sub(fr"generation \d+|{self.end}|{grown}", "_", str(one))
                         for one in some] for some in (lines, new_lines))
                self.assertEqual(new_lines, lines)

    def test_nothing_that_is_asked_changes(self):
        before = self.answers()
        text = self.log_text()
        made = self.compact().last
        self.assertEqual(made["archive"], self.names())
        self.assertEqual(made["archive"][0].partition("-")[0], "1")
        self.assertLess(made["logBytes"], made["logBytesBefore"])
        grown = self.status()["position"]
        self.assertEqual(made["position"], grown)
        added = self.events("--from", f"@{self.end + 1}")
        self.assertEqual([event["event"] for event in added], ["ClockAnchored", "LogCompacted"])
        self.assertEqual(added[-1]["data"]["archive"], made["archive"][0])
        self.assert_same(before, grown)
        self.assert_whole(text)
        # Without what was folded of it before.
        shutil.rmtree(self.store / "projections")
        self.assert_same(before, grown)

    def test_a_sync_goes_on_after_each_of_two_compactions(self):
        text = self.log_text()
        for number, share in enumerate((3, 2)):
            self.compact(f"@{self.end // share}")
            self.assertEqual(len(self.names()), number + 1)
            self.server.append(15)
            self.server.touch(9)
            self.sync(code=(0, 3))
            self.sync("--mode", "full", code=(0, 3))
            self.assert_whole(text)
            self.ossync("projections", "verify")
            self.ossync("replay", "--verify")
        self.compact("now")
        self.assertEqual(len(self.names()), 3)
        self.assert_whole(text)
        self.sync("--mode", "full", code=(0, 3))
        self.assertEqual(self.status()["records"]["total"], self.RECORDS + 50)
        events = self.events()
        self.assertEqual(
            [event["position"] for event in events], list(range(1, len(events) + 1)))
        self.assertEqual(self.verify()["events"], len(events))

    def test_a_follower_goes_on_through_a_compaction(self):
        out = self.folder / "followed"
        with out.open("wb") as file:
            process = self.start(
                "log", "tail", "--follow", "--json", "--lines", "1", stdout=file)
            self.wait_for(lambda: out.read_bytes().endswith(b"\n"))
            for _ in range(2):
                self.compact("now")
                self.server.append(5)
                self.sync(code=(0, 3))
                last = self.status()["position"]
                self.wait_for(
                    lambda: json.loads(out.read_bytes().splitlines()[-1])["position"] == last,
                    what="the follower's last event")
        process.send_signal(signal.SIGINT)
        process.wait(20)
        found = [json.loads(line)["position"] for line in out.read_bytes().splitlines()]
        self.assertEqual(found, list(range(self.end, last + 1)))

    def test_whoever_reads_meanwhile_is_not_disturbed(self):
        text = self.log_text()
        self.server.stop()
        for point in range(10, self.end, 50 if QUICK else 4):
            process = self.start("log", "compact", f"--before=@{point}")
            while process.poll() is None:
                self.assertEqual(self.log_text(), text)
            self.assertEqual(self.finish(process).code, 0)
        self.assert_whole(text)


class Refusals(Archives):
    def test_points_that_name_nothing(self):
        for point in ("", "x", "@-1", "-1", "now-", "now+1h", "2026-13-01", "@1.5",
                      "@18446744073709551616", "99999999999999999999"):
            with self.subTest(point=point):
                result = self.ossync("log", "compact", f"--before={point}", code=2)
                self.assert_one_clear_line(result, "ossync")
        self.ossync("log", "compact", code=2)
        self.compact("r99999", code=1)
        self.ossync("log", "compact", "--before=now", "--store", self.folder / "none", code=10)
        self.assertEqual(self.names(), [])
        self.assertEqual(self.status()["position"], self.end)

    def test_nothing_to_move(self):
        for point in ("@0", "@1", "now-90d", "2001-01-01"):
            self.assertEqual(self.compact(point).last["events"], 0)
        self.assertFalse(self.archive.exists())
        self.compact()
        grown = self.status()["position"]
        for point in (f"@{self.end // 2}", "@1"):
            self.assertEqual(self.compact(point).last["events"], 0)
            self.assertIn(
                "nothing to move", self.ossync("log", "compact", f"--before={point}").out)
        self.assertEqual(self.status()["position"], grown)

    def test_telling_moves_nothing(self):
        told = self.compact(f"@{self.end}", code=0)
        size = self.ossync("log", "compact", "--dry-run", "--json", "--before=now").last
        self.assertTrue(size["dryRun"])
        self.assertGreater(size["bytes"], 0)
        self.assertEqual(size["archive"].partition("-")[0],
                         str(int(told.last["archive"][0].partition("-")[2]) + 1))
        self.assertEqual(len(self.names()), 1)

    def test_a_store_that_is_held(self):
        slow = self.demo("--records", 5, "--latency-ms", 3_000)
        self.configure(slow.url, store="./held")
        sync = self.start("sync", "--json")
        self.wait_for((self.folder / "held/log/data.mdb").exists)
        held = ("--store", self.folder / "held")
        result = self.ossync("log", "compact", "--json", "--before=now", *held, code=11)
        self.assertEqual(result.last["exitCode"], 11)
        self.assert_one_clear_line(result, "sync")
        self.assertFalse((self.folder / "held/archive").exists())
        sync.kill()
        self.finish(sync)

    def test_what_is_in_the_way(self):
        text = self.log_text()
        name = self.ossync(
            "log", "compact", "--dry-run", "--json", "--before=now").last["archive"]
        (self.archive / name).mkdir(parents=True)
        (self.archive / name / "data.mdb").write_bytes(b"rubbish" * 5_000)
        self.refused(self.compact("now", code=1), name, "move it away", code=1)
        self.assertEqual(self.names(self.archive / name), ["data.mdb"])
        self.assert_whole(text)
        shutil.rmtree(self.archive)
        self.write("store/archive", "mine")
        self.compact("now", code=1)
        self.assertEqual((self.store / "archive").read_text(), "mine")
        self.assert_whole(text)


class Away(Archives):
    """Segments that are missing, or not what they were."""

    def setUp(self):
        super().setUp()
        self.text = self.log_text()
        self.compact(f"@{self.end // 3}")
        self.compact(f"@{self.end * 2 // 3}")
        self.first, self.second = sorted(self.names(), key=lambda name: int(name.split("-")[0]))

    def away(self, name=None):
        os.rename(self.archive / name if name else self.archive, self.folder / "away")

    def back(self, name=None):
        os.rename(self.folder / "away", self.archive / name if name else self.archive)

    def test_commands_without_it_say_what_is_missing(self):
        last = int(self.second.split("-")[1])
        self.away()
        # These ask the rows and the projection, which is at hand.
        self.assertEqual(self.status()["records"]["total"], self.RECORDS + 20)
        self.ossync("export", "csv")
        self.ossync("queue", "list")
        shutil.rmtree(self.store / "projections")
        for arguments in (
                "log show --json", "why 5 --json", "history 5 --json", "runs --json",
                "export ndjson", "projections rebuild os", "replay --verify --json",
                f"log diff @20 @{self.end} --json", "log bisect --when position>3 --json",
                "status --at @50 --json", "export csv --at @60", "log stats --json"):
            with self.subTest(arguments=arguments):
                result = self.ossync(*arguments.split(), code=1)
                self.refused(result, "archive", "events 1 to", "put it back", code=1)
        left = self.end - last
        self.assertEqual(len(self.ossync("log", "tail", "-n", left).out.splitlines()), left)
        result = self.ossync("log", "tail", "-n", 500)
        self.assertGreaterEqual(len(result.out.splitlines()), left)
        self.assert_one_clear_line(result, "archive", "older events are not at hand")
        shown = self.events("--from", f"@{last + 1}")
        self.assertEqual(shown[0]["position"], last + 1)
        result = self.ossync("log", "verify", "--json", code=12)
        problems = [one for one in result.objects if one["type"] == "problem"]
        self.assertEqual([one["part"] for one in problems], ["archive"])
        self.assertIn("--without-archive", result.last["next"])
        text = self.ossync("log", "verify", code=12).out
        self.assertNotIn("salvage", text)
        self.assertIn("put the archive back", text)
        self.assertEqual(
            self.ossync("log", "verify", "--without-archive", "--json").last["problems"], 0)
        self.refused(
            self.ossync("log", "salvage", "new", code=12), "nothing can be salvaged", code=12)
        self.back()
        summary = self.verify()
        self.assertEqual((summary["exitCode"], summary["resumedFrom"]), (0, None))
        self.assert_whole(self.text)

    def test_a_sync_goes_on_without_it(self):
        self.away()
        self.server.append(30)
        self.server.touch(3)
        self.sync(code=(0, 3))
        self.sync("--mode", "full", code=(0, 3))
        self.ossync("queue", "retry", "7")
        self.ossync("queue", "drop", "7")
        self.assertEqual(self.status()["records"]["total"], self.RECORDS + 50)
        shutil.rmtree(self.store / "projections")
        self.server.touch(4)
        self.assertEqual(self.sync("--mode", "full", code=(0, 3))["records"]["changed"], 1)
        self.back()
        self.assert_whole(self.text)
        self.ossync("projections", "verify")
        self.ossync("replay", "--verify")

    def test_the_next_compaction_needs_none_of_the_older_segments(self):
        last = int(self.second.split("-")[1])
        runs = sorted(
            int(one["run"][1:]) for one in self.ossync("runs", "--json").objects if "run" in one)
        times = {event["position"]: event["time"] for event in self.events()}
        shutil.rmtree(self.store / "projections")
        self.away()
        self.assertEqual(self.compact("r1", code=0).last["events"], 0)
        self.compact(f"r{self.end}", code=1)
        for point in ("now-90d", times[1], times[last + 1], "@5", f"r{runs[0]}"):
            self.assertEqual(self.compact(point).last["events"], 0)
        first = f"{last + 1}-"
        self.assertTrue(self.compact(times[last + 10]).last["archive"][0].startswith(first))
        reached = int(self.compact(f"@{last + 16}").last["archive"][0].split("-")[1])
        self.assertLess(reached, last + 16)
        self.assertGreater(runs[-1], reached)
        first, last = map(int, self.compact(f"r{runs[-1]}").last["archive"][0].split("-"))
        self.assertEqual(first, reached + 1)
        self.assertLess(last, runs[-1])
        self.compact("now")
        for name in self.names():
            os.rename(self.archive / name, self.folder / "away" / name)
        self.archive.rmdir()
        self.back()
        self.assert_whole(self.text)

    def test_one_of_two_is_missing(self):
        for name in (self.first, self.second):
            first, last = name.split("-")
            self.away(name)
            result = self.ossync("log", "verify", "--json", code=12)
            problem, = [one for one in result.objects if one["type"] == "problem"]
            self.assertEqual(problem["position"], int(first))
            self.assertIn(f"position {last} ", problem["message"])
            self.refused(
                self.ossync("log", "show", code=1), f"events {first} to {last}", code=1)
            self.refused(
                self.ossync("backup", "one", code=1), f"events {first} to {last}",
                "--without-archive", code=1)
            self.back(name)
        self.assert_whole(self.text)

    def test_a_segment_with_a_turned_bit_is_found(self):
        for name in (self.first, self.second):
            path = self.archive / name / "data.mdb"
            good = path.read_bytes()
            events = Values(path).named("events")
            for key, offset, size in self.random.sample(events, 2 if QUICK else len(events)):
                bytes_ = bytearray(good)
                bytes_[offset + self.random.randrange(size)] ^= 0x10
                path.write_bytes(bytes_)
                position = int.from_bytes(key, "big")
                result = self.ossync("log", "verify", "--json", code=12)
                self.assertIn(position, [
                    one["position"] for one in result.objects if one["type"] == "problem"])
                self.assertLess(result.last["wholeUpTo"], position)
                self.refused(
                    self.ossync("backup", "one", code=12), f"position {position}",
                    "no backup was made", code=12)
                self.assertFalse((self.folder / "one").exists())
                self.ossync("log", "salvage", "new", code=(0, 12))
                if (self.folder / "new").exists():
                    self.ossync("log", "verify", "--store", self.folder / "new")
                    shutil.rmtree(self.folder / "new")
            path.write_bytes(good)
        self.assert_whole(self.text)

    def test_a_segment_with_a_scrambled_page_is_no_crash(self):
        path = self.archive / self.first / "data.mdb"
        good = path.read_bytes()
        for _ in range(6 if QUICK else 60):
            page = self.random.randrange(len(good) // 4096) * 4096
            bytes_ = bytearray(good)
            bytes_[page:page + 4096] = self.random.randbytes(4096)
            path.write_bytes(bytes_)
            result = self.ossync("log", "verify", "--json", code=(0, 12))
            if result.code == 0:
                path.write_bytes(good)
                self.assertEqual(self.log_text(), self.text)
        path.write_bytes(good)
        self.assert_whole(self.text)

    def test_rubbish_instead_of_a_segment(self):
        path = self.archive / self.first / "data.mdb"
        good = path.read_bytes()
        for rubbish in (b"", b"rubbish" * 9_000, good[:len(good) // 2]):
            path.write_bytes(rubbish)
            for arguments in ("log show", "why 5", "history 5", "log verify", "replay --verify"):
                result = self.ossync(*arguments.split(), code=12)
                self.assertIn(self.first, result.out + result.err)
            self.ossync("backup", "one", code=12)
            self.assertFalse((self.folder / "one").exists())
            self.sync(code=(0, 3))
            self.assertEqual(path.read_bytes(), rubbish)
        path.unlink()
        self.ossync("log", "verify", code=12)
        path.write_bytes(good)
        self.assert_whole(self.text)

    def test_segments_on_another_disk(self):
        self.away()
        self.archive.symlink_to(self.folder / "away")
        self.compact("now")
        self.assertEqual(len(self.names(self.folder / "away")), 3)
        self.assert_whole(self.text)

    def test_an_archive_that_cannot_be_written_to(self):
        script = (
            'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" || exit 99; '
            'shift; exec "$@"')
        for segment in self.names():
            (self.archive / segment / "lock.mdb").unlink(missing_ok=True)
        for arguments, code in (
                (["log", "verify"], 0), (["log", "show", "--json"], 0), (["sync"], (0, 3)),
                (["replay", "--verify"], 0), (["backup", "one"], 0),
                (["log", "compact", "--before=now"], 1)):
            done = subprocess.run(
                ["unshare", "--mount", "sh", "-c", script, "sh", str(self.archive), BINARY,
                 *arguments], cwd=self.folder, env=self.environment(), capture_output=True,
                timeout=60)
            if done.returncode == 99:
                self.skipTest("mounting needs root")
            self.assertIn(
                done.returncode, code if isinstance(code, tuple) else (code,),
                f"{arguments}\n{done.stderr}")
        self.assert_whole(self.text)
