"""Syncs from Django REST framework with the built `ossync` and compares every record.

    python run.py --binary .build/debug/ossync [--keep-going] [test name ...]

The framework's own pagination, token authentication, throttling and gzip stand on the other side;
nothing here knows how ossync works inside, only its command line. Each test has a store of its own.
"""

import argparse
import contextlib
import json
import math
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from decimal import Decimal

import framework

ORDERS = 5_000
PAGE = 1_000
BATCH = 25
CONCURRENCY = 5
COMMAND_SECONDS = 180

CONFIGURATION = """\
store: ./store
rateLimits:
  requestsPerMinute: null
  requestsPerHour: null
  windows: {windows}
  backoffMultiplier: 1
  cooldownMs: 100
api:
  baseURL: http://127.0.0.1:{port}/api
  auth: {{ type: bearer, token: {{ env: OSSYNC_TOKEN }} }}
streams:
  os:
    list:
      path: /orders/
      paging: {{ type: page, pageParam: page, sizeParam: per_page, size: {page}, first: 1 }}
      records: /results
      id: /id
      total: /count
      order: ascending
      incremental: {{ type: idAfter, param: id_gt }}
    detail:
{detail}
      concurrency: {concurrency}
    columns:
      number: {{ pointer: /number }}
      customer: {{ pointer: /customer/name }}
      status: {{ pointer: /status }}
      city: {{ pointer: /city }}
      total: {{ pointer: /total, type: decimal }}
      expense_total: {{ sum: /expenses/*/amount, type: decimal }}
"""
BATCHED_DETAIL = """\
      path: /orders/details/?ids={{ids}}
      batch: {{ size: {size}, join: "," }}
      records: ""
      id: /id"""
SINGLE_DETAIL = "      path: /orders/{id}/"


class Server:
    """The framework serving one database in a process of its own."""

    def __init__(self, database, throttles=(), delay_ms=0):
        command = [
            sys.executable, framework.__file__, "serve", "--database", str(database),
            "--delay-ms", str(delay_ms)]
        for throttle in throttles:
            command += ["--throttle", throttle]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.strip():
            raise RuntimeError(f"the framework's server ended with {self.process.wait()}")
        self.port = int(line)

    def arrivals(self):
        url = f"http://127.0.0.1:{self.port}/control/arrivals"
        with urllib.request.urlopen(url, timeout=30) as response:
            return json.load(response)["arrivals"]

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        self.process.stdout.close()


def is_list(arrival):
    return arrival["path"] == "/api/orders/"


def detail_ids(arrival):
    """The ids that a detail request asked for."""
    if arrival["path"] == "/api/orders/details/":
        return [int(part) for part in arrival["query"]["ids"].split(",")]
    single = re.fullmatch(r"/api/orders/(\d+)/", arrival["path"])
    return [int(single.group(1))] if single else []


def most_in_window(times, seconds):
    times = sorted(times)
    first, most = 0, 0
    for index, moment in enumerate(times):
        while times[first] <= moment - seconds:
            first += 1
        most = max(most, index - first + 1)
    return most


class Outcome:
    """How an invocation of ossync ended, and what it wrote."""

    def __init__(self, command, code, stdout, stderr):
        self.command = command
        self.code = code
        self.stdout = stdout
        self.stderr = stderr

    def lines(self):
        # Not splitlines: it also splits at characters that may stand in a JSON string.
        try:
            return [json.loads(line) for line in self.stdout.split("\n") if line.strip()]
        except ValueError as error:
            raise AssertionError(f"not JSON lines ({error}): {self}") from None

    @property
    def summary(self):
        """The one summary, which is the last line."""
        lines = self.lines()
        summaries = [line for line in lines if line.get("type") == "summary"]
        if len(summaries) != 1 or lines[-1] is not summaries[0]:
            raise AssertionError(f"not exactly one summary, last: {self}")
        return summaries[0]

    def __str__(self):
        def end(text):
            return text if len(text) < 3_000 else "... " + text[-3_000:]
        return (
            f"`{' '.join(self.command)}` exit {self.code}\n"
            f"stdout:\n{end(self.stdout)}\nstderr:\n{end(self.stderr)}")


