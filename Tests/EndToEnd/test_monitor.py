"""`ossync monitor`, with real keys on a real terminal."""

import fcntl
import os
import signal
import time
import unittest

from harness import Answer, children, is_running, orders
from screen import MonitorCase

# What ends a process that does nothing about it, beside what is asked of people and faults.
ENDINGS = [
    signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF,
    signal.SIGXCPU, signal.SIGIO, signal.SIGPWR, signal.SIGSYS, signal.SIGRTMIN, signal.SIGRTMAX,
]
TABS = ["Overview", "Events", "Queue", "Errors", "Budget", "Runs", "Projections"]


class Syncs(MonitorCase):
    def test_a_sync_is_watched_from_its_key_to_its_end(self):
        self.watch(80, 24)

    def test_it_is_on_a_large_screen_too(self):
        self.watch(200, 60)

    def watch(self, columns, rows):
        self.ready_with_store(300)
        screen = self.monitor(columns=columns, rows=rows)
        text = screen.see("records   0", "idle")
        self.assertEqual(len(text.rstrip("\n").split("\n")), rows)
        screen.press("3")
        screen.see("records   300", "details   300 with, 0 without", "done", "idle")
        status = self.status()
        screen.see(f"expenses  {status['expenses']['total']} in 300 records")
        screen.press("Tab")
        screen.see("RunCompleted", "DetailsFetched")
        screen.press("Tab")
        screen.see("nothing waits for its details")
        screen.press("Tab")
        screen.see("no errors")
        screen.press("Tab")
        screen.see("next slot now", "limits    none configured")
        screen.press("Tab")
        screen.see("completed", "61 requests")
        screen.press("Tab")
        screen.see("os", "0 events behind")
        screen.press("1")
        screen.see("records   300")
        screen.press("q")
        self.assert_restored(screen, 0)
        self.assertEqual(self.verify()["exitCode"], 0)

    def test_s_stops_a_sync_in_an_orderly_way_and_4_goes_on(self):
        self.ready_with_store(300, "--limit", "20/4", rateLimits__windows=[
            {"name": "burst", "requests": 20, "seconds": 4}])
        screen = self.monitor()
        screen.see("idle")
        screen.press("3")
        text = screen.see("next in", "ETA", "burst", "20/20")
        self.assertRegex(
            text, r"details [\d,]+/300 \d+% \| next in \d+\.\ds \| ETA .+ \(\d\d:\d\dZ\)")
        self.assertRegex(text, r"held by +`ossync sync --mode incremental`, pid \d+")
        screen.press("s")
        screen.see("stopped; 4 goes on with it", "a run is unfinished")
        completed = self.events("--event", "RunCompleted")[-1]["data"]
        self.assertEqual(completed["outcome"], "interrupted")
        screen.press("4")
        screen.see("details   300 with, 0 without", "`ossync sync --mode resume`: done",
                   seconds=60)
        screen.press("q")
        self.assert_restored(screen, 0)

    def test_each_key_asks_for_its_own_mode(self):
        self.server = self.ready_with_store(40)
        screen = self.monitor()
        screen.see("idle")
        screen.press("6")
        screen.see("records   40", "details   0 with, 40 without", "--no-details`: done")
        screen.press("5")
        screen.see("details   40 with, 0 without", "--mode details-only`: done")
        screen.press("2")
        screen.see("`ossync health`: done")
        screen.press("4")
        screen.see("`ossync sync --mode resume`: there was nothing to resume")
        screen.press("7")
        screen.see("Ask for the whole list of os again?")
        screen.press("n")
        # What was said is gone with the next key.
        screen.see("idle", gone=["Ask for the whole list", "mode resume"])
        before = self.server.counts()
        screen.press("7")
        screen.see("Ask for the whole list of os again?", "only where they are missing")
        screen.press("y")
        screen.see("`ossync sync --mode full`: done")
        modes = [event["data"]["mode"] for event in self.events("--event", "RunRequested")]
        self.assertEqual(
            modes, ["incremental", "details-only", "health", "resume", "full"])
        # As the question said: the list, and no detail of what didn't change.
        self.assertGreater(self.server.counts()[0], before[0])
        self.assertEqual(self.server.counts()[1], before[1])

    def test_a_sync_goes_on_without_its_monitor_or_stops_with_it(self):
        self.ready_with_store(300, "--limit", "20/4", rateLimits__windows=[
            {"name": "burst", "requests": 20, "seconds": 4}])
        for key, goes_on in (("l", True), ("s", False)):
            with self.subTest(key=key):
                screen = self.monitor()
                screen.see("idle")
                screen.press("3")
                screen.see("next in")
                sync = children(self.process())[0]
                screen.press("q")
                screen.see("l leave: let it go on", "s stop it, and quit")
                screen.press("n")
                screen.see("next in", gone=["l leave"])
                screen.press("q")
                screen.see("l leave")
                screen.press(key)
                self.assert_restored(screen, 0)
                if goes_on:
                    self.assertTrue(self.status()["state"]["running"])
                    os.kill(sync, signal.SIGTERM)
                self.wait_for(lambda: not self.status()["state"]["running"], what="its end")
                completed = self.events("--event", "RunCompleted")[-1]["data"]
                self.assertEqual(completed["outcome"], "interrupted")

    def test_errors_and_parked_records_are_listed_and_retried(self):
        broken = {"is": True}
        good = orders(12)

        def answer(request):
            if request.path.endswith("details") and broken["is"]:
                ids = request.query["ids"].split(",")
                if "7" in ids:
                    return Answer({"error": "\x1b[31mkaputt\x1b]0;title\x07 整備"}, 500)
            return good(request)
        server = self.serve(answer)
        self.ossync("init")
        self.configure(server.url, store="./ossync-store")
        self.ossync("sync", code=3)
        screen = self.monitor()
        screen.see("1 parked")
        self.assertNotIn("\x1b[31mkaputt", screen.escapes)
        screen.press("Tab", "Tab")
        screen.see("parked", "7  ")
        screen.press("Enter")
        screen.see("Details", "state: parked", "id: 7")
        screen.press("Escape")
        screen.press("Tab")
        screen.see("RequestFailed", "RecordParked")
        broken["is"] = False
        screen.press("BTab")
        screen.see("parked")
        screen.press("r")
        screen.see("`ossync queue retry 7`: done", "pending")
        screen.press("5")
        screen.see("nothing waits for its details")
        self.assertEqual(self.status()["records"]["withDetails"], 12)


