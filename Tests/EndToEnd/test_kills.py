"""A process may end at any moment: nothing is lost, and nothing is asked for twice."""

import collections
import contextlib
import json
import os
import select
import signal
import subprocess
import time

from harness import QUICK, Answer, Case, orders
from history import assert_asked_once


class Kill(Case):
    ROUNDS = 10 if QUICK else 100

    def kill_after(self, seconds, *arguments):
        """Starts a sync and kills it; true when it had not ended by itself."""
        process = self.start("sync", "--json", *arguments)
        time.sleep(seconds)
        process.kill()
        self.finish(process)
        return process.returncode == -9

    def test_at_random_moments_then_resume(self):
        records = 2_000
        server = self.ready(
            records, "--latency-ms", 20, list__paging__size=50, detail__concurrency=5)
        killed = 0
        mode = []
        while killed < self.ROUNDS:
            # Later than a start takes, even on a machine that others use, and well before the end.
            if self.kill_after(self.random.uniform(0.02, 0.5), *mode):
                killed += 1
            if (self.store / "log/data.mdb").exists():
                verified = self.ossync("log", "verify", "--json", code=(0, 10))
                if verified.code == 10:
                    continue
                self.assertEqual(verified.last["problems"], 0)
                mode = ["--mode", "resume"]
                state = self.status()
                if state["records"]["withDetails"] == records and state["state"]["cursor"] is None:
                    server.append(500)
                    records += 500
                    mode = []
        self.sync()
        self.assertEqual(self.sync()["requests"]["total"], 1)
        history = assert_asked_once(self, server)
        self.assertLessEqual(len(history.abandoned), killed * 5)
        self.assertGreater(len(history.abandoned), 0, "no kill met a request in flight")
        self.assert_same_as_server(server, range(1, records + 1))
        self.assertEqual(self.verify()["problems"], 0)

    def test_while_somebody_reads(self):
        """A reader keeps what the dead one said of its last commit, or didn't."""
        self.ready(20_000, "--latency-ms", 2, detail__batch={"size": 1, "join": ","},
                   detail__concurrency=4, rateLimits__requestsPerMinute=None,
                   rateLimits__requestsPerHour=None)
        self.sync("--no-details")
        self.start("log", "tail", "--follow", "--json", stdout=subprocess.DEVNULL)
        for _ in range(8 if QUICK else 25):
            process = self.start("sync", "--mode", "details-only", "--quiet")
            time.sleep(self.random.uniform(0.3, 0.6))
            process.kill()
            self.finish(process)
            self.sync("--mode", "details-only", "--max", "1")
        self.verify()

    def test_while_nothing_is_written_yet(self):
        self.ready(20)
        for _ in range(5 if QUICK else 30):
            self.kill_after(self.random.uniform(0.0, 0.05))
            self.ossync("status", code=(0, 10))
        self.assertEqual(self.sync()["outcome"], "completed")
        self.assertEqual(self.status()["records"]["withDetails"], 20)

    def test_what_a_killed_creation_left_is_removed(self):
        self.ready(20)
        left = self.store / "log.new-999999999"
        left.mkdir(parents=True)
        (left / "data.mdb").write_bytes(b"half")
        self.assertEqual(self.ossync("status", "--json", code=10).last["exitCode"], 10)
        self.sync()
        self.assertFalse(left.exists())

    def test_while_a_projection_is_rebuilt(self):
        server = self.ready(3_000, detail__batch={"size": 500, "join": ","})
        self.sync()
        for _ in range(4 if QUICK else 30):
            process = self.start("projections", "rebuild", "os")
            time.sleep(self.random.uniform(0.0, 0.25))
            process.kill()
            self.finish(process)
            status = self.status()
            self.assertEqual(status["expenses"]["records"], 3_000)
        self.ossync("projections", "rebuild", "os")
        self.assert_same_as_server(server, range(1, 3_001))
        left = [path.name for path in (self.store / "projections").iterdir() if path.is_dir()]
        self.assertLessEqual(len(left), 3, f"generations pile up: {left}")

    def test_a_killed_run_is_said_to_be_interrupted(self):
        self.ready(1_000, "--latency-ms", 20)
        self.assertTrue(self.kill_after(0.5))
        state = self.status()["state"]
        self.assertEqual((state["phase"], state["running"]), ("idle", False))
        self.sync("--mode", "resume")
        kinds = [event["event"] for event in self.events()]
        self.assertIn("RunInterrupted", kinds)
        self.assertIn("RequestAbandoned", kinds)
        runs = {event["run"] for event in self.events() if event["event"] == "DetailsFetched"}
        self.assertEqual(len(runs), 1, "the resumed run is another one")