class IntegrationTest(unittest.TestCase):
    binary = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="ossync-integration-")
        cls.database = pathlib.Path(cls.folder.name) / "orders.sqlite3"
        framework.setup(cls.database)
        framework.create_database(ORDERS)
        cls.generator = random.Random(2)

    @classmethod
    def tearDownClass(cls):
        from django.db import connections

        connections.close_all()
        cls.folder.cleanup()

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="ossync-store-")
        self.addCleanup(folder.cleanup)
        self.home = pathlib.Path(folder.name)

    # The two sides

    def serve(self, throttles=(), delay_ms=0):
        server = Server(self.database, throttles, delay_ms)
        self.addCleanup(server.stop)
        return server

    def configure(self, server, windows=(), batch=BATCH, single=False):
        detail = SINGLE_DETAIL if single else BATCHED_DETAIL.format(size=batch)
        written = ", ".join(
            f"{{ name: w{seconds}, requests: {requests}, seconds: {seconds} }}"
            for requests, seconds in windows)
        path = self.home / "ossync.yaml"
        path.write_text(CONFIGURATION.format(
            port=server.port, windows=f"[{written}]", page=PAGE, detail=detail,
            concurrency=CONCURRENCY))
        path.chmod(0o600)

    def environment(self):
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith("OSSYNC_")}
        return kept | {
            "OSSYNC_TOKEN": framework.TOKEN, "XDG_CONFIG_HOME": str(self.home), "NO_COLOR": "1"}

    def start(self, *arguments):
        command = [self.binary, *arguments, "--config", str(self.home / "ossync.yaml")]
        # Files, not pipes: nobody reads while a test looks at the server.
        stdout = open(self.home / "stdout", "w+", encoding="utf-8")
        stderr = open(self.home / "stderr", "w+", encoding="utf-8")
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, cwd=self.home,
            env=self.environment())
        return process, command, stdout, stderr

    def ossync(self, *arguments, exit_code=0):
        process, command, stdout, stderr = self.start(*arguments)
        with stdout, stderr:
            try:
                code = process.wait(timeout=COMMAND_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
                stderr.write(f"\nkilled after {COMMAND_SECONDS} s\n")
            stdout.seek(0)
            stderr.seek(0)
            outcome = Outcome(command, code, stdout.read(), stderr.read())
        self.assertEqual(outcome.code, exit_code, outcome)
        return outcome

    def sync(self, *arguments, exit_code=0, outcome="completed"):
        result = self.ossync("sync", "--json", *arguments, exit_code=exit_code)
        summary = result.summary
        self.assertEqual(summary["outcome"], outcome, result)
        self.assertEqual(summary["exitCode"], exit_code, result)
        return summary

    # Comparisons

    def compare_with_database(self, sample=25):
        """Every order's columns by `export`, header and detail of a sample by `show`."""
        expected = framework.expected_orders()
        exported = {}
        for row in self.ossync("export", "ndjson").lines():
            if row.get("type") == "summary":
                continue
            columns = row.get("columns", row)
            order_id = int(row["id"])
            self.assertNotIn(order_id, exported, "exported twice")
            exported[order_id] = columns
        self.assertEqual(sorted(exported), sorted(expected))
        for order_id, (header, detail) in expected.items():
            row = exported[order_id]
            with self.subTest(order=order_id):
                for name in ("number", "status", "city"):
                    self.assertEqual(row[name], header[name])
                self.assertEqual(row["customer"], header["customer"]["name"])
                self.assertEqual(Decimal(row["total"]), Decimal(header["total"]))
                amounts = [Decimal(expense["amount"]) for expense in detail["expenses"]]
                self.assertEqual(Decimal(row["expense_total"]), sum(amounts, Decimal(0)))
        for order_id in random.Random(3).sample(sorted(expected), sample):
            self.compare_record(order_id, expected[order_id])
        self.compare_status(expected)

    def compare_record(self, order_id, expected):
        shown = json.loads(self.ossync("show", str(order_id), "--json").stdout)
        self.assertEqual(shown["header"], expected[0])
        self.assertEqual(shown["detail"], expected[1])
        self.assertIs(shown["details_synced"], True)
        self.assertIsNone(shown["sync_error"])

    def compare_status(self, expected):
        status = json.loads(self.ossync("status", "--json").stdout)
        self.assertEqual(status["records"]["total"], len(expected))
        self.assertEqual(status["records"]["withDetails"], len(expected))
        self.assertEqual(status["records"]["withoutDetails"], 0)
        total = sum(
            Decimal(expense["amount"])
            for _, detail in expected.values() for expense in detail["expenses"])
        self.assertEqual(Decimal(status["expenses"]["total"]), total)
        self.assertEqual(status["state"]["phase"], "idle")

    def count_orders(self):
        return framework.Order.objects.count()

    # The tests

    def test_full_sync_then_nothing_then_new_then_changed(self):
        server = self.serve()
        self.configure(server)
        count = self.count_orders()
        pages, batches = math.ceil(count / PAGE), math.ceil(count / BATCH)

        summary = self.sync()
        self.assertEqual(summary["requests"]["list"], pages)
        self.assertEqual(summary["requests"]["detail"], batches)
        self.assertEqual(summary["records"]["new"], count)
        self.assertEqual(summary["records"]["detailed"], count)
        arrivals = server.arrivals()
        self.assertEqual(len(arrivals), summary["requests"]["total"])
        self.assertEqual({arrival["status"] for arrival in arrivals}, {200})
        self.compare_with_database()

        summary = self.sync()
        self.assertEqual(summary["requests"]["list"], 1)
        self.assertEqual(summary["requests"]["detail"], 0)
        self.assertEqual(len(server.arrivals()), len(arrivals) + 1)

        framework.add_orders(3, self.generator)
        summary = self.sync()
        self.assertLessEqual(summary["requests"]["list"], 2)
        self.assertEqual(summary["requests"]["detail"], 1)
        self.assertEqual(summary["records"]["new"], 3)

        changed = self.generator.sample(range(1, count), 60)
        framework.change_orders(changed, self.generator)
        summary = self.sync("--mode", "full")
        self.assertEqual(summary["records"]["changed"], len(changed))
        self.assertEqual(summary["records"]["new"], 0)
        self.assertEqual(summary["requests"]["detail"], math.ceil(len(changed) / BATCH))
        self.compare_with_database()
        self.ossync("log", "verify")

    def test_one_detail_call_a_record_and_the_run_pauses_at_its_maximum(self):
        server = self.serve()
        self.configure(server, single=True)
        summary = self.sync("--max", "40", outcome="paused")
        self.assertEqual(summary["requests"]["list"], 1)
        self.assertEqual(summary["requests"]["detail"], 40)
        self.assertTrue(summary["next"])
        asked = [id for arrival in server.arrivals() for id in detail_ids(arrival)]
        self.assertEqual(len(asked), 40)
        expected = framework.expected_orders(asked)
        for order_id in asked[:5]:
            self.compare_record(order_id, expected[order_id])

    def test_limits_as_configured_are_never_exceeded(self):
        server = self.serve(throttles=["20/2", "60/8"])
        self.configure(server, windows=[(20, 2), (60, 8)], batch=50)
        summary = self.sync()
        self.assertEqual(summary["rateLimited"], 0)
        arrivals = server.arrivals()
        self.assertEqual({arrival["status"] for arrival in arrivals}, {200})
        times = [arrival["time"] for arrival in arrivals]
        self.assertLessEqual(most_in_window(times, 2), 20)
        self.assertLessEqual(most_in_window(times, 8), 60)
        self.compare_with_database(sample=5)

    def test_throttled_run_waits_and_completes(self):
        server = self.serve(throttles=["20/2", "60/8"])
        self.configure(server, windows=[(40, 2)], batch=50)
        summary = self.sync()
        refused = [arrival for arrival in server.arrivals() if arrival["status"] == 429]
        self.assertGreater(len(refused), 0, "the framework never throttled: the test is void")
        self.assertEqual(summary["rateLimited"], len(refused))
        self.assertEqual(summary["records"]["failed"], 0)
        self.compare_with_database(sample=5)

    def test_killed_runs_resume_where_they_were(self):
        server = self.serve(delay_ms=15)
        self.configure(server)
        kills = 0
        for _ in range(6):
            requests = self.generator.randrange(1, 50)
            if not self.kill_after(server, requests, first=kills == 0):
                break
            kills += 1
            self.ossync("log", "verify")
        self.assertGreaterEqual(kills, 3, "too fast to be killed: the test is void")
        # Nothing is left to resume only if the last run got through before its kill.
        self.sync("--mode", "resume")

        asked = {}
        arrivals = server.arrivals()
        for arrival in arrivals:
            for order_id in detail_ids(arrival):
                asked[order_id] = asked.get(order_id, 0) + 1
        count = self.count_orders()
        self.assertEqual(len(asked), count)
        lists = sum(map(is_list, arrivals))
        details = len(arrivals) - lists
        # Each kill loses at most what was in flight, which may be asked again in other batches.
        self.assertLessEqual(lists, math.ceil(count / PAGE) + kills)
        again = sum(times - 1 for times in asked.values())
        self.assertLessEqual(again, kills * CONCURRENCY * BATCH)
        self.assertLessEqual(details, math.ceil(count / BATCH) + kills * (CONCURRENCY * 2 + 1))
        self.compare_with_database()

        summary = self.sync()
        self.assertEqual(summary["requests"]["list"], 1)
        self.assertEqual(summary["requests"]["detail"], 0)

    def kill_after(self, server, requests, first):
        """Kills a sync when it has sent so many requests; False when it ended before."""
        before = len(server.arrivals())
        mode = [] if first else ["--mode", "resume"]
        process, command, stdout, stderr = self.start("sync", "--json", *mode)
        with stdout, stderr:
            deadline = time.monotonic() + COMMAND_SECONDS
            while process.poll() is None and time.monotonic() < deadline:
                if len(server.arrivals()) - before >= requests:
                    process.send_signal(signal.SIGKILL)
                    break
                time.sleep(0.002)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=30)
            if process.poll() is None:
                process.kill()
                process.wait()
            stdout.seek(0)
            stderr.seek(0)
            outcome = Outcome(command, process.returncode, stdout.read(), stderr.read())
        self.assertIn(process.returncode, (0, -signal.SIGKILL), outcome)
        return process.returncode != 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--binary", required=True, help="the ossync to test")
    parser.add_argument(
        "--keep-going", action="store_true", help="don't stop at the first failure")
    parser.add_argument("tests", nargs="*", help="names of tests; all by default")
    arguments = parser.parse_args()
    binary = pathlib.Path(arguments.binary).resolve()
    if not os.access(binary, os.X_OK):
        print(f"run.py: {binary} is not an executable: build the product first", file=sys.stderr)
        return 2
    IntegrationTest.binary = str(binary)
    loader = unittest.TestLoader()
    names = arguments.tests or loader.getTestCaseNames(IntegrationTest)
    suite = unittest.TestSuite(IntegrationTest(name) for name in names)
    runner = unittest.TextTestRunner(verbosity=2, failfast=not arguments.keep_going)
    return 0 if runner.run(suite).wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