class Screens(MonitorCase):
    def setUp(self):
        super().setUp()
        self.ready_with_store(60)
        self.ossync("sync")

    def test_a_filter_keeps_what_has_the_text(self):
        screen = self.monitor(rows=60)
        screen.see("records   60")
        screen.press("Tab")
        screen.see("DetailsFetched", "PageFetched")
        screen.type("/pagefetch")
        screen.see("/pagefetch_", "PageFetched", gone=["DetailsFetched"])
        screen.press("Enter")
        screen.see('1 of', '"pagefetc', 'esc: all')
        # Another message doesn't hide that the list isn't whole.
        screen.press("2")
        screen.see("`ossync health`: done", '1 of', '"pagefetc')
        screen.press("Escape")
        screen.see("DetailsFetched", gone=["esc: all"])
        screen.press("End")
        screen.see("StoreBound")

    def test_ctrl_l_draws_the_screen_anew(self):
        screen = self.monitor()
        screen.see("records   60")
        terminal = screen.run_tmux("display-message", "-p", "-t", "one", "#{pane_tty}").strip()
        with open(terminal, "w") as other:
            other.write("\x1b[8;1Hsomebody else wrote this")
        screen.see("somebody else wrote this")
        screen.press("C-l")
        screen.see("records   60", gone=["somebody else"])

    def test_help_and_pause(self):
        screen = self.monitor()
        screen.see("records   60")
        screen.press("?")
        screen.see("Keys", "7  full sync (asks first)")
        screen.press("Escape")
        screen.see("records   60", gone=["asks first"])
        screen.press("Space")
        screen.see("PAUSED")
        before = screen.text
        self.ossync("health")
        time.sleep(1.2)
        self.assertEqual(screen.text, before)
        screen.press("Space")
        screen.see(f"@{self.status()['position']}", gone=["PAUSED"])

    def test_it_follows_the_size_of_the_terminal(self):
        screen = self.monitor()
        screen.see("Projections")
        screen.resize(200, 60)
        screen.see("what happened", "RunCompleted", "space pause")
        screen.resize(30, 10)
        screen.see("< Overview 1/7 >")
        screen.resize(15, 4)
        screen.see("too small")
        screen.resize(80, 24)
        screen.see("Projections", "records   60", "7 full")
        screen.press("q")
        self.assert_restored(screen, 0)

    def test_colours_and_characters(self):
        screen = self.monitor()
        screen.see("█")
        self.assertRegex(screen.escapes, "\x1b\\[[0-9;]*3[0-7]")
        for arguments, env, term in (
                ((), {"NO_COLOR": "1"}, "tmux-256color"),
                (("--color", "never"), {}, "tmux-256color"), ((), {}, "vt100")):
            with self.subTest(arguments=arguments, env=env, term=term):
                plain = self.monitor(*arguments, env=env, term=term)
                plain.see("records   60")
                self.assertNotRegex(plain.escapes, "\x1b\\[[0-9;]*3[0-7]")
        for arguments, env in ((("--ascii",), {}), ((), {"LC_ALL": "C"})):
            with self.subTest(arguments=arguments, env=env):
                ascii = self.monitor(*arguments, env=env)
                text = ascii.see("records   60", "#")
                self.assertTrue(text.isascii())
        # A locale that isn't installed is still one whose characters are UTF-8.
        screen = self.monitor(env={"LC_ALL": "xx_YY.UTF-8"})
        screen.see("█")

    def test_the_store_is_only_read(self):
        def state():
            return {
                str(path.relative_to(self.store)): path.read_bytes()
                for path in sorted(self.store.rglob("*"))
                if path.is_file() and path.name != "lock.mdb"}
        before = state()
        screen = self.monitor()
        screen.see("records   60")
        for tab in TABS:
            screen.see(tab)
            screen.press("Tab")
        screen.press("q")
        self.assert_restored(screen, 0)
        self.assertEqual(state(), before)