class Suspect(Case):
    """A record whose answer ends the program, again and again."""

    VICTIM = "7"

    def setUp(self):
        super().setUp()
        self.process = None
        self.is_deadly = True
        self.asked = []
        script = orders(20)

        def answer(request):
            ids = request.query.get("ids", "").split(",")
            if self.is_deadly and self.VICTIM in ids:
                self.asked.append(ids)
                self.process.kill()
                return Answer(drop=True)
            return script(request)

        self.configure(self.serve(answer).url)

    def run_until_it_ends_by_itself(self):
        """Returns how often it was killed, and its last result."""
        for kills in range(20):
            self.process = self.start("sync", "--json")
            result = self.finish(self.process)
            if result.code != -9:
                return kills, result
        raise AssertionError(f"it is asked for again and again: {self.asked}")

    def test_is_asked_for_alone_then_parked_and_blocks_no_other(self):
        kills, result = self.run_until_it_ends_by_itself()
        self.assertEqual(kills, 6, self.asked)
        self.assertEqual([len(ids) for ids in self.asked], [5, 5, 5, 1, 1, 1])
        self.assertEqual(result.code, 3, str(result))
        parked, = self.ossync("queue", "list", "--json").objects
        self.assertEqual((parked["id"], parked["state"]), (self.VICTIM, "parked"))
        self.assertIn("only this record was asked for", parked["lastError"])
        self.assertEqual(self.status()["records"]["withDetails"], 19)
        self.assertEqual(self.sync()["requests"]["detail"], 0)

    def test_is_asked_for_again_by_hand(self):
        self.run_until_it_ends_by_itself()
        self.is_deadly = False
        self.ossync("queue", "retry", self.VICTIM)
        self.assertEqual(self.sync("--mode", "details-only")["requests"]["detail"], 1)
        self.assertEqual(self.status()["records"]["withDetails"], 20)
        self.assertEqual(self.verify()["problems"], 0)


