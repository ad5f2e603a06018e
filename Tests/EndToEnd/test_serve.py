"""The service: its schedules, what others ask of it, its manager, and how it ends."""

import json
import os
import signal
import socket
import time

from harness import QUICK, Case, configuration


class Serving(Case):
    """A service with a configuration of its own; `serve` starts it."""

    def setUp(self):
        super().setUp()
        self.server = self.ready(40)

    def schedules(self, **schedules):
        tree = configuration(self.server.url)
        tree["schedules"] = schedules
        self.write("ossync.yaml", json.dumps(tree, indent=1))

    def serve(self, *arguments, env=None):
        self.messages = self.folder / "serve.err"
        with self.messages.open("w") as stderr:
            process = self.start("serve", *arguments, env=env, stderr=stderr)
        self.wait_for(
            lambda: process.poll() is not None or "serving " in self.said(), what="the service")
        self.assertIsNone(process.poll(), self.said())
        return process

    def events(self, *types):
        kinds = ["--event", ",".join(types)] if types else []
        return super().events(*kinds)

    def said(self):
        return self.messages.read_text() if self.messages.exists() else ""

    def runs(self):
        return self.ossync("runs", "--json").objects if self.store.exists() else []

    def stop(self, process, number=signal.SIGTERM):
        process.send_signal(number)
        self.assertEqual(process.wait(60), 0, self.said())


class Asked(Serving):
    def test_a_sync_is_made_for_who_asks(self):
        process = self.serve()
        asker = self.start("sync", "--if-running", "ask", "--json")
        result = self.finish(asker)
        self.assertEqual(result.code, 0, str(result))
        self.assertIn("is asked to do it", result.err)
        self.assertEqual(result.last["records"]["detailed"], 40)
        self.assertEqual(result.last["outcome"], "completed")
        requested = self.events("RunRequested")
        self.assertEqual([event["data"]["requester"]["pid"] for event in requested], [asker.pid])
        again = self.ossync("sync", "--mode", "full", "--no-details", "--if-running", "ask",
                            "--json")
        self.assertEqual(again.last["mode"], "full")
        self.assertEqual(again.last["records"]["unchanged"], 40)
        self.assertIsNone(process.poll())
        self.stop(process)
        self.assertIn("stopped: 2 runs", self.said())
        self.ossync("replay", "--verify")
        self.ossync("log", "verify")

    def test_without_a_service_the_sync_is_ones_own(self):
        asker = self.start("sync", "--if-running", "ask", "--json")
        self.assertEqual(self.finish(asker).code, 0)
        self.assertNotIn("request", self.events("RunRequested")[0]["data"]["requester"])

    def test_what_cant_be_asked_for_is_refused(self):
        result = self.ossync("sync", "--if-running", "ask", "--max", "3", code=2)
        self.assert_one_clear_line(result, "--if-running ask")

    def test_a_sync_that_does_not_ask_says_how(self):
        self.serve()
        self.assert_one_clear_line(self.ossync("sync", code=11), "serve", "--if-running ask")

    def test_health_is_a_run_of_its_own_when_nothing_runs(self):
        self.serve()
        self.assertIn("200", self.ossync("health").out)
        self.assertEqual(self.events("RunRequested")[-1]["data"]["mode"], "health")

    def test_the_queue_is_changed_between_runs(self):
        self.server.stop()
        self.server = self.ready(40, "--poison", 7)
        self.serve()
        self.ossync("sync", "--if-running", "ask", code=3)
        self.assertEqual(self.ossync("queue", "retry", "7", "--json").last["records"], 1)
        self.assertEqual(self.status()["queue"]["parked"], 0)
        self.ossync("queue", "drop", "7")
        self.assertEqual(self.events("QueueDropped")[0]["data"]["records"][0]["id"], "7")

    def test_a_run_that_may_not_begin_is_told_to_both(self):
        # A list pass is open, and the configuration that it depends on changes.
        self.sync("--mode", "full", "--max", "3")
        tree = configuration(self.server.url)
        tree["streams"]["os"]["list"]["paging"]["size"] = 7
        self.write("ossync.yaml", json.dumps(tree))
        process = self.serve()
        asked = self.ossync("sync", "--if-running", "ask", code=1)
        self.assert_one_clear_line(asked, "did not begin", "its own messages say why")
        self.assertIn("--abandon", self.said())
        self.assertIsNone(process.poll())


