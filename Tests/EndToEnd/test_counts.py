"""How many requests a sync sends: the floor that the paging and the batches allow, and no more."""

import getpass
import hashlib
import json
import shlex
import socket
import time
from decimal import Decimal

from harness import ABSENT, Answer, Case, orders

REQUESTS = {"list", "detail", "other", "total"}
RECORDS = {"seen", "new", "changed", "unchanged", "detailed", "failed", "deleted"}
SUMMARY = {
    "v", "type", "stream", "run", "mode", "outcome", "reason", "exitCode", "requests", "records",
    "rateLimited", "durationSeconds", "floorSeconds", "position", "next",
}


class TenThousandRecords(Case):
    def test_asks_for_each_page_and_each_batch_once(self):
        server = self.ready(10_000, "--latency-ms", 0)
        first = self.sync()
        self.assertEqual(first["requests"], {"list": 10, "detail": 2000, "other": 0, "total": 2010})
        self.assertEqual(server.counts(), (10, 2000))
        self.assertEqual(server.arrivals()["details"], {"ids": 10_000, "mostRequestsOfOneID": 1})
        self.assertEqual(
            first["records"],
            {"seen": 10_000, "new": 10_000, "changed": 0, "unchanged": 0, "detailed": 10_000,
             "failed": 0, "deleted": 0})
        verified = self.verify()
        self.assertLessEqual(verified["commits"], 2010 + 4)
        status = self.status()
        self.assertEqual(status["records"]["withDetails"], 10_000)
        self.assertEqual(status["expenses"]["records"], 10_000)
        self.assertEqual(
            Decimal(status["expenses"]["total"]), server.expenses(list(range(1, 10_001))))

        server.forget()
        second = self.sync()
        self.assertEqual(second["requests"], {"list": 1, "detail": 0, "other": 0, "total": 1})
        self.assertEqual(server.counts(), (1, 0))

        server.append(3)
        server.forget()
        third = self.sync()
        self.assertLessEqual(third["requests"]["list"], 2)
        self.assertEqual(third["requests"]["detail"], 1)
        self.assertEqual(third["records"]["new"], 3)
        self.assertEqual(server.counts()[1], 1)

        before = self.ossync("log", "stats", "--json").last["bytes"]
        server.forget()
        full = self.sync("--mode", "full")
        self.assertEqual(full["requests"]["list"], 11)
        self.assertEqual(full["requests"]["detail"], 0)
        self.assertEqual(full["records"]["unchanged"], 10_003)
        grown = self.ossync("log", "stats", "--json").last["bytes"] - before
        self.assertLessEqual(grown, 2 * 10_003, "what didn't change costs two bytes a record")

    def test_needs_one_more_page_where_the_list_tells_no_total(self):
        server = self.ready(
            10_000, "--no-total", "--latency-ms", 0, detail__batch={"size": 500, "join": ","})
        first = self.sync()
        self.assertEqual(first["requests"]["list"], 11)
        self.assertEqual(server.counts()[0], 11)
        self.assertEqual(self.sync()["requests"]["total"], 1)

    def test_ends_soon_without_limits(self):
        self.ready(10_000, "--latency-ms", 1, detail__concurrency=32)
        started = time.monotonic()
        summary = self.sync()
        self.assertEqual(summary["requests"]["total"], 2010)
        self.assertLess(time.monotonic() - started, 15)
        self.assertLessEqual(self.verify()["commits"], 2010 + 4)


