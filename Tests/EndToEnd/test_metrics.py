"""What Prometheus is told: the right numbers, which only grow, in a file that is always whole."""

import base64
import collections
import fcntl
import json
import os
import shutil
import signal
import subprocess

from exposition import Exposition
from harness import ROOT, Answer, Case, orders

NAMES = {
    "ossync_api_requests_total": ("counter", {"endpoint", "code", "stream"}),
    "ossync_api_request_duration_seconds": ("histogram", {"endpoint", "stream", "le"}),
    "ossync_rate_limit_wait_seconds_total": ("counter", {"reason"}),
    "ossync_rate_budget_remaining": ("gauge", {"window"}),
    "ossync_records_synced_total": ("counter", {"phase", "stream"}),
    "ossync_queue_depth": ("gauge", {"state", "stream"}),
    "ossync_last_success_timestamp_seconds": ("gauge", {"mode", "stream"}),
    "ossync_log_last_position": ("gauge", set()),
    "ossync_log_store_bytes": ("gauge", set()),
    "ossync_projection_lag_events": ("gauge", {"projection"}),
    "ossync_build_info": ("gauge", {"version", "log_format"}),
}


class Metrics(Case):
    def metrics(self, *arguments):
        return Exposition(self.ossync("metrics", *arguments).out)

    def assert_grown(self, before, after):
        for key, value in before.growing.items():
            self.assertGreaterEqual(after.samples.get(key, -1), value, key)


