"""Every command as people and scripts meet it: shapes, options, exit codes, help."""

import csv
import io
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
from decimal import Decimal

from harness import BINARY, ROOT, Answer, Case, detail, exact, orders

COMMANDS = [
    [], ["init"], ["doctor"], ["health"], ["plan"], ["sync"], ["status"], ["show"],
    ["log"], ["log", "show"], ["log", "tail"], ["log", "verify"],
    ["queue"], ["queue", "list"], ["queue", "retry"], ["queue", "drop"],
    ["projections"], ["projections", "list"], ["projections", "rebuild"],
    ["export"], ["export", "csv"], ["export", "ndjson"],
    ["config"], ["config", "show"], ["demo"],
]


class Help(Case):
    def test_of_every_command_has_an_example(self):
        for command in COMMANDS:
            with self.subTest(command=command):
                result = self.ossync(*command, "--help")
                self.assertIn("USAGE", result.out)
                self.assertEqual(result.err, "")
                if command:
                    self.assertRegex(result.out, r"Example: ossync " + " ".join(command[:1]))
                for line in result.out.splitlines():
                    if not line.startswith("USAGE"):
                        self.assertLessEqual(len(line), 100, line)

    def test_every_example_is_understood(self):
        """What the help proposes at least parses."""
        self.configure("http://127.0.0.1:9/api")
        for command in COMMANDS[1:]:
            text = self.ossync(*command, "--help").out
            example = re.search(r"Example: ossync (.*)", text)
            if not example or command in (["demo"], ["init"], ["log"]) or "--follow" in example[1]:
                continue
            with self.subTest(example=example.group(1)):
                words = example.group(1).split(" > ")[0].split()
                self.assertNotEqual(self.ossync(*words, code=None).code, 2)

    def test_version(self):
        self.assertRegex(self.ossync("--version").out, r"^\d+\.\d+\.\d+")


class Synced(Case):
    """A store with 300 records, 2 of them parked, and nothing that must not be there."""

    RECORDS = 300

    def setUp(self):
        super().setUp()
        self.server = self.ready(self.RECORDS, "--poison", 13, "--missing", 57)
        self.sync(code=3)


class Status(Synced):
    def test_has_the_documented_keys(self):
        status = self.ossync("status", "--json").last
        self.assertLessEqual(
            {"v", "type", "stream", "position", "records", "expenses", "state", "queue",
             "rateLimit"}, set(status))
        self.assertEqual(status["type"], "status")
        self.assertLessEqual(
            {"total": 300, "withDetails": 298, "withoutDetails": 2, "failed": 2, "deleted": 0,
             "missing": 0}.items(), status["records"].items())
        self.assertLessEqual(
            {"phase", "highWaterMark", "run", "lastCompletedAt", "lastError"},
            set(status["state"]))
        self.assertEqual(status["state"]["phase"], "idle")
        self.assertEqual(status["state"]["highWaterMark"], "300")
        self.assertLessEqual(
            {"pending": 0, "retrying": 0, "parked": 2}.items(), status["queue"].items())
        self.assertIn("cooldownUntil", status["rateLimit"])
        self.assertIs(type(status["expenses"]["total"]), str)

    def test_sums_the_expenses_exactly(self):
        total = self.status()["expenses"]
        known = [one for one in range(1, 301) if one not in (13, 57)]
        self.assertEqual(Decimal(total["total"]), self.server.expenses(known))
        self.assertEqual(total["records"], 298)

    def test_tells_the_budget(self):
        self.configure(self.server.url, rateLimits__requestsPerMinute=90,
                       rateLimits__requestsPerHour=900)
        self.sync()
        limit = self.status()["rateLimit"]
        self.assertEqual(limit["minute"]["limit"], 90)
        self.assertEqual(limit["hour"]["limit"], 900)
        self.assertGreater(limit["minute"]["used"], 0)
        self.assertGreaterEqual(limit["hour"]["used"], limit["minute"]["used"])

    def test_words(self):
        out = self.ossync("status").out
        for word in ("300 records", "298", "2 parked", "idle"):
            self.assertIn(word, out)

    def test_without_an_expense_column_it_is_null(self):
        self.configure(self.server.url, columns={"customer": {"pointer": "/customer/name"}})
        self.assertIsNone(self.status()["expenses"])

    def test_is_quick(self):
        self.status()
        best = min(self.timed() for _ in range(5))
        self.assertLess(best, 0.3)

    def timed(self):
        started = time.monotonic()
        self.status()
        return time.monotonic() - started