class Summary(Case):
    def assert_shape(self, summary):
        self.assertLessEqual(SUMMARY, set(summary))
        self.assertEqual(set(summary["requests"]), REQUESTS)
        self.assertEqual(set(summary["records"]), RECORDS)
        for number in list(summary["requests"].values()) + list(summary["records"].values()):
            self.assertIs(type(number), int)
        for key in ("v", "exitCode", "rateLimited", "position"):
            self.assertIs(type(summary[key]), int, key)
        for key in ("durationSeconds", "floorSeconds"):
            self.assertIn(type(summary[key]), (int, float), key)
        for key in ("type", "stream", "run", "mode", "outcome"):
            self.assertIs(type(summary[key]), str, key)
        self.assertIn(summary["outcome"],
                      ("completed", "paused", "partial", "interrupted", "failed"))
        requests = summary["requests"]
        self.assertEqual(
            requests["total"], requests["list"] + requests["detail"] + requests["other"])
        self.assertRegex(summary["run"], r"^r\d+$")

    def test_has_the_documented_keys_and_types(self):
        server = self.ready(50)
        summary = self.sync()
        self.assert_shape(summary)
        self.assertEqual(summary["reason"], None)
        self.assertEqual(summary["next"], None)
        self.assertEqual(summary["position"], self.status()["position"])
        self.assert_shape(self.sync("--mode", "resume"))
        server.stop()
        result = self.ossync("sync", "--json", code=6)
        self.assert_shape(result.last)
        self.assertEqual(result.last["outcome"], "failed")
        self.assertEqual(len([o for o in result.objects if o["type"] == "summary"]), 1)

    def test_status_and_export_tell_of_one_moment(self):
        self.ready(2_000, "--latency-ms", 50, list__paging__size=500)
        process = self.start("sync", "--json")
        self.wait_for((self.store / "log/data.mdb").exists)
        positions = set()
        while process.poll() is None:
            status = self.status()
            if status["expenses"]:
                self.assertEqual(
                    status["records"]["withDetails"], status["expenses"]["records"], status)
            positions.add(status["position"])
            rows = self.folder / "rows.ndjson"
            summary = self.ossync("export", "ndjson", "--json", "--output", rows).last
            newest = [
                max(row["headerPosition"], row["detailPosition"] or 0)
                for row in map(json.loads, rows.read_text().splitlines())]
            self.assertLessEqual(max(newest, default=0), summary["position"])
        self.assertEqual(self.finish(process).code, 0)
        self.assertGreater(len(positions), 2)

    def test_stdout_is_only_json_with_json(self):
        self.ready(50)
        for arguments in ([], ["--verbose"], ["--quiet"]):
            for found in self.ossync("sync", "--json", *arguments).objects:
                self.assertEqual(found["v"], 1)

    def test_words_without_json(self):
        self.ready(50)
        result = self.ossync("sync")
        self.assertIn("50 new", result.out)
        self.assertEqual(self.ossync("sync", "--quiet").out, "")