class Numbers(Metrics):
    def test_they_are_those_of_the_log(self):
        server = self.ready(
            300, "--poison", 13, rateLimits__requestsPerMinute=1_000_000)
        summaries = [self.sync(code=3)]
        server.touch(7)
        server.append(20)
        summaries.append(self.sync("--mode", "full", code=(0, 3)))
        self.ossync("health")
        found = self.metrics()
        for projection in self.ossync("projections", "list", "--json").objects:
            self.assertEqual(
                found.get("ossync_projection_lag_events", projection=projection["name"]),
                projection["logPosition"] - projection["position"])
        for name, (kind, labels) in NAMES.items():
            self.assertEqual(found.kinds[name], kind)
            own = {label for (sample, pairs) in found.samples for label, _ in pairs
                   if sample == name or sample.startswith(f"{name}_")}
            self.assertEqual(own, labels, name)
        events = self.events()
        intents = {event["position"]: event["data"]["endpoint"] for event in events
                   if event["event"] == "RequestIntended"}
        answers, seconds = collections.Counter(), collections.Counter()
        for event in events:
            if "exchange" in event["data"]:
                endpoint = intents[event["data"]["intent"]]
                answers[endpoint, str(event["data"]["exchange"]["status"])] += 1
                seconds[endpoint] += event["data"]["exchange"]["latencyUs"] / 1e6
        for (endpoint, code), count in answers.items():
            self.assertEqual(found.get(
                "ossync_api_requests_total", endpoint=endpoint, code=code, stream="os"), count)
        self.assertEqual(found.sum("ossync_api_requests_total"), len(intents))
        for endpoint, sum_of in seconds.items():
            name = "ossync_api_request_duration_seconds"
            count = sum(n for (own, _), n in answers.items() if own == endpoint)
            labels = {"endpoint": endpoint, "stream": "os"}
            self.assertAlmostEqual(found.get(f"{name}_sum", **labels), sum_of, places=5)
            self.assertEqual(found.get(f"{name}_count", **labels), count)
            self.assertEqual(found.get(f"{name}_bucket", le="+Inf", **labels), count)
        self.check_state(found, summaries)

    def check_state(self, found, summaries):
        records = [summary["records"] for summary in summaries]
        synced = lambda phase: found.get("ossync_records_synced_total", phase=phase, stream="os")
        self.assertEqual(synced("headers"), sum(r["new"] + r["changed"] for r in records))
        self.assertEqual(synced("details"), sum(r["detailed"] for r in records))
        status = self.status()
        for state, count in status["queue"].items():
            self.assertEqual(found.get("ossync_queue_depth", state=state, stream="os"), count)
        self.assertEqual(status["queue"]["parked"], 1)
        self.assertEqual(
            found.get("ossync_records", details="with", stream="os"),
            status["records"]["withDetails"])
        self.assertEqual(found.get("ossync_log_last_position"), status["position"])
        self.assertEqual(
            found.get("ossync_log_store_bytes"), (self.store / "log/data.mdb").stat().st_size)
        limit = status["rateLimit"]["minute"]
        self.assertEqual(
            found.get("ossync_rate_budget_remaining", window="minute"),
            limit["limit"] - limit["used"])
        self.assertLess(found.get("ossync_rate_budget_remaining", window="minute"), 1_000_000)
        self.assertEqual(found.sum("ossync_build_info"), 1)
        ends = collections.Counter(
            (run["mode"], run["outcome"]) for run in self.ossync("runs", "--json").objects)
        for (mode, outcome), count in ends.items():
            self.assertEqual(found.get(
                "ossync_runs_total", mode=mode, outcome=outcome, stream="os"), count)
        self.assertEqual(found.sum("ossync_runs_total"), sum(ends.values()))

    def test_success_has_its_time_by_mode(self):
        self.ready(30)
        self.sync()
        first = self.metrics().samples
        self.sync("--mode", "full")
        found = self.metrics()
        name = "ossync_last_success_timestamp_seconds"
        times = {run["mode"]: run["lastAt"] for run in self.ossync("runs", "--json").objects}
        self.assertEqual(set(times), {"incremental", "full"})
        incremental = found.get(name, mode="incremental", stream="os")
        self.assertEqual(incremental, first[name, frozenset(
            {"mode": "incremental", "stream": "os"}.items())])
        self.assertGreater(found.get(name, mode="full", stream="os"), incremental)
        self.sync("--mode", "resume")
        self.assertEqual(self.metrics().sum(name), found.sum(name), "there was nothing to resume")

    def test_waits_by_their_reason(self):
        refused = orders(20)
        server = self.serve(
            lambda request: Answer({"e": 1}, 429) if request.number == 2 else refused(request))
        window = {"name": "burst", "requests": 2, "seconds": 1}
        self.configure(
            server.url, rateLimits__windows=[window], detail__batch={"size": 10},
            detail__concurrency=1)
        summary = self.sync()
        found = self.metrics()
        wait = lambda reason: found.get("ossync_rate_limit_wait_seconds_total", reason=reason)
        self.assertEqual(wait("failure"), 0)
        self.assertGreater(wait("budget") + wait("cooldown"), 0.9)
        self.assertLess(found.sum("ossync_rate_limit_wait_seconds_total"),
                        summary["durationSeconds"] + 0.01)
        self.assertEqual(
            found.get("ossync_api_requests_total", endpoint="detail", code="429", stream="os"), 1)

    def test_json_says_the_same(self):
        self.ready(30)
        self.sync()
        text, tree = self.metrics(), self.ossync("metrics", "--json").last
        self.assertEqual((tree["v"], tree["type"]), (1, "metrics"))
        self.assertEqual(tree["position"], self.status()["position"])
        self.assertEqual({one["name"]: one["type"] for one in tree["metrics"]}, text.kinds)
        samples = {(sample["name"], frozenset(sample["labels"].items())): float(sample["value"])
                   for one in tree["metrics"] for sample in one["samples"]}
        self.assertEqual(samples, text.samples)


class Growing(Metrics):
    """Counters are sums over the log: nothing but events changes them."""

    def test_over_kills_rebuilds_and_compactions(self):
        server = self.ready(200, list__paging__size=50)
        self.sync()
        before = self.metrics()
        for number in range(3):
            server.append(40)
            process = self.start("sync", "--mode", "full")
            self.wait_for(lambda: len(self.events()) > 30 * number, what="an event")
            process.kill()
            process.wait()
            after = self.metrics()
            self.assert_grown(before, after)
            before = after
        self.sync("--mode", "full")
        before = self.metrics()
        self.assertEqual(
            before.sum("ossync_api_requests_total"),
            len(self.events("--event", "RequestIntended")))
        shutil.rmtree(self.store / "projections")
        self.assertEqual(self.metrics().growing, before.growing)
        self.ossync("projections", "rebuild", "history")
        self.assertEqual(self.metrics().growing, before.growing)
        self.ossync("log", "compact", "--before", f"@{self.status()['position'] // 2}")
        (self.store / "archive").rename(self.folder / "away")
        self.assertEqual(self.metrics().growing, before.growing)
        (self.folder / "away").rename(self.store / "archive")
        shutil.rmtree(self.store / "projections")
        self.assertEqual(self.metrics().growing, before.growing)

    def test_while_a_run_holds_the_store_and_after_it_was_killed(self):
        normal = orders(10)

        def answer(request):
            reply = normal(request)
            reply.delay = 0 if request.path == "/api/os" else 30
            return reply
        server = self.serve(answer)
        self.configure(server.url, detail__concurrency=1)
        process = self.start("sync")
        self.wait_for(lambda: len(server.arrivals) == 2, what="the second request")
        found = self.metrics()
        self.assertEqual(found.get("ossync_sync_running", stream="os"), 1)
        self.assertEqual(found.sum("ossync_api_requests_total"), 1)
        process.kill()
        process.wait()
        self.assertEqual(self.metrics().get("ossync_sync_running", stream="os"), 0)
        server.stop()
        self.sync("--mode", "resume", "--patience", "0s", code=6)
        found = self.metrics()
        requests = lambda code: found.get(
            "ossync_api_requests_total", endpoint="detail", code=code, stream="os")
        self.assertEqual(requests("abandoned"), 1)
        self.assertGreaterEqual(requests("none"), 1)
        self.assertEqual(found.get(
            "ossync_api_request_duration_seconds_count", endpoint="detail", stream="os"),
            requests("none"))
        self.assertGreaterEqual(found.get(
            "ossync_runs_total", mode="incremental", outcome="interrupted", stream="os"), 1)