class Show(Synced):
    def test_has_the_documented_keys(self):
        record = self.ossync("show", "42", "--json").last
        self.assertLessEqual(
            {"v", "type", "id", "columns", "header", "detail", "details_synced",
             "sync_attempted_at", "sync_error", "deleted_at"}, set(record))
        self.assertEqual((record["type"], record["id"]), ("record", "42"))
        self.assertIs(record["details_synced"], True)
        self.assertIsNone(record["sync_error"])
        self.assertIs(type(record["columns"]["expense_total"]), str)
        server = self.server.admin("/admin/record?id=42")
        self.assertEqual(record["header"], server["header"])
        self.assertEqual(record["detail"], server["detail"])
        self.assertIn("42", self.ossync("show", "42").out)

    def test_a_record_that_failed(self):
        record = self.ossync("show", "13", "--json").last
        self.assertIs(record["details_synced"], False)
        self.assertIsNone(record["detail"])
        self.assertIn("500", record["sync_error"])
        self.assertIsNone(record["columns"]["expense_total"])
        self.assertIsNotNone(record["sync_attempted_at"])

    def test_unknown_ids(self):
        for one in ("9999", "no", "", "-1", "1e3", "é" * 500, "0042"):
            with self.subTest(id=one):
                result = self.ossync("show", "--json", "--", one, code=1)
                self.assertEqual(result.last["exitCode"], 1)
                self.assert_one_clear_line(result, "no record")

    def test_text_and_numbers_stay_verbatim(self):
        text = (
            '{"id": 7, "big": 12345678901234567890123456789012345678901234, "e": 1e400, '
            '"f": 1.10, "neg": -0.0, "esc": "\\u00e9\\/\\ud800", "sp" : [ 1 , 2.50 ],\n'
            ' "expenses":[{"amount":0.1},{"amount":0.20},{"amount":"1e-3"}]}')

        def answer(request):
            if request.path == "/api/os":
                return Answer(f'{{"total":1,"data":[{text}]}}'.encode())
            return Answer(f'{{"data":[{text}]}}'.encode())
        server = self.serve(answer)
        self.configure(server.url, store="./verbatim")
        self.sync()
        compact = text.replace(" ", "").replace("\n", "")
        out = self.ossync("show", "7", "--json").out
        self.assertIn('"header":' + compact, out)
        self.assertIn('"detail":' + compact, out)
        self.assertIn(compact, self.ossync("export", "ndjson").out)
        self.assertEqual(self.status()["expenses"]["total"], "0.301")


class Log(Synced):
    def test_show_has_the_documented_keys(self):
        events = self.events()
        self.assertEqual([event["position"] for event in events], list(range(1, len(events) + 1)))
        for event in events:
            self.assertLessEqual(
                {"v", "type", "position", "time", "event", "schema", "run", "cause", "data"},
                set(event))
            self.assertLess(event["cause"], event["position"])
            self.assertRegex(event["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")
            if event["run"] is not None:
                self.assertRegex(event["run"], r"^r\d+$")
        self.assertEqual(len(events), self.status()["position"])

    def test_show_ranges(self):
        some = self.events("--from", 5, "--to", 9)
        self.assertEqual([event["position"] for event in some], [5, 6, 7, 8, 9])
        self.assertEqual(len(self.events("--from", 5, "--limit", 2)), 2)
        self.assertEqual(self.events("--from", 10 ** 9), [])
        self.assertEqual(self.events("--limit", 0), [])
        self.assertEqual(len(self.ossync("log", "show", "--limit", 3).out.splitlines()), 3)
        self.ossync("log", "show", "--limit", -1, code=(0, 2))

    def test_tail(self):
        end = self.status()["position"]
        lines = self.ossync("log", "tail", "-n", 4, "--json").objects
        self.assertEqual([event["position"] for event in lines], list(range(end - 3, end + 1)))
        self.assertEqual(len(self.ossync("log", "tail", "--lines", 0, "--json").objects), 0)

    def test_tail_follows(self):
        end = self.status()["position"]
        process = self.start("log", "tail", "--follow", "-n", 1, "--json")
        time.sleep(0.3)
        self.sync()
        time.sleep(0.6)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=5)
        seen = [json.loads(line)["position"] for line in out.splitlines()]
        self.assertEqual(seen, list(range(end, self.status()["position"] + 1)))

    def test_combined_log(self):
        text = (self.store / "logs/combined.log").read_text()
        self.assertIn("RunCompleted", text)
        self.ossync("sync", "--log-file", "mine.log")
        self.assertIn("RunCompleted", (self.folder / "mine.log").read_text())


