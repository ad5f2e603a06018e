"""The commands on a store as people and scripts meet them: shapes, options, exit codes, help."""

import csv
import fcntl
import io
import json
import re
import shlex
import signal
import time
from decimal import Decimal

from harness import Answer, Case

COMMANDS = [
    [], ["init"], ["doctor"], ["health"], ["plan"], ["sync"], ["status"], ["show"],
    ["history"], ["why"], ["runs"],
    ["log"], ["log", "show"], ["log", "tail"], ["log", "grep"], ["log", "stats"],
    ["log", "export"], ["log", "verify"], ["log", "salvage"],
    ["queue"], ["queue", "list"], ["queue", "retry"], ["queue", "drop"],
    ["projections"], ["projections", "list"], ["projections", "rebuild"],
    ["projections", "verify"], ["projections", "drop"], ["projections", "rollback"],
    ["export"], ["export", "csv"], ["export", "ndjson"],
    ["report"], ["report", "expenses"], ["report", "runs"], ["report", "rate"],
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

    def test_a_negative_number_is_judged_as_a_number(self):
        self.configure("http://127.0.0.1:9/api")
        for command, words in (
                (["sync", "--max"], "give 1 or more"), (["runs", "--limit"], "give 0 or more"),
                (["log", "show", "--limit"], "give 0 or more"),
                (["log", "grep", "x", "--limit"], "give 0 or more"),
                (["log", "tail", "--lines"], "give 0 or more"),
                (["queue", "list", "--limit"], "give 0 or more"),
                (["report", "expenses", "--by", "month", "--top"], "give 1 or more"),
                (["report", "runs", "--last"], "give 1 or more"),
                (["plan", "--records"], "must be from 0"),
                (["schedule", "print", "--every", "15m", "--next"], "must be from 0"),
                (["demo", "--records"], "must be from 0"),
                (["demo", "--latency-ms"], "must be from 0")):
            result = self.ossync(*command, "-1", code=2)
            self.assert_one_clear_line(result, command[-1], words)

    def test_every_example_is_understood(self):
        """What the help proposes at least parses."""
        self.configure("http://127.0.0.1:9/api")
        for command in COMMANDS[1:]:
            text = self.ossync(*command, "--help").out
            example = re.search(r"Example: ossync (.*)", text)
            if not example or command in (["demo"], ["init"], ["log"]) or "--follow" in example[1]:
                continue
            with self.subTest(example=example.group(1)):
                words = shlex.split(example.group(1).split(" > ")[0])
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
                (self.folder / f"out.{kind}").read_bytes().decode(),
                self.ossync("export", kind).out)
            self.assertFalse((self.folder / f"out.{kind}.part").exists())
        result = self.ossync("export", "csv", "--output", "no/such/folder.csv", code=1)
        self.assert_one_clear_line(result, "no/such/folder.csv")

    def test_two_to_one_file_at_once(self):
        whole = self.ossync("export", "ndjson").out
        target = self.folder / "one.ndjson"
        with open(self.folder / "one.ndjson.part", "w", encoding="ascii") as other:
            fcntl.flock(other, fcntl.LOCK_EX)
            result = self.ossync("export", "ndjson", "--output", "one.ndjson", code=11)
            self.assert_one_clear_line(result, "one.ndjson", "another export")
            self.assertFalse(target.exists())
        for _ in range(8):
            started = [
                self.start("export", "ndjson", "--output", "one.ndjson") for _ in range(4)]
            codes = {self.finish(process).code for process in started}
            self.assertIn(codes, ({0}, {0, 11}))
            self.assertEqual(target.read_text(), whole)

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