class Modes(Case):
    def test_no_details_leaves_them_to_a_later_run(self):
        server = self.ready(2_000)
        first = self.sync("--no-details")
        self.assertEqual(first["requests"], {"list": 2, "detail": 0, "other": 0, "total": 2})
        self.assertEqual(self.status()["queue"]["pending"], 2_000)
        self.assertIsNone(first["next"])
        later = self.sync("--mode", "details-only")
        self.assertEqual(later["requests"], {"list": 0, "detail": 400, "other": 0, "total": 400})
        self.assertEqual(server.counts(), (2, 400))
        self.assertEqual(self.status()["records"]["withDetails"], 2_000)

    def test_incremental_fetches_what_no_details_left(self):
        self.ready(200)
        self.sync("--no-details")
        self.assertEqual(
            self.sync()["requests"], {"list": 1, "detail": 40, "other": 0, "total": 41})

    def test_max_pauses_and_the_next_command_goes_on(self):
        server = self.ready(2_500)
        first = self.sync("--max", 100)
        self.assertEqual((first["outcome"], first["reason"]), ("paused", "max"))
        self.assertEqual(first["requests"], {"list": 1, "detail": 20, "other": 0, "total": 21})
        self.assertEqual(first["records"]["new"], 100)
        self.assertEqual(self.status()["records"]["total"], 100)
        words = shlex.split(first["next"])
        self.assertEqual(words[0], "ossync")
        rest = self.sync(*words[2:])
        self.assertEqual(rest["outcome"], "completed")
        self.assertEqual(self.status()["records"]["withDetails"], 2_500)
        arrivals = server.arrivals()
        self.assertEqual(arrivals["details"], {"ids": 2_500, "mostRequestsOfOneID": 1})
        self.assertEqual(arrivals["endpoints"]["list"], 4)

    def test_the_next_command_works_where_the_options_were_given(self):
        self.ready(300)
        other = self.folder / "elsewhere"
        other.mkdir()
        store = self.folder / "my store"
        config = self.folder / "ossync.yaml"
        first = self.sync("--max", 10, "--config", config, "--store", store, cwd=other)
        words = shlex.split(first["next"])
        self.assertEqual(words[0], "ossync")
        result = self.ossync(*words[1:], cwd=other)
        self.assertIn("completed", result.out)
        status = self.ossync("status", "--json", "--store", store).last
        self.assertEqual(status["records"]["withDetails"], 300)

    def test_max_several_times_over(self):
        server = self.ready(300, list__paging__size=100)
        for _ in range(5):
            self.assertEqual(self.sync("--max", 60)["records"]["new"], 60)
        self.assertEqual(self.sync()["outcome"], "completed")
        self.assertEqual(server.arrivals()["details"], {"ids": 300, "mostRequestsOfOneID": 1})
        self.assertEqual(self.status()["records"]["total"], 300)

    def test_max_in_details_only(self):
        server = self.ready(100)
        self.sync("--no-details")
        summary = self.sync("--mode", "details-only", "--max", 7)
        self.assertEqual(summary["records"]["detailed"], 7)
        self.assertEqual(summary["outcome"], "paused")
        self.assertEqual(server.arrivals()["details"]["ids"], 7)

    def test_full_sees_what_changed(self):
        server = self.ready(1_500)
        self.sync()
        server.touch(7)
        server.touch(1_400)
        server.forget()
        summary = self.sync("--mode", "full")
        self.assertEqual(summary["records"]["changed"], 2)
        self.assertEqual(summary["records"]["unchanged"], 1_498)
        self.assertEqual(server.counts(), (2, 1))
        self.assert_same_as_server(server, range(1, 1_501))

    def test_full_ignores_what_is_configured_in_every_element(self):
        """A time that changes with each request is no change."""
        base = orders(20)

        def answer(request):
            body = json.loads(base(request).body)
            for row in body["data"]:
                row["views"] = [{"at": request.number, "by": "a"}, {"at": request.number}]
            return Answer(body)
        server = self.serve(answer)
        self.configure(
            server.url, list__ignore=["/views/*/at"], detail__ignore=["/views/*/at"])
        self.sync()
        summary = self.sync("--mode", "full")
        self.assertEqual(summary["records"]["changed"], 0)
        self.assertEqual(summary["requests"]["detail"], 0)

    def test_resume_without_anything_to_resume(self):
        self.ready(20)
        self.sync()
        summary = self.sync("--mode", "resume")
        self.assertEqual((summary["outcome"], summary["reason"], summary["requests"]["total"]),
                         ("completed", "nothingToResume", 0))

    def test_error_on_no_change(self):
        self.ready(20)
        self.sync("--error-on-no-change")
        self.assertEqual(self.sync("--error-on-no-change", code=7)["exitCode"], 7)

    def test_details_of_one_record_a_call(self):
        server = self.ready(
            60, detail={"path": "/os/{id}", "id": "/id", "records": "", "concurrency": 4})
        summary = self.sync()
        self.assertEqual(summary["requests"]["detail"], 60)
        self.assert_same_as_server(server, range(1, 61))

    def test_no_detail_call_at_all(self):
        self.ready(60, detail=ABSENT)
        self.assertEqual(self.sync()["requests"]["total"], 1)
        self.assertEqual(self.status()["records"]["total"], 60)
        self.assertEqual(self.sync()["requests"]["total"], 1)

    def test_offset_and_keyset_paging(self):
        for paging in (
            {"type": "offset", "offsetParam": "offset", "sizeParam": "limit", "size": 100},
            {"type": "idAfter", "param": "id_gt", "sizeParam": "per_page", "size": 100},
        ):
            with self.subTest(paging["type"]):
                server = self.ready(950, list__paging=paging, store=f"./{paging['type']}")
                summary = self.sync()
                self.assertEqual(summary["requests"]["list"], 10)
                self.assert_same_as_server(server, range(1, 951))
                self.assertEqual(self.sync()["requests"]["total"], 1)

    def test_poison_and_missing_records_block_no_other(self):
        server = self.ready(100, "--poison", 13, "--missing", 57)
        result = self.ossync("sync", "--json", code=3)
        summary = result.last
        self.assertEqual((summary["outcome"], summary["reason"]), ("partial", "parked"))
        self.assertEqual(summary["records"]["failed"], 2)
        self.assertEqual(summary["records"]["detailed"], 98)
        parked = self.ossync("queue", "list", "--state", "parked", "--json").objects
        self.assertEqual({entry["id"] for entry in parked}, {"13", "57"})
        server.forget()
        again = self.sync()
        self.assertEqual(again["requests"]["detail"], 0, "parked records were asked for again")


class Bounds(Case):
    def test_max_duration_pauses_resumably(self):
        server = self.ready(
            1_000, "--limit", "20/1",
            rateLimits__windows=[{"name": "w", "requests": 20, "seconds": 1}])
        started = time.monotonic()
        summary = self.sync("--max-duration", "3s", code=5)
        self.assertLess(abs(time.monotonic() - started - 3), 0.8)
        self.assertEqual((summary["outcome"], summary["reason"]), ("paused", "maxDuration"))
        self.assertIn("resume", summary["next"])
        before = server.arrivals()["details"]["ids"]
        self.assertGreater(before, 100)
        self.sync("--mode", "resume")
        self.assertEqual(server.arrivals()["details"], {"ids": 1_000, "mostRequestsOfOneID": 1})
        self.assertEqual(server.arrivals()["statuses"], {"200": 201})

    def test_patience_ends_a_run_that_would_wait_too_long(self):
        server = self.ready(
            200, rateLimits__windows=[{"name": "w", "requests": 20, "seconds": 60}])
        started = time.monotonic()
        summary = self.sync("--patience", "2s", code=(5, 6))
        self.assertLess(time.monotonic() - started, 5)
        self.assertEqual(summary["outcome"], "paused")
        self.assertEqual(server.counts(), (1, 19))
        self.assertEqual(self.sync("--patience", "2s", code=(5, 6))["requests"]["total"], 0)

    def test_patience_ends_a_run_that_the_server_holds_off(self):
        def answer(request):
            return Answer({"e": 1}, 429, {"Retry-After": "3600"})
        server = self.serve(answer)
        self.configure(server.url)
        summary = self.sync("--patience", "2s", code=6)
        self.assertEqual((summary["outcome"], summary["rateLimited"]), ("paused", 1))
        self.assertEqual(summary["reason"], "patience")
        self.assertEqual(len(server.arrivals), 1)
        self.sync("--patience", "2s", code=6)
        self.assertEqual(len(server.arrivals), 1, "the cooldown was forgotten")