class Queue(Synced):
    def test_list_retry_drop(self):
        entries = self.ossync("queue", "list", "--json").objects
        self.assertEqual({entry["id"] for entry in entries}, {"13", "57"})
        for entry in entries:
            self.assertEqual(entry["state"], "parked")
            self.assertLessEqual(
                {"id", "state", "priority", "attempts", "nextAttemptAt", "lastError"}, set(entry))
        self.ossync("queue", "retry", "13")
        self.assertEqual(self.status()["queue"]["parked"], 1)
        self.assertEqual(self.status()["queue"]["pending"] + self.status()["queue"]["retrying"], 1)
        self.assertEqual(self.sync("--mode", "details-only", code=3)["records"]["failed"], 1)
        self.ossync("queue", "drop", "13", "57")
        self.assertEqual(self.ossync("queue", "list", "--state", "parked").out, "")
        self.server.forget()
        self.assertEqual(self.sync()["requests"]["detail"], 0)
        self.assertEqual(self.sync("--mode", "full", code=(0, 3))["requests"]["detail"], 0)
        self.server.touch(13)
        self.assertGreater(self.sync("--mode", "full", code=3)["requests"]["detail"], 0)
        self.verify()

    def test_unknown_records_change_nothing(self):
        before = self.status()["position"]
        for arguments in (["retry", "9999"], ["drop", "13", "9999"], ["retry", "1"]):
            result = self.ossync("queue", *arguments, code=1)
            self.assert_one_clear_line(result, "nothing was changed")
        self.assertEqual(self.status()["position"], before)

    def test_order_new_before_retried_newest_first(self):
        self.server.append(4)
        self.ossync("queue", "retry", "13")
        self.sync("--no-details")
        ids = [entry["id"] for entry in self.ossync("queue", "list", "--json").objects]
        self.assertEqual(ids[:4], ["304", "303", "302", "301"])
        self.assertIn("13", ids[4:])


class Projections(Synced):
    def test_list_and_rebuild(self):
        (found,) = self.ossync("projections", "list", "--json").objects
        self.assertLessEqual(
            {"type": "projection", "name": "os", "rows": 300, "stale": False}.items(),
            found.items())
        result = self.ossync("projections", "rebuild", "os", "--json")
        self.assertEqual((result.last["type"], result.last["rows"]), ("summary", 300))
        self.assert_one_clear_line(
            self.ossync("projections", "rebuild", "nothing", code=2), "nothing", "os")

    def test_deleting_them_costs_only_a_rebuild(self):
        before = self.status(), self.ossync("export", "csv").out
        for command in (["status"], ["export", "csv"], ["projections", "list"], ["sync"],
                        ["projections", "rebuild", "os"]):
            shutil.rmtree(self.store / "projections")
            self.ossync(*command)
        shutil.rmtree(self.store / "projections")
        self.server.stop()
        after = self.status(), self.ossync("export", "csv").out
        self.assertEqual(after[1], before[1])
        self.assertEqual(after[0]["expenses"], before[0]["expenses"])

    def test_a_changed_column_is_rebuilt(self):
        self.configure(self.server.url, columns={
            "client": {"pointer": "/customer/name"}, "lines": {"count": "/expenses/*"},
            "expense_total": {"sum": "/expenses/*/amount", "type": "decimal"}})
        rows = list(csv.DictReader(io.StringIO(self.ossync("export", "csv").out)))
        self.assertEqual(len(rows), 300)
        self.assertIn("client", rows[0])
        self.assertNotIn("customer", rows[0])
        details = self.server.details([one for one in range(1, 301) if one not in (13, 57)])
        for row in rows:
            if row["id"] not in ("13", "57"):
                self.assertEqual(row["client"], details[int(row["id"])]["customer"]["name"])
                self.assertEqual(int(row["lines"]), len(details[int(row["id"])]["expenses"]))
        self.assertEqual(self.status()["expenses"]["records"], 298)

    def test_readers_see_it_while_a_sync_runs(self):
        self.server.append(2_000)
        process = self.start("sync")
        while process.poll() is None:
            self.ossync("status")
            self.ossync("export", "csv")
        shutil.rmtree(self.store / "projections")
        self.server.append(1_000)
        process = self.start("sync")
        while process.poll() is None:
            self.status()