class Stop(Case):
    def slow(self, delay, records=400):
        base = orders(records)

        def answer(request):
            reply = base(request)
            if request.path.endswith("details"):
                reply.delay = delay
            return reply
        server = self.serve(answer)
        self.configure(server.url)
        return server

    def stop(self, number, code):
        server = self.slow(0.3)
        process = self.start("sync", "--json")
        self.wait_for(lambda: len(server.arrivals) > 8, what="the second round of details")
        process.send_signal(number)
        result = self.finish(process, 5)
        self.assertEqual(result.code, code, str(result))
        summary = result.last
        self.assertEqual(
            (summary["outcome"], summary["exitCode"]), ("interrupted", code), str(result))
        self.assertIn("resume", summary["next"])
        self.assertEqual(self.verify()["problems"], 0)
        kinds = collections.Counter(event["event"] for event in self.events())
        self.assertEqual(kinds["RequestIntended"], kinds["PageFetched"] + kinds["DetailsFetched"])
        self.assertEqual(kinds["RequestIntended"], len(server.arrivals))
        self.assertEqual(self.sync("--mode", "resume")["outcome"], "completed")
        asked = collections.Counter(
            one for arrival in server.arrivals if "ids" in arrival.query
            for one in arrival.query["ids"].split(","))
        self.assertEqual(set(asked.values()), {1})
        self.assertEqual(len(asked), 400)
        kinds = collections.Counter(event["event"] for event in self.events())
        self.assertEqual(kinds["RequestAbandoned"], 0)

    def test_sigterm_lets_the_requests_in_flight_finish(self):
        self.stop(signal.SIGTERM, 143)

    def test_sigint_lets_the_requests_in_flight_finish(self):
        self.stop(signal.SIGINT, 130)

    def test_a_closed_terminal_is_a_sigterm(self):
        self.stop(signal.SIGHUP, 143)

    def test_a_signal_that_it_was_started_to_ignore_lets_it_go_on(self):
        """As under nohup, or in the background of a script: whoever does so means it."""
        server = self.slow(0.1)
        ignored = (signal.SIGHUP, signal.SIGINT)
        before = [signal.signal(number, signal.SIG_IGN) for number in ignored]
        try:
            process = self.start("sync", "--json")
        finally:
            for number, handler in zip(ignored, before):
                signal.signal(number, handler)
        self.wait_for(lambda: len(server.arrivals) > 8)
        for number in ignored:
            process.send_signal(number)
        result = self.finish(process, 20)
        self.assertEqual((result.code, result.last["outcome"]), (0, "completed"), str(result))

    def test_one_whose_messages_nobody_reads_can_be_stopped(self):
        server = self.slow(0.3)
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        os.set_blocking(writing, False)
        with contextlib.suppress(BlockingIOError):
            while os.write(writing, b"\n" * 4096):
                pass
        os.set_blocking(writing, True)
        process = self.start("sync", "--json", stderr=writing)
        self.wait_for(lambda: len(server.arrivals) > 8)
        process.send_signal(signal.SIGTERM)
        self.assertTrue(select.select([process.stdout], [], [], 10)[0], "no summary")
        summary = json.loads(process.stdout.readline())
        self.assertEqual(summary["outcome"], "interrupted")
        # It waits to tell why.
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(5), 143)

    def test_sigquit_ends_it_at_once_and_shows_nothing_of_its_memory(self):
        server = self.slow(0.3)
        for arguments in (["sync"], ["log", "tail", "--follow"], ["demo", "--serve-only"]):
            with self.subTest(arguments=arguments):
                process = self.start(*arguments, "--json")
                if arguments == ["sync"]:
                    self.wait_for(lambda: len(server.arrivals) > 8)
                else:
                    time.sleep(0.5)
                process.send_signal(signal.SIGQUIT)
                result = self.finish(process, 5)
                self.assertEqual((result.code, result.err), (-signal.SIGQUIT, ""), str(result))
        self.assertEqual(self.sync("--mode", "resume")["outcome"], "completed")
        self.assertEqual(self.verify()["problems"], 0)

    def test_it_is_said_how_to_go_on(self):
        server = self.slow(0.2)
        process = self.start("sync")
        self.wait_for(lambda: len(server.arrivals) > 3)
        process.send_signal(signal.SIGINT)
        result = self.finish(process, 5)
        self.assertEqual(result.code, 130)
        self.assertIn("ossync sync --mode resume", result.out + result.err)

    def test_a_second_signal_ends_it_at_once(self):
        for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
            server = self.slow(30)
            process = self.start("sync", "--json", "--store", f"s{code}")
            self.wait_for(lambda: len(server.arrivals) > 3)
            process.send_signal(number)
            # Within 0.3 s of the first, by its clock, a second one is taken for the same one.
            time.sleep(1)
            self.assertIsNone(process.poll(), "it did not wait for the requests in flight")
            started = time.monotonic()
            process.send_signal(number)
            self.assertEqual(self.finish(process, 5).code, code)
            self.assertLess(time.monotonic() - started, 1)
            self.ossync("log", "verify", "--store", f"s{code}")

    def test_a_signal_during_a_wait_ends_it_at_once(self):
        server = self.ready(
            500, rateLimits__windows=[{"name": "w", "requests": 20, "seconds": 60}])
        process = self.start("sync", "--json")
        self.wait_for(lambda: server.counts()[1] == 19)
        time.sleep(0.3)
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        result = self.finish(process, 5)
        self.assertEqual(result.code, 143)
        self.assertLess(time.monotonic() - started, 1)

    def test_commands_that_only_read_end_by_a_signal(self):
        self.ready(20)
        self.sync()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            process = self.start("log", "tail", "--follow", "--json")
            time.sleep(0.5)
            process.send_signal(number)
            result = self.finish(process, 5)
            self.assertIn(result.code, (128 + number, -number))