class DryRun(Case):
    def digest(self):
        found = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            found.update(str(path).encode())
            # LMDB's table of readers is no data.
            if path.is_file() and path.name != "lock.mdb":
                found.update(path.read_bytes())
        return found.hexdigest()

    def test_sends_and_writes_nothing(self):
        server = self.ready(500)
        for arguments in (["sync", "--dry-run"], ["plan"], ["plan", "--records", "500"]):
            before = self.digest()
            plan = self.ossync(*arguments, "--json").last
            self.assertEqual(plan["type"], "plan")
            self.assertEqual(self.digest(), before)
        self.assertEqual(plan["requests"], {"list": 1, "detail": 100, "other": 0, "total": 101})
        self.sync("--max", 100)
        server.forget()
        for arguments in (["sync", "--dry-run", "--mode", "resume"], ["plan", "--mode", "full"]):
            before = self.digest()
            self.ossync(*arguments, "--json")
            self.assertEqual(self.digest(), before)
        self.assertEqual(server.arrivals()["total"], 0)

    def test_plan_says_the_floor(self):
        self.configure("http://127.0.0.1:9/api", rateLimits={
            "requestsPerMinute": 20, "requestsPerHour": 600})
        plan = self.ossync("plan", "--records", 10_000, "--json").last
        self.assertEqual(plan["requests"], {"list": 10, "detail": 2000, "other": 0, "total": 2010})
        # Three full hours of 600, then 210 more by 20 a minute.
        self.assertEqual(plan["floorSeconds"], 3 * 3600 + 600)
        unknown = self.ossync("plan", "--json").last
        self.assertEqual(unknown["requests"]["list"], None)
        self.assertEqual(unknown["floorSeconds"], None)


class Abandon(Case):
    def test_a_changed_list_is_refused_until_the_pass_is_given_up(self):
        server = self.ready(300, list__paging__size=100)
        self.sync("--max", 150)
        self.configure(server.url, list__paging__size=50)
        for mode in ("resume", "incremental"):
            result = self.ossync("sync", "--mode", mode, "--json", code=2)
            self.assertEqual(result.last["exitCode"], 2)
            self.assert_one_clear_line(result, "list.paging", "--abandon")
        self.assertEqual(self.sync("--abandon")["outcome"], "completed")
        self.assertEqual(self.status()["records"]["withDetails"], 300)

    def test_another_api_is_refused(self):
        server = self.ready(10)
        self.sync()
        self.configure(server.url.replace("127.0.0.1", "localhost"))
        self.assert_one_clear_line(
            self.ossync("sync", code=2), "belongs to", "api.id")


class IfRunning(Case):
    def setUp(self):
        super().setUp()
        self.server = self.ready(
            1_000, "--limit", "20/1",
            rateLimits__windows=[{"name": "w", "requests": 20, "seconds": 1}])

    def running(self, *arguments):
        process = self.start("sync", "--json", *arguments)
        self.wait_for(lambda: self.server.counts()[1] > 5, what="the first details")
        return process

    def test_fail_says_who_holds_the_store(self):
        process = self.running()
        result = self.ossync("sync", "--json", code=11)
        self.assertEqual((result.last["type"], result.last["exitCode"]), ("error", 11))
        self.assert_one_clear_line(
            result, f"pid {process.pid}", socket.gethostname(), getpass.getuser(), "since",
            "details", "--if-running")

    def test_skip_and_readers(self):
        self.running()
        summary = self.sync("--if-running", "skip")
        self.assertEqual((summary["outcome"], summary["reason"]), ("completed", "skipped"))
        state = self.status()["state"]
        self.assertEqual((state["phase"], state["running"]), ("details", True))
        self.ossync("log", "tail", "-n", 5)
        self.ossync("log", "verify")
        self.ossync("export", "csv")
        self.ossync("queue", "retry", "1")

    def test_wait_goes_on_when_the_other_ends(self):
        process = self.running("--max-duration", "3s")
        summary = self.sync("--if-running", "wait", "--max", 5)
        self.assertEqual(summary["outcome"], "paused")
        self.assertEqual(self.finish(process).code, 5)