class Export(Synced):
    def test_csv(self):
        rows = list(csv.DictReader(io.StringIO(self.ossync("export", "csv").out)))
        self.assertEqual({row["id"] for row in rows}, {str(one) for one in range(1, 301)})
        details = self.server.details([one for one in range(1, 301) if one not in (13, 57)])
        for row in rows:
            if row["id"] in ("13", "57"):
                self.assertEqual(row["expense_total"], "")
                continue
            amounts = [line["amount"] for line in details[int(row["id"])]["expenses"]]
            amounts = [one[1] if isinstance(one, tuple) else one for one in amounts]
            self.assertEqual(Decimal(row["expense_total"]), sum(map(Decimal, amounts)))

    def test_to_a_file(self):
        for kind in ("csv", "ndjson"):
            result = self.ossync("export", kind, "--output", f"out.{kind}", "--json")
            self.assertEqual((result.last["type"], result.last["records"]), ("summary", 300))
            self.assertEqual(
                (self.folder / f"out.{kind}").read_bytes().decode(), self.ossync("export", kind).out)
            self.assertFalse((self.folder / f"out.{kind}.part").exists())
        result = self.ossync("export", "csv", "--output", "no/such/folder.csv", code=1)
        self.assert_one_clear_line(result, "no/such/folder.csv")

    def test_cells_that_a_spreadsheet_would_run(self):
        names = ["=1+1", "+x", "-x", "@x", "\tx", "\rx", 'a "b", c', "line\nend", "\u202ex"]

        def answer(request):
            rows = [{"id": index + 1, "customer": {"name": name}, "n": -5}
                    for index, name in enumerate(names)]
            return Answer({"total": len(rows), "data": rows})
        server = self.serve(answer)
        self.configure(server.url, store="./cells", columns={
            "name": {"pointer": "/customer/name"}, "n": {"pointer": "/n", "type": "integer"}})
        self.sync()
        text = self.ossync("export", "csv").out
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        self.assertEqual(len(rows), len(names))
        for row in rows:
            name = names[int(row["id"]) - 1]
            quoted = "'" + name if name[0] in "=+-@\t\r" else name
            self.assertEqual(row["name"], quoted)
            self.assertEqual(row["n"], "-5")

    def test_a_reader_that_closes_early(self):
        for arguments in (["export", "ndjson"], ["log", "show", "--json"], ["log", "show"]):
            process = self.start(*arguments)
            process.stdout.readline()
            process.stdout.close()
            err = process.stderr.read()
            self.assertIn(process.wait(10), (0, 141, -13), err)
            self.assertEqual(err, b"")