class Unhurt(Serving):
    """What goes wrong with one thing ends nothing else."""

    def test_a_secret_that_is_gone(self):
        tree = configuration(self.server.url)
        tree["api"]["auth"] = {"type": "bearer", "token": {"file": "token"}}
        token = self.write("token", "a-token-of-the-erp")
        self.write("ossync.yaml", json.dumps(tree))
        process = self.serve()
        token.unlink()
        tree["api"]["auth"] = "none"
        self.write("other.yaml", json.dumps(tree))
        asked = self.ossync("sync", "--config", "other.yaml", "--if-running", "ask", code=1)
        self.assert_one_clear_line(asked, "did not begin")
        self.assertIn("token", self.said())
        self.assertIsNone(process.poll())
        self.write("token", "a-token-of-the-erp")
        self.ossync("sync", "--config", "other.yaml", "--if-running", "ask")

    def test_requests_that_are_none(self):
        process = self.serve()
        inbox = self.store / "inbox"
        inbox.mkdir(exist_ok=True)
        texts = ["ossync request 1", "retry", "os", str(2**64 - 1), "7", "1", "host", "user", "1"]
        (inbox / "0").write_text("".join(f"{len(text)}:{text}," for text in texts))
        with open(os.fsencode(inbox) + b"/\xff.taken", "w", encoding="ascii"):
            pass
        self.ossync("sync", "--if-running", "ask")
        self.assertIsNone(process.poll())
        self.assertEqual(self.said().count("was removed"), 1)

    def test_a_signal_while_it_waits_for_the_store(self):
        first = self.serve()
        messages = self.folder / "second.err"
        with messages.open("w") as stderr:
            second = self.start("serve", "--if-running", "wait", stderr=stderr)
        self.wait_for(lambda: "waiting" in messages.read_text(), what="the wait")
        second.send_signal(signal.SIGHUP)
        second.send_signal(signal.SIGTERM)
        self.assertEqual(second.wait(20), 0)
        self.assertIsNone(first.poll())


class Running(Serving):
    """With a run under way that takes a while."""

    def setUp(self):
        super().setUp()
        self.server.stop()
        self.server = self.ready(
            200, "--latency-ms", 40, detail__batch={"size": 1, "join": ","},
            detail__concurrency=1, rateLimits__requestsPerMinute=None,
            rateLimits__requestsPerHour=None)
        self.process = self.serve()
        self.asker = self.start("sync", "--if-running", "ask", "--json")
        self.wait_for(lambda: self.store.exists() and self.events("DetailsFetched"))

    def test_health_is_asked_for_beside_the_run(self):
        result = self.finish(self.start("health", "--json"))
        self.assertEqual(result.code, 0, str(result))
        self.assertTrue(result.last["ok"])
        asked = self.events("HealthRequested")
        self.assertEqual(len(asked), 1)
        intent = [event for event in self.events("RequestIntended")
                  if event["cause"] == asked[0]["position"]]
        self.assertEqual([event["data"]["endpoint"] for event in intent], ["health"])
        self.assertEqual(self.runs()[0]["outcome"], "running")
        self.ossync("replay", "--verify")

    def test_several_ask_for_the_health_at_once(self):
        askers = [self.start("health", "--json") for _ in range(4)]
        for asker in askers:
            self.assertTrue(self.finish(asker).last["ok"])
        checked = self.events("HealthChecked")
        self.assertEqual(len(checked), 4)

    def test_an_asker_notices_that_another_service_came(self):
        self.asker.send_signal(signal.SIGSTOP)
        self.process.kill()
        self.process.wait()
        self.serve()
        self.asker.send_signal(signal.SIGCONT)
        self.assert_one_clear_line(self.finish(self.asker), "the service is gone", "resume")

    def test_doctor_asks_for_the_check_too(self):
        result = self.ossync("doctor", code=None)
        self.assertEqual(len(self.events("HealthRequested")), 1)
        self.assertIn("the API answers", result.out)
        self.assertIn("a service runs the schedules", result.out)

    def test_who_asked_for_a_run_stops_it_with_ctrl_c(self):
        self.asker.send_signal(signal.SIGINT)
        result = self.finish(self.asker)
        self.assertEqual(result.code, 143, str(result))
        self.assertEqual(result.last["outcome"], "interrupted")
        self.assertEqual(self.events("CancelRequested")[0]["data"]["requester"]["pid"],
                         self.asker.pid)
        self.assertIsNone(self.process.poll())
        self.ossync("replay", "--verify")

    def test_sigterm_ends_the_run_in_good_order(self):
        self.stop(self.process)
        self.assertEqual(self.runs()[0]["outcome"], "interrupted")
        self.assertEqual(self.finish(self.asker).code, 143)
        summary = self.sync("--mode", "resume")
        self.assertEqual(summary["outcome"], "completed")
        self.assert_same_as_server(self.server, range(1, 201))

    def test_killed_it_goes_on_where_it_was(self):
        self.process.kill()
        self.process.wait()
        result = self.finish(self.asker)
        self.assert_one_clear_line(result, "the service is gone", "resume")
        self.serve()
        again = self.ossync("sync", "--mode", "resume", "--if-running", "ask", "--json").last
        self.assertEqual(again["outcome"], "completed")
        self.assert_same_as_server(self.server, range(1, 201))

    def test_a_second_request_waits_for_the_end_of_the_first(self):
        second = self.start("sync", "--if-running", "ask", "--json")
        self.wait_for(lambda: list((self.store / "inbox").iterdir()), what="the request")
        self.asker.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(self.asker).code, 143)
        self.assertEqual(self.finish(second).last["outcome"], "completed")