class Textfile(Metrics):
    def setUp(self):
        super().setUp()
        self.file = self.folder / "ossync.prom"

    def test_a_file_that_others_can_read_and_that_is_replaced_as_a_whole(self):
        self.ready(30)
        self.sync()
        mask = os.umask(0o077)
        self.addCleanup(os.umask, mask)
        for _ in range(2):
            result = self.ossync("metrics", "--textfile", "ossync.prom")
            self.assertEqual(result.out + result.err, "")
            self.assertEqual(self.file.stat().st_mode & 0o7777, 0o644)
            self.assertEqual(self.file.read_text(), self.ossync("metrics").out)
        with open(self.file, encoding="ascii") as old:
            self.sync()
            self.ossync("metrics", "--textfile", "ossync.prom")
            self.assertNotEqual(old.read(), self.file.read_text())
            self.assertNotEqual(os.fstat(old.fileno()).st_ino, self.file.stat().st_ino)
        self.assertEqual(list(self.folder.glob("ossync.prom?*")), [])
        self.assertEqual(
            self.ossync("metrics", "--textfile", "-").out, self.ossync("metrics").out)

    def test_what_cant_be_written_is_said(self):
        self.ready(30)
        self.sync()
        for target in ("no/such/folder.prom", "store"):
            result = self.ossync("metrics", "--textfile", target, code=1)
            self.assert_one_clear_line(result, target, "write failed", "may write to")
        self.assertEqual([path.name for path in self.folder.glob("*.part")], [])
        result = self.ossync("metrics", "--textfile", "a.prom", "--json", code=2)
        self.assert_one_clear_line(result, "--textfile", "--json")

    def test_the_store_is_read_only_once_the_file_is_ones_own(self):
        """Else what was read before could take the place of what another read after it."""
        self.configure("http://127.0.0.1:9/api")
        file = self.folder / "ossync.prom"
        with open(f"{file}.part", "w") as unfinished:
            fcntl.flock(unfinished, fcntl.LOCK_EX)
            # That there is no store isn't seen yet.
            self.ossync("metrics", "--textfile", file, code=11)
        result = self.ossync("metrics", "--textfile", file, code=10)
        self.assertNotIn("name a file", result.err)
        self.assertEqual(list(self.folder.glob("ossync.prom*")), [])

    def test_no_file_has_an_empty_name(self):
        self.assert_one_clear_line(
            self.ossync("metrics", "--textfile", "", code=2), "--textfile is empty: name a file")

    def test_no_store_no_metrics(self):
        self.configure("http://127.0.0.1:9/api")
        for arguments in ([], ["--json"], ["--textfile", "ossync.prom"]):
            self.ossync("metrics", *arguments, code=10)
        self.assertFalse(self.file.exists())
        self.assertFalse(self.store.exists())

    def fresh(self):
        """The metrics in the file, which is there and goes on up to the log's end."""
        found = Exposition(self.file.read_text())
        self.assertEqual(found.get("ossync_log_last_position"), self.status()["position"])
        self.file.unlink()
        return found

    def test_each_sync_writes_it_however_it_ends(self):
        self.ready(30, "--poison", 7, retry__attempts=1, metrics={"textfile": "./ossync.prom"})
        self.sync(code=3)
        self.fresh()
        self.sync("--max", 5, "--mode", "full")
        self.fresh()
        self.sync("--mode", "resume", code=(0, 3))
        self.fresh()
        self.configure("http://127.0.0.1:9/api", api__id="x", store="./other",
                       metrics={"textfile": "./ossync.prom"})
        self.ossync("sync", "--patience", "0s", code=6)
        self.assertTrue(self.file.exists())

    def test_a_sync_that_is_stopped_or_comes_too_late_writes_it_too(self):
        normal = orders(10)

        def answer(request):
            reply = normal(request)
            reply.delay = 1 if request.path == "/api/os" else 0
            return reply
        server = self.serve(answer)
        self.configure(server.url)
        env = {"OSSYNC_METRICS_TEXTFILE": str(self.file)}
        process = self.start("sync", env=env)
        self.wait_for(lambda: server.arrivals, what="a request")
        self.ossync("sync", env=env, code=11)
        self.assertEqual(self.fresh().get("ossync_sync_running", stream="os"), 1)
        self.ossync("sync", "--if-running", "skip", env=env)
        self.fresh()
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process).code, 130)
        self.assertEqual(self.fresh().get("ossync_sync_running", stream="os"), 0)

    def test_a_file_that_cant_be_written_changes_nothing_else(self):
        self.ready(30, metrics={"textfile": "./no/such/folder.prom"})
        summary = self.sync()
        self.assertEqual((summary["outcome"], summary["records"]["new"]), ("completed", 30))
        result = self.ossync("sync", "--quiet")
        self.assert_one_clear_line(result, "metrics were not written", "no/such/folder.prom")
        self.assertEqual(result.out, "")

    def test_a_plan_writes_nothing(self):
        self.ready(30, metrics={"textfile": "./ossync.prom"})
        self.ossync("sync", "--dry-run")
        self.assertFalse(self.file.exists())