class Options(Synced):
    def test_global_ones_before_and_after_the_command(self):
        other = self.folder / "elsewhere"
        other.mkdir()
        config = str(self.folder / "ossync.yaml")
        expected = self.status()["records"]
        for arguments in (
            ["--config", config, "--json", "status"], ["status", "--config", config, "--json"],
            ["--json", "status", "--config", config], [f"--config={config}", "status", "--json"],
        ):
            self.assertEqual(self.ossync(*arguments, cwd=other).last["records"], expected)
        for arguments in (
            ["--config", config, "log", "tail", "-n", "1"],
            ["log", "--config", config, "tail", "-n", "1"],
            ["log", "tail", "--config", config, "-n", "1"],
        ):
            with self.subTest(arguments=arguments[0]):
                self.assertTrue(self.ossync(*arguments, cwd=other).out)

    def test_the_store_by_flag_and_variable(self):
        moved = self.folder / "moved"
        self.store.rename(moved)
        self.ossync("status", code=10)
        self.ossync("status", "--store", moved)
        self.ossync("status", env={"OSSYNC_STORE": str(moved)})
        other = self.ossync("status", "--store", self.folder / "none", code=10,
                            env={"OSSYNC_STORE": str(moved)})
        self.assertIn("none", other.err)

    def test_a_relative_store_is_beside_the_configuration(self):
        for cwd in ("/", str(self.folder)):
            self.ossync("status", "--config", self.folder / "ossync.yaml", cwd=cwd)

    def test_no_colour_where_none_is_wanted(self):
        for env in ({}, {"NO_COLOR": "1"}, {"TERM": "dumb"}):
            for arguments in (["status"], ["sync"], ["log", "tail"], ["doctor"]):
                result = self.ossync(*arguments, env=env)
                self.assertNotIn("\x1b", result.out + result.err)

    def test_quiet(self):
        result = self.ossync("sync", "--quiet")
        self.assertEqual(result.out + result.err, "")


class Config(Case):
    def test_show_says_where_each_value_came_from(self):
        self.configure("http://127.0.0.1:9/api", api__auth={"type": "bearer", "token": "t" * 20})
        result = self.ossync(
            "config", "show", "--origin", "--store", "./s",
            env={"OSSYNC_REQUESTS_PER_HOUR": "77"})
        lines = {line.split(":")[0]: line for line in result.out.splitlines()}
        self.assertIn("--store", lines["store"])
        self.assertIn("OSSYNC_REQUESTS_PER_HOUR", lines["rateLimits.requestsPerHour"])
        self.assertIn("ossync.yaml", lines["api.baseURL"])
        self.assertIn("default", lines["rateLimits.backoffMultiplier"])
        self.assertIn("***", result.out)
        self.assertNotIn("t" * 20, result.out)
        found = self.ossync("config", "show", "--origin", "--json").objects
        self.assertLessEqual({"v", "type", "key", "value", "origin"}, set(found[0]))

    def test_init(self):
        for _ in range(2):
            self.ossync("init")
        self.assertEqual(self.status()["records"]["total"], 0)
        text = (self.folder / "ossync.yaml").read_text()
        self.assertIn("#", text)
        self.assertEqual((self.folder / "ossync.yaml").stat().st_mode & 0o77, 0)
        self.ossync("log", "verify")
        self.ossync("config", "show")
        self.write("ossync.yaml", "store: ./mine\n")
        self.ossync("init", code=(0, 2))
        self.assertEqual((self.folder / "ossync.yaml").read_text(), "store: ./mine\n")

    def test_init_writes_a_configuration_that_works(self):
        self.ossync("init")
        server = self.demo("--records", 20)
        text = (self.folder / "ossync.yaml").read_text()
        base = re.search(r"baseURL: *(\S+)", text).group(1)
        text = text.replace(base, server.url)
        (self.folder / "ossync.yaml").write_text(text)
        result = self.ossync("doctor", "--json", code=None,
                             env={name: "x" * 20 for name in re.findall(r"env: *(\w+)", text)})
        self.assertEqual(result.code, 0, str(result))


class Doctor(Case):
    def findings(self, *arguments, code):
        result = self.ossync("doctor", "--json", *arguments, code=code)
        self.assertEqual(result.last["type"], "summary")
        self.assertEqual(result.last["exitCode"], code)
        return {found["check"]: found for found in result.objects if found["type"] == "finding"}

    def test_all_is_well(self):
        server = self.ready(5)
        found = self.findings(code=0)
        self.assertLessEqual({"configuration", "clock", "disk", "store", "api"}, set(found))
        self.assertEqual(found["api"]["level"], "ok")
        self.assertEqual(server.arrivals()["total"], 1)
        server.forget()
        self.findings("--offline", code=0)
        self.assertEqual(server.arrivals()["total"], 0)

    def test_the_api_is_away(self):
        self.configure("http://127.0.0.1:9/api")
        self.assertEqual(self.findings(code=6)["api"]["level"], "error")

    def test_the_token_is_wrong(self):
        server = self.demo("--records", 5, "--token", "right-token-right")
        self.configure(server.url, api__auth={"type": "bearer", "token": "wrong-token-wrong"})
        found = self.findings(code=4)
        self.assertIn("401", found["api"]["message"])

    def test_the_configuration_is_wrong(self):
        self.write("ossync.yaml", "nonsense: 1\n")
        self.assertIn("nonsense", self.findings(code=2)["configuration"]["message"])

    def test_the_store_is_wrong(self):
        self.ready(5)
        (self.store / "log").mkdir(parents=True)
        (self.store / "log/data.mdb").write_bytes(b"z" * 9_000)
        self.assertEqual(self.findings(code=12)["store"]["level"], "error")


