"""What is asked of a sync that holds the store, by those who may not write to it themselves."""

import fcntl
import os
import shutil
import signal
import time

from harness import Case


class Running(Case):
    """A sync that fetches details for a while."""

    def setUp(self):
        super().setUp()
        self.server = self.ready(
            300, "--poison", 13, "--latency-ms", 40, detail__batch={"size": 1, "join": ","},
            detail__concurrency=2, rateLimits__requestsPerMinute=None,
            rateLimits__requestsPerHour=None)
        self.sync("--no-details")
        self.process = self.start("sync", "--json")
        self.wait_for(lambda: self.status()["records"]["withDetails"] > 3)

    def inbox(self):
        folder = self.store / "inbox"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []

    def events(self, name):
        return self.ossync("log", "show", "--json", "--event", name).objects

    def hold(self):
        """Stops the sync where it is, so that it does nothing of what it is asked."""
        self.process.send_signal(signal.SIGSTOP)

    def asked(self, *arguments):
        """A command whose request waits for the sync."""
        asker = self.start("queue", *arguments, "--json")
        self.wait_for(lambda: [name for name in self.inbox() if not name.startswith(".")])
        return asker


class Asked(Running):
    def test_the_sync_does_it_and_names_who_asked(self):
        before = self.events("QueueRetried")
        asker = self.start("queue", "retry", "1", "2", "--json")
        result = self.finish(asker)
        self.assertEqual(result.code, 0, str(result))
        self.assertIn("is asked to do it", result.err)
        self.assertEqual(result.last["records"], 2)
        event = self.events("QueueRetried")[len(before):]
        self.assertEqual(len(event), 1)
        self.assertEqual(event[0]["position"], result.last["position"])
        self.assertEqual(event[0]["data"]["requester"]["pid"], asker.pid)
        self.assertRegex(event[0]["data"]["requester"]["request"], "^[0-9a-f]{16}$")
        self.assertIsNone(self.process.poll(), "it is done while the sync runs")
        self.assertEqual(self.inbox(), [])
        self.assertEqual(self.finish(self.process).code, 3)
        self.ossync("replay", "--verify")
        self.ossync("log", "verify")
        self.ossync("projections", "verify")

    def test_dropped_records_are_not_asked_for(self):
        self.assertEqual(self.finish(self.start("queue", "drop", "1", "2")).code, 0)
        self.assertIsNone(self.process.poll())
        self.finish(self.process)
        left = self.ossync("queue", "list", "--json", "--state", "dropped").objects
        self.assertEqual({one["id"] for one in left}, {"1", "2"})
        asked = [event for event in self.events("DetailsFetched")
                 if {one["id"] for one in event["data"]["results"]} & {"1", "2"}]
        self.assertEqual(asked, [])

    def test_what_is_unknown_is_not_even_asked(self):
        self.hold()
        self.refused(self.ossync("queue", "retry", "999999", code=1), "999999")
        self.assertEqual(self.inbox(), [])

    def refused(self, result, *words):
        self.assert_one_clear_line(result, *words, "nothing was changed")

    def test_a_record_that_has_come_meanwhile_is_left_alone(self):
        self.hold()
        status = self.status()
        asker = self.asked("retry", "1", "2")
        self.process.send_signal(signal.SIGCONT)
        self.assertEqual(self.finish(asker).code, 0)
        self.assertGreater(status["records"]["withoutDetails"], 2)