class Ends(MonitorCase):
    def setUp(self):
        super().setUp()
        self.ready_with_store(60)
        self.ossync("sync")

    def test_signals_give_the_terminal_back(self):
        for number, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 143),
                             (signal.SIGSEGV, 12), (signal.SIGABRT, 12), (signal.SIGQUIT, 131),
                             *((number, 128 + number) for number in ENDINGS)):
            with self.subTest(signal=number):
                screen = self.monitor()
                screen.see("records   60")
                os.kill(self.process(), number)
                self.assert_restored(screen, code)
        screen = self.monitor()
        screen.see("records   60")
        # A reader that is gone is an error of a write, and no end.
        os.kill(self.process(), signal.SIGPIPE)
        screen.press("Tab")
        screen.see("what happened")
        screen.press("C-c")
        self.assert_restored(screen, 130)

    def test_a_signal_stops_the_sync_that_it_started(self):
        self.configure(
            self.demo("--records", 300, "--limit", "20/60").url, store="./other",
            rateLimits__windows=[{"name": "burst", "requests": 20, "seconds": 60}])
        self.ossync("health")
        self.store = self.folder / "other"
        for number, code in ((signal.SIGTERM, 143), (signal.SIGUSR1, 138), (signal.SIGQUIT, 131)):
            with self.subTest(signal=number):
                screen = self.monitor()
                screen.see("idle")
                screen.press("3")
                screen.see("next in")
                os.kill(self.process(), number)
                self.assert_restored(screen, code)
                self.wait_for(
                    lambda: not self.status()["state"]["running"], what="the sync's end")
                completed = self.events("--event", "RunCompleted")[-1]["data"]
                self.assertEqual(completed["outcome"], "interrupted")

    def test_a_sync_that_was_killed_runs_no_longer_on_the_page_of_runs(self):
        self.configure(
            self.demo("--records", 300, "--limit", "20/60").url, store="./other",
            rateLimits__windows=[{"name": "burst", "requests": 20, "seconds": 60}])
        self.store = self.folder / "other"
        sync = self.start("sync")
        self.wait_for(lambda: self.store.exists() and self.events("--event", "DetailsFetched"),
                      what="details")
        screen = self.monitor(columns=200)
        screen.see("next in")
        screen.press(*["Tab"] * 5)
        screen.see("running")
        os.kill(sync.pid, signal.SIGKILL)
        screen.see("interrupted", gone=["running"])

    def test_a_terminal_that_is_closed_ends_it(self):
        screen = self.monitor()
        screen.see("records   60")
        process = self.process()
        screen.end()
        self.wait_for(lambda: not is_running(process), what="its end")