class Health(Case):
    def test_tells_status_latency_and_skew(self):
        server = self.ready(5, "--latency-ms", 20)
        result = self.ossync("health", "--json")
        self.assertEqual(result.last["type"], "summary")
        self.assertEqual((result.last["status"], result.last["exitCode"]), (200, 0))
        self.assertGreaterEqual(result.last["latencyMs"], 15)
        self.assertLess(abs(result.last["clockSkewSeconds"]), 3)
        self.assertEqual(server.arrivals()["total"], 1)
        self.assertIn("HealthChecked", [event["event"] for event in self.events()])
        self.assertIn("200", self.ossync("health").out)

    def test_names_the_limits_and_a_wrong_clock(self):
        server = self.serve(lambda _: Answer({"data": []}, headers={
            "X-RateLimit-Limit": "20", "X-RateLimit-Remaining": "19",
            "Date": "Tue, 15 Nov 1994 12:45:26 GMT"}))
        self.configure(server.url)
        result = self.ossync("health")
        self.assertIn("ratelimit-limit: 20", result.out.lower())
        self.assertIn("behind", result.out)

    def test_failures(self):
        for status, code in ((401, 4), (500, 6), (503, 6), (404, 1), (429, 6)):
            with self.subTest(status=status):
                server = self.serve(lambda _: Answer({"e": 1}, status))
                self.configure(server.url, store=f"./s{status}")
                result = self.ossync("health", "--json", code=code)
                self.assertEqual(result.last["exitCode"], code)
                self.assertEqual(len(server.arrivals), 1)


    def test_a_refusal_is_the_answer(self):
        """A check of the health is one request, whatever comes of it."""
        server = self.serve(lambda _: Answer({"e": 1}, 429, {"Retry-After": "100"}))
        self.configure(server.url)
        result = self.ossync("health", "--json", code=6, timeout=10)
        self.assertEqual(result.last["status"], 429)
        result = self.ossync("doctor", "--json", code=(5, 6), timeout=10)
        self.assertEqual(len(server.arrivals), 1, "the wait that the server asked for is not kept")


class Demo(Case):
    def test_runs_alone_and_ends_with_the_status(self):
        environment = {"TMPDIR": str(self.folder)}
        result = self.ossync("demo", "--records", 800, "--json", env=environment)
        self.assertEqual(result.last["type"], "summary")
        self.assertEqual(result.last["requests"]["total"], 1)
        statuses = [found for found in result.objects if found["type"] == "status"]
        self.assertEqual(statuses[0]["records"]["withDetails"], 800)
        for number in range(8):
            result = self.ossync("demo", "--records", 100, "--folder", f"d{number}")
            self.assertIn("100 new", result.out)
        self.ossync("status", "--config", "d0/ossync.yaml")

    def test_ends_by_a_signal(self):
        process = self.start("demo", "--records", 10_000, "--latency-ms", 50, "--folder", "d")
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process, 10).code, 130)