class Ends(Running):
    def test_a_sync_that_is_killed(self):
        self.hold()
        asker = self.asked("retry", "1")
        self.process.kill()
        result = self.finish(asker)
        self.assertEqual(result.code, 0, str(result))
        self.assertEqual(result.last["records"], 1)
        self.assertEqual(self.inbox(), [])
        self.assertEqual(len(self.events("QueueRetried")), 1)
        self.sync(code=(0, 3))
        self.assertEqual(len(self.events("QueueRetried")), 1)

    def test_an_asker_that_is_stopped(self):
        self.hold()
        asker = self.asked("retry", "1")
        asker.send_signal(signal.SIGINT)
        result = self.finish(asker)
        self.assertEqual(result.code, 130, str(result))
        self.assertIn("nothing was changed", result.err)
        self.assertEqual(self.inbox(), [])
        self.process.send_signal(signal.SIGCONT)
        self.finish(self.process)
        self.assertEqual(self.events("QueueRetried"), [])

    def test_an_asker_that_is_killed_has_asked(self):
        self.hold()
        asker = self.asked("retry", "1")
        asker.kill()
        self.finish(asker)
        self.process.send_signal(signal.SIGCONT)
        self.wait_for(lambda: self.inbox() == [])
        self.assertEqual(len(self.events("QueueRetried")), 1)

    def test_both_killed(self):
        self.hold()
        asker = self.asked("retry", "1")
        asker.kill()
        self.finish(asker)
        self.process.kill()
        self.finish(self.process)
        self.sync(code=(0, 3))
        self.assertEqual(self.inbox(), [])
        self.assertEqual(len(self.events("QueueRetried")), 1)
        self.ossync("replay", "--verify")

    def test_what_was_asked_before_is_done_before(self):
        self.hold()
        asker = self.asked("retry", "1")
        for process in (asker, self.process):
            process.kill()
            self.finish(process)
        self.ossync("queue", "drop", "1")
        self.assertEqual(self.inbox(), [])
        self.sync(code=(0, 3))
        dropped = self.ossync("queue", "list", "--json", "--state", "dropped").objects
        self.assertEqual([one["id"] for one in dropped], ["1"])
        self.assertEqual(len(self.events("QueueRetried")), 1)

    def test_a_request_that_was_taken_is_not_taken_back(self):
        """The holder has it, and dies before it is done: the asker does it, as what it is."""
        self.hold()
        asker = self.asked("retry", "1")
        name = self.inbox()[0]
        (self.store / "inbox" / name).rename(self.store / "inbox" / f"{name}.taken")
        asker.send_signal(signal.SIGINT)
        time.sleep(0.3)
        self.assertIsNone(asker.poll())
        self.process.kill()
        result = self.finish(asker)
        self.assertEqual((result.code, result.last["records"]), (0, 1), str(result))
        self.assertEqual(self.inbox(), [])
        self.assertEqual(len(self.events("QueueRetried")), 1)

    def test_one_of_before_what_was_archived(self):
        self.hold()
        asker = self.asked("retry", "1")
        path = self.store / "inbox" / self.inbox()[0]
        request = path.read_bytes()
        for process in (asker, self.process):
            process.kill()
            self.finish(process)
        path.unlink()
        self.sync("--max", 5)
        self.ossync("log", "compact", "--before", "now")
        shutil.rmtree(self.store / "archive")
        path.write_bytes(request)
        result = self.ossync("sync", "--json", code=(0, 3))
        self.assertIn("one of long ago", result.err)
        self.assertEqual(self.inbox(), [])
        self.assertEqual(self.events("QueueRetried"), [])

    def test_rubbish(self):
        for name, data in (("0", b""), ("1", b"4:text,"), ("2", os.urandom(5_000)),
                           ("3", b"16:ossync request 1,5:retry,2:os,")):
            (self.store / "inbox").mkdir(exist_ok=True)
            (self.store / "inbox" / name).write_bytes(data)
        (self.store / "inbox" / "4").symlink_to("/dev/zero")
        os.mkfifo(self.store / "inbox" / "5")
        (self.store / "inbox" / "folder").mkdir()
        self.wait_for(lambda: self.inbox() == ["folder"])
        result = self.finish(self.process)
        self.assertEqual(result.code, 3, str(result))
        for name in "012345":
            self.assertIn(f"inbox/{name}: this is no request", result.err)
        self.assertEqual(self.events("QueueRetried"), [])


class Others(Case):
    def test_a_holder_that_takes_no_requests(self):
        self.ready(10)
        self.sync("--no-details")
        with open(self.store / "lock", "r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.truncate()
            lock.write(f"{os.getpid()}\nhost\nuser\n2026-01-01T00:00:00Z\nlog compact")
            lock.flush()
            begun = time.monotonic()
            self.assert_one_clear_line(
                self.ossync("queue", "retry", "1", code=11), "log compact", os.getpid())
            self.assertLess(time.monotonic() - begun, 10)
        self.assertFalse((self.store / "inbox").exists())
        self.ossync("queue", "retry", "1")