class Scheduled(Serving):
    def test_a_new_schedule_waits_for_its_time(self):
        self.schedules(nightly={"cron": "0 0 29 2 *", "timeZone": "UTC"})
        process = self.serve()
        self.assertIn("serving", self.said())
        self.assertEqual(self.events("RunRequested"), [])
        self.stop(process)

    def test_its_time_comes_and_one_that_was_missed_is_made_good(self):
        self.schedules(often={"every": "1m"})
        process = self.serve()
        self.wait_for(lambda: self.events("RunCompleted"), seconds=75, what="the run")
        requested = self.events("RunRequested")[0]
        self.assertEqual(requested["data"]["schedule"], "often")
        self.assertLess(float(requested["time"][17:-1]), 5, "at the beginning of a minute")
        self.assertIn("schedule often", self.ossync("log", "show", "--event", "RunRequested").out)
        self.stop(process)
        if QUICK:
            return
        minute = int(time.time() // 60)
        self.wait_for(lambda: time.time() // 60 > minute, seconds=65)
        self.serve()
        self.wait_for(lambda: len(self.events("RunCompleted")) > 1, seconds=15, what="the run")


class Reloaded(Serving):
    def test_sighup_reads_the_configuration_anew(self):
        process = self.serve()
        self.schedules(nightly={"cron": "0 3 * * *", "timeZone": "America/Sao_Paulo"})
        process.send_signal(signal.SIGHUP)
        self.wait_for(lambda: "read anew" in self.said(), what="the reload")
        self.assertIn("nightly 0 3 * * * in America/Sao_Paulo", self.said())
        self.write("ossync.yaml", "streams: 7\n")
        process.send_signal(signal.SIGHUP)
        self.wait_for(lambda: "stays as it was" in self.said(), what="the refusal")
        self.assertIsNone(process.poll())
        self.ossync("sync", "--if-running", "ask", code=2)
        self.stop(process)

    def test_another_store_needs_another_start(self):
        process = self.serve()
        tree = configuration(self.server.url)
        tree["store"] = "./elsewhere"
        self.write("ossync.yaml", json.dumps(tree))
        process.send_signal(signal.SIGHUP)
        self.wait_for(lambda: "start the service anew" in self.said(), what="the refusal")


class Managed(Serving):
    """By a service manager that listens as systemd does."""

    def setUp(self):
        super().setUp()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        self.socket.settimeout(20)

    def environment_of(self, path, watchdog=None):
        values = {"NOTIFY_SOCKET": path}
        if watchdog:
            values["WATCHDOG_USEC"] = str(watchdog)
        return values

    def until(self, line):
        told = []
        while line not in told:
            told += self.socket.recv(4_096).decode().splitlines()
        return told

    def test_it_is_told_what_happens(self):
        path = str(self.folder / "notify")
        self.socket.bind(path)
        process = self.serve(env=self.environment_of(path, watchdog=400_000))
        self.until("READY=1")
        told = self.until("WATCHDOG=1") + self.until("WATCHDOG=1")
        self.assertIn("STATUS=idle", told)
        process.send_signal(signal.SIGHUP)
        told = self.until("RELOADING=1") + self.until("READY=1")
        self.assertTrue(any(line.startswith("MONOTONIC_USEC=") for line in told))
        process.send_signal(signal.SIGTERM)
        self.until("STOPPING=1")
        self.assertEqual(process.wait(60), 0, self.said())

    def test_an_abstract_socket(self):
        name = f"ossync-test-{os.getpid()}-{time.monotonic_ns()}"
        self.socket.bind(f"\0{name}")
        self.serve(env=self.environment_of(f"@{name}"))
        self.until("READY=1")

    def test_a_manager_that_is_gone_changes_nothing(self):
        process = self.serve(env=self.environment_of(str(self.folder / "nobody")))
        self.ossync("sync", "--if-running", "ask")
        self.stop(process)

    def test_another_process_holds_the_store(self):
        self.serve()
        self.assert_one_clear_line(self.ossync("serve", code=11), "in use", "serve")

    def test_a_configuration_that_can_only_fail(self):
        self.write("ossync.yaml", "store: ./ossync-store\n")
        self.assert_one_clear_line(self.ossync("serve", code=2), "streams")