class Holders(MonitorCase):
    """The store is another process's, which is asked."""

    def setUp(self):
        super().setUp()
        self.server = self.ready_with_store(300, "--limit", "20/4", rateLimits__windows=[
            {"name": "burst", "requests": 20, "seconds": 4}])

    def test_a_sync_is_asked_for_a_health_check_and_to_stop(self):
        sync = self.start("sync", "--mode", "full")
        self.wait_for(lambda: self.server.counts()[1] >= 5, what="details")
        screen = self.monitor(columns=200, rows=60)
        screen.see(f"held by   `ossync sync --mode full`, pid {sync.pid}", "next in")
        screen.press("3")
        screen.see("the store is in use: `ossync sync --mode full`")
        screen.press("2")
        screen.see("`ossync health`: done")
        screen.press("s")
        screen.see(f"`ossync sync --mode full`, pid {sync.pid}, stops: it finishes")
        self.assertEqual(self.finish(sync).code, 143)
        screen.see("a run is unfinished", gone=["held by"])
        monitor = self.process()
        cancelled = self.events("--event", "CancelRequested")[-1]["data"]
        self.assertEqual(cancelled["requester"]["pid"], monitor)
        checked = self.events("--event", "HealthRequested")[-1]["data"]
        self.assertNotEqual(checked["requester"]["pid"], sync.pid)
        screen.press("q")
        self.assert_restored(screen, 0)

    def test_a_service_makes_the_runs(self):
        service = self.start("serve")
        screen = self.monitor(columns=200, rows=60)
        screen.see("idle: a service waits for the next run", f"pid {service.pid}")
        screen.press("s")
        screen.see("no sync is running")
        screen.press("3")
        screen.see("next in", "`ossync sync --mode incremental` started")
        asker = children(self.process())[0]
        screen.press("s")
        screen.see("stopped; 4 goes on with it", "a run is unfinished")
        requested = self.events("--event", "RunRequested")[-1]["data"]
        self.assertEqual(requested["requester"]["pid"], asker)
        screen.press("4")
        screen.see("`ossync sync --mode resume`: done", "details   300 with", seconds=60)
        screen.press("q")
        self.assert_restored(screen, 0)
        service.send_signal(signal.SIGTERM)
        self.assertEqual(self.finish(service).code, 0)

    def test_who_takes_no_requests_is_named(self):
        with (self.store / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.write("4711\nhost\nsomebody\n2026-11-24T08:00:00Z\nlog compact")
            lock.flush()
            screen = self.monitor(columns=200)
            screen.see("held by   `ossync log compact`, pid 4711 on host", "in use")
            for key in ("2", "3"):
                screen.press(key)
                screen.see("the store is in use: `ossync log compact`, pid 4711")
                screen.press("1")
                screen.see("in use", gone=["the store is in use"])
        self.assertEqual(self.server.counts(), (0, 0))


class Refusals(MonitorCase):
    def on_terminal(self, *arguments, **options):
        """What a command says that gives up at once, on a terminal."""
        screen = self.monitor(*arguments, columns=200, **options)
        text = screen.see("settled")
        self.assertIn("before", text)
        return text

    def test_no_terminal(self):
        self.configure("http://127.0.0.1:1/api")
        result = self.ossync("monitor", code=2)
        self.assert_one_clear_line(result, "terminal", "ossync status")

    def test_no_store(self):
        self.configure("http://127.0.0.1:1/api")
        text = self.on_terminal()
        self.assertIn("there is no store here", text)
        self.assertIn("ended with 10", text)

    def test_a_damaged_store(self):
        self.ready_with_store(20)
        self.ossync("sync")
        (self.store / "log/data.mdb").write_bytes(b"rubbish" * 3000)
        text = self.on_terminal()
        self.assertIn("ended with 12", text)
        self.assertIn("ossync: ", text)

    def test_a_store_that_goes_away(self):
        self.ready_with_store(20)
        self.ossync("sync")
        screen = self.monitor()
        screen.see("records   20")
        self.store.rename(self.folder / "gone")
        self.assertIn("there is no store here", self.assert_restored(screen, 10))

    def test_a_store_that_is_compacted_meanwhile(self):
        self.ready_with_store(20)
        self.ossync("sync")
        screen = self.monitor()
        screen.see("records   20")
        self.ossync("log", "compact", "--before", "@30")
        self.ossync("health")
        screen.see(f"@{self.status()['position']}")
        screen.press("q")
        self.assert_restored(screen, 0)

    def test_terminals_that_cannot_be_used(self):
        self.ready_with_store(5)
        for term in ("no-such-terminal", "dumb", ""):
            with self.subTest(term=term):
                text = self.on_terminal(term=term)
                self.assertIn("ended with 2", text)
                self.assertIn("this terminal can't be used", text)

    def test_json_is_for_other_commands(self):
        self.configure("http://127.0.0.1:1/api")
        result = self.ossync("monitor", "--json", code=2)
        self.assert_one_clear_line(result, "status --json")


if __name__ == "__main__":
    unittest.main()