class Secrets(Case):
    TOKEN = "CANARY-7f3a9c51e8-CANARY"

    def assert_nowhere(self, *results):
        import base64
        needles = [self.TOKEN, self.TOKEN.lower(),
                   base64.b64encode(f"user:{self.TOKEN}".encode()).decode().rstrip("=")]
        for result in results:
            for needle in needles:
                self.assertNotIn(needle, result.out, result.arguments)
                self.assertNotIn(needle, result.err, result.arguments)
        for path in self.store.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                for needle in needles:
                    self.assertNotIn(needle.encode(), content, path)

    def everything(self, sync_code):
        results = [self.ossync(
            "sync", "--verbose", "--json", "--max-duration", "1s", code=sync_code)]
        for arguments in (
            ["status"], ["log", "show", "--json", "--bodies"], ["log", "show"],
            ["export", "ndjson"], ["export", "csv"], ["config", "show", "--origin"],
            ["queue", "list"], ["queue", "list", "--json"], ["show", "1", "--json"],
            ["health", "--verbose"], ["doctor"], ["plan"],
            ["log", "show", "--json", "--bodies"],
        ):
            results.append(self.ossync(*arguments, code=None))
        return results

    def test_a_server_that_echoes_them(self):
        for auth in (
            {"type": "bearer", "token": self.TOKEN},
            {"type": "apiKey", "header": "X-Api-Key", "key": self.TOKEN},
            {"type": "basic", "user": "user", "password": self.TOKEN},
        ):
            for status in (200, 500, 401, 429):
                with self.subTest(auth=auth["type"], status=status):
                    shutil.rmtree(self.store, ignore_errors=True)
                    base = orders(6)

                    def answer(request):
                        echo = {
                            "Set-Cookie": f"session={self.TOKEN}", "X-Echo": self.TOKEN,
                            "X-RateLimit-Limit": self.TOKEN, "Retry-After": "0"}
                        sent = " ".join(request.headers.values()) + " " + self.TOKEN
                        if status != 200:
                            return Answer({"error": f"bad token {sent}"}, status, echo)
                        reply = base(request)
                        body = json.loads(reply.body)
                        for row in body["data"]:
                            row["note"] = f"you sent {sent}"
                        return Answer(body, 200, echo)
                    server = self.serve(answer)
                    self.configure(server.url, api__auth=auth)
                    code = {200: 0, 500: 6, 401: 4, 429: (5, 6)}[status]
                    results = self.everything(None)
                    self.assertIn(results[0].code, code if isinstance(code, tuple) else (code,))
                    self.assert_nowhere(*results)

    def test_in_the_url(self):
        for base in (f"http://user:{self.TOKEN}@127.0.0.1:9/api",
                     f"http://127.0.0.1:9/api?token={self.TOKEN}"):
            self.configure(base)
            for arguments in (["sync"], ["doctor"], ["config", "show"], ["plan"]):
                result = self.ossync(*arguments, code=None)
                self.assertNotIn(self.TOKEN, result.out + result.err)

    def test_terminal_controls_of_the_api_are_stripped(self):
        evil = "\x1b]0;owned\x07\x1b[2J\u202e\u009b31m"
        base = orders(3)

        def answer(request):
            if request.path == "/api/os":
                return Answer({"total": 1, "data": [{"id": "a" + evil, "customer": evil}]})
            return Answer({"error": evil}, 400)
        server = self.serve(answer)
        self.configure(server.url, list__incremental={"type": "none"}, list__idOrder="none",
                       columns={"customer": {"pointer": "/customer"}})
        self.ossync("sync", code=None)
        for arguments in (["status"], ["log", "show"], ["queue", "list"], ["sync", "--verbose"],
                          ["show", "a" + evil]):
            result = self.ossync(*arguments, code=None)
            for one in ("\x1b", "\x07", "\u202e", "\u009b"):
                self.assertNotIn(one, result.out + result.err, arguments)
        log = (self.store / "logs/combined.log").read_text()
        self.assertNotIn("\x1b", log)


class Terminal(Case):
    def test_progress_on_a_terminal(self):
        import pty
        self.ready(200, "--limit", "20/3",
                   rateLimits__windows=[{"name": "burst", "requests": 20, "seconds": 3}])
        owner, side = pty.openpty()
        process = self.start("sync", stderr=side)
        os.close(side)
        seen = b""
        while True:
            try:
                part = os.read(owner, 65_536)
            except OSError:
                break
            if not part:
                break
            seen += part
        os.close(owner)
        process.communicate(timeout=20)
        text = seen.decode()
        self.assertRegex(text, r"details [\d,]+/200 \d+% \| burst \d+/20 \| next in \d+\.\ds \| ETA")