class Promtool(Metrics):
    def test_it_has_nothing_to_say(self):
        promtool = shutil.which("promtool") or shutil.which(ROOT / ".build/promtool")
        if not promtool:
            self.skipTest("promtool isn't there: tools/setup takes it out of Debian's prometheus")
        for records in (0, 200):
            shutil.rmtree(self.store, ignore_errors=True)
            self.ready(records, "--poison", 13, rateLimits__requestsPerMinute=1_000_000)
            self.sync(code=(0, 3))
            text = self.ossync("metrics").out
            done = subprocess.run(
                [promtool, "check", "metrics"], input=text.encode(), capture_output=True)
            self.assertEqual(
                (done.returncode, done.stdout, done.stderr), (0, b"", b""), done.stderr.decode())
        wrong = text.replace("ossync_queue_depth", "ossync_queue_depth_total")
        done = subprocess.run(
            [promtool, "check", "metrics"], input=wrong.encode(), capture_output=True)
        self.assertNotEqual(done.returncode, 0, "it takes anything")


class Secrets(Metrics):
    TOKEN = "CANARY-7f3a9c51e8-CANARY"
    CONTROLS = "\x1b\x07\u202e\u009b\u2028"

    def test_nothing_that_the_api_says_is_in_them(self):
        normal = orders(6)
        needles = [
            self.TOKEN, base64.b64encode(f"user:{self.TOKEN}".encode()).decode(), *self.CONTROLS]
        for status in (200, 500, 401, 429):
            shutil.rmtree(self.store, ignore_errors=True)
            said = f"you sent {self.TOKEN} {self.CONTROLS}"

            def answer(request):
                if status != 200:
                    return Answer({"error": said}, status, {"Retry-After": "0"})
                body = json.loads(normal(request).body)
                for row in body["data"]:
                    row["note"] = said
                return Answer(body)
            server = self.serve(answer)
            self.configure(
                server.url, metrics={"textfile": "./ossync.prom"},
                api__auth={"type": "basic", "user": "user", "password": self.TOKEN})
            self.ossync("sync", "--max-duration", "1s", code=None)
            for text in (self.ossync("metrics").out, self.ossync("metrics", "--json").out,
                         (self.folder / "ossync.prom").read_text()):
                self.assertIn("ossync_api_requests_total", text)
                for needle in needles:
                    self.assertNotIn(needle, text)
