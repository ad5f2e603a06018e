"""Reports: expenses in groups, runs, and requests against the limits."""

import collections
import csv
import datetime
import io
import json
import unicodedata
import xml.etree.ElementTree
from decimal import Decimal

from harness import Answer, Case


class Reports(Case):
    def report(self, *arguments, **options):
        return self.ossync("report", *arguments, **options)

    def json(self, *arguments, **options):
        result = self.report(*arguments, "--json", **options)
        self.assertEqual(len(result.objects), 1, str(result))
        self.assertEqual((result.last["v"], result.last["type"]), (1, "report"))
        return result.last

    def rows(self, *arguments):
        text = self.report(*arguments, "--csv").out
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def refused(self, *arguments, words=(), code=2):
        result = self.report(*arguments, code=code)
        self.assertEqual(result.out, "")
        self.assert_one_clear_line(result, *words)
        self.assertEqual(len(result.err.splitlines()), 1, str(result))


class Small(Reports):
    def test_numbers_are_numbers_in_csv_and_many_days_are_no_bar(self):
        day = datetime.date(2026, 1, 1)

        def answer(request):
            if request.path != "/api/os":
                ids = [int(one) for one in request.query["ids"].split(",")]
                return Answer({"data": [
                    {"id": one, "amount": "-5.50" if one % 2 else "-5.5", "code": "-x",
                     "day": str(day + datetime.timedelta(days=one))} for one in ids]})
            rows = [{"id": one} for one in range(1, 61)]
            return Answer({"total": 60, "data": rows if request.query["page"] == "1" else []})

        server = self.serve(answer)
        self.configure(
            server.url, report={"amount": "amount", "date": "day"}, columns={
                "amount": {"pointer": "/amount", "type": "decimal"},
                "code": {"pointer": "/code"}, "day": {"pointer": "/day", "type": "date"}})
        self.sync()
        row, = self.rows("expenses", "--by", "amount")
        self.assertEqual((row["amount"], row["records"]), ("-5.5", "60"))
        row, = self.rows("expenses", "--by", "code")
        self.assertEqual(row["code"], "'-x")
        plot = self.report("expenses", "--by", "day", "--plot").out.splitlines()
        self.assertIn("(before: 10 days), -55.00 together", plot[1])
        self.assertNotRegex(plot[1], "[#█]")

    def test_of_modes_those_that_asked_for_most_are_told(self):
        self.ready(20)
        self.sync()
        for _ in range(2):
            self.ossync("health")
        table = self.report("runs", "--by", "mode", "--top", 1).out.splitlines()
        self.assertTrue(table[2].startswith("incremental"), table)
        self.assertTrue(table[3].startswith("(the rest: 1 mode)"), table)
        plot = self.report("runs", "--by", "mode", "--top", 1, "--plot").out
        self.assertIn("(the rest: 1 mode), 2 requests together", plot)
        plot = self.report("runs", "--top", 1, "--plot").out
        self.assertIn("(before: 2 runs), 6 requests together", plot)


class Expenses(Reports):
    """300 records, of which 13 and 57 have no amount."""

    def setUp(self):
        super().setUp()
        self.server = self.ready(
            300, "--poison", 13, "--missing", 57, report={"date": "opened_at"},
            columns__opened_at={"pointer": "/opened_at", "type": "timestamp"})
        self.first = self.sync(code=3)
        lines = self.ossync("export", "ndjson").out.splitlines()
        self.records = [json.loads(line)["columns"] for line in lines]

    def expected(self, key):
        """Total and records of each group, by arithmetic of its own."""
        groups = collections.defaultdict(lambda: [Decimal(0), 0, 0])
        for record in self.records:
            group = groups[key(record)]
            amount = record["expense_total"]
            group[0] += Decimal(amount or 0)
            group[1] += 1
            group[2] += amount is None
        return {name: tuple(group) for name, group in groups.items()}

    def check(self, by, key):
        report = self.json("expenses", "--by", by)
        found = {
            group["group"]: (Decimal(group["total"]), group["records"], group["withoutAmount"])
            for group in report["groups"]}
        self.assertEqual(found, self.expected(key))
        self.assertEqual(len(found), len(report["groups"]))
        # All groups together are what status shows.
        status = self.status()
        self.assertEqual(report["total"]["total"], status["expenses"]["total"])
        self.assertEqual(report["total"]["records"], status["records"]["total"])
        self.assertEqual(
            report["total"]["records"] - report["total"]["withoutAmount"],
            status["expenses"]["records"])
        self.assertEqual(
            sum(Decimal(group["total"]) for group in report["groups"]),
            Decimal(status["expenses"]["total"]))
        self.assertEqual(report["position"], status["position"])
        return report

    def test_by_columns_and_by_the_calendar(self):
        self.check("status", lambda record: record["status"])
        report = self.check("customer", lambda record: record["customer"])
        totals = [Decimal(group["total"]) for group in report["groups"]]
        self.assertEqual(totals, sorted(totals, reverse=True))
        day = lambda record: record["opened_at"][:10]
        report = self.check("day", day)
        names = [group["group"] for group in report["groups"]]
        self.assertEqual(names, sorted(names))
        self.check("month", lambda record: day(record)[:7])
        iso = lambda record: datetime.date.fromisoformat(day(record)).isocalendar()
        self.check("week", lambda record: f"{iso(record)[0]}-W{iso(record)[1]:02}")

    def test_csv_and_the_table_say_the_same(self):
        report = self.json("expenses", "--by", "status")
        rows = self.rows("expenses", "--by", "status")
        self.assertEqual([row["status"] for row in rows], [g["group"] for g in report["groups"]])
        self.assertEqual([row["total"] for row in rows], [g["total"] for g in report["groups"]])
        lines = self.report("expenses", "--by", "status").out.splitlines()
        self.assertIn("expense_total by status", lines[0])
        self.assertEqual(lines[1].split(), ["status", "records", "without", "amount", "total"])
        for line, group in zip(lines[2:], report["groups"], strict=False):
            self.assertTrue(line.startswith(group["group"]))
            self.assertEqual(Decimal(line.split()[-1]), Decimal(group["total"]))
        self.assertEqual(lines[-1].split()[:2], ["total", "300"])
        self.assertEqual(lines[-1].split()[-1], report["total"]["total"])
        self.assertEqual(len({len(line) for line in lines[1:]}), 1, lines)

    def test_top_sums_up_the_rest(self):
        whole = self.json("expenses", "--by", "customer")["groups"]
        self.assertGreater(len(whole), 60)
        report = self.json("expenses", "--by", "customer", "--top", 3)
        self.assertEqual(report["groups"], whole[:3])
        self.assertEqual(report["rest"]["groups"], len(whole) - 3)
        self.assertEqual(
            Decimal(report["rest"]["total"]), sum(Decimal(one["total"]) for one in whole[3:]))
        table = self.report("expenses", "--by", "customer").out.splitlines()
        self.assertEqual(len(table), 1 + 1 + 50 + 1 + 1)
        self.assertIn(f"(the rest: {len(whole) - 50} groups)", table[-2])
        days = self.json("expenses", "--by", "day")["groups"]
        self.assertEqual(self.json("expenses", "--by", "day", "--top", 2)["groups"], days[-2:])
        rest = [row for row in self.rows("expenses", "--by", "day", "--top", 2)
                if row["kind"] == "rest"]
        self.assertEqual([row["groups"] for row in rest], [str(len(days) - 2)])
        self.refused("expenses", "--by", "day", "--top", 0, words=("--top",))

    def test_the_past_and_what_changed(self):
        before = self.json("expenses", "--by", "status")
        for one in range(1, 41):
            self.server.touch(one)
        self.server.append(25)
        self.sync("--mode", "full", code=(0, 3))
        after = self.json("expenses", "--by", "status")
        self.assertNotEqual(before["groups"], after["groups"])
        then = self.json("expenses", "--by", "status", "--at", self.first["run"])
        self.assertEqual((then["groups"], then["total"]), (before["groups"], before["total"]))
        self.assertEqual(
            then["total"]["total"],
            self.ossync("status", "--json", "--at", self.first["run"]).last["expenses"]["total"])
        compared = self.json("expenses", "--by", "status", "--compare", self.first["run"])
        names = {g["group"] for g in before["groups"]} | {g["group"] for g in after["groups"]}
        self.assertEqual({g["group"] for g in compared["groups"]}, names)
        for report, key in ((before, "before"), (after, "after")):
            totals = {g["group"]: Decimal(g["total"]) for g in report["groups"]}
            for group in compared["groups"]:
                self.assertEqual(Decimal(group[key]), totals.get(group["group"], 0))
        for group in [*compared["groups"], compared["total"]]:
            self.assertEqual(
                Decimal(group["difference"]), Decimal(group["after"]) - Decimal(group["before"]))
        changes = [abs(Decimal(group["difference"])) for group in compared["groups"]]
        self.assertEqual(changes, sorted(changes, reverse=True))
        table = self.report("expenses", "--by", "status", "--compare", self.first["run"]).out
        self.assertIn("before", table.splitlines()[1])
        self.assertIn("difference", table.splitlines()[1])
        # Both points may lie in the past, in this order alone.
        same = self.json("expenses", "--by", "status", "--compare", self.first["run"],
                         "--at", self.first["run"])
        self.assertEqual({g["difference"] for g in same["groups"]}, {"0.00"})
        self.refused("expenses", "--by", "status", "--compare", f"@{after['position']}",
                     "--at", self.first["run"], words=("--compare", "earlier"))

    def test_what_is_wrong_is_said(self):
        self.refused("expenses", "--by", "statu", words=("statu", 'did you mean "status"'))
        self.refused("expenses", "--by", "zzzzzzz", words=("day, week, month, customer",))
        self.refused("expenses", words=("--by",))
        self.refused("expenses", "--by", "day", "--at", "never", words=("never", "names no point"))
        self.refused("expenses", "--by", "day", "--at", "@99999999", words=("ends at",))
        self.refused("expenses", "--by", "day", "--csv", "--plot", words=("--csv", "--plot"))
        result = self.report("expenses", "--by", "day", "--csv", "--json", code=2)
        self.assertEqual(result.last["exitCode"], 2)
        self.refused("expenses", "--by", "day", "--csv", "--svg", "-", words=("--svg -",))
        self.configure(self.server.url)
        self.refused("expenses", "--by", "month", words=("report.date",))
        self.configure(
            self.server.url, columns__opened_at={"pointer": "/opened_at", "type": "timestamp"})
        self.refused("expenses", "--by", "month", words=("report.date", "to one of opened_at"))
        self.configure(self.server.url, columns={"status": {"pointer": "/status"}})
        self.refused("expenses", "--by", "status", words=("expense_total", "report.amount"))
        self.configure(self.server.url, report={"amount": "customer"})
        self.refused("expenses", "--by", "status", words=("report.amount", "of type text"))
        self.configure(self.server.url, report={"date": "openedAt"})
        self.refused("expenses", "--by", "status", words=("report.date", "no column of os"))
        self.configure(self.server.url)
        self.report("expenses", "--by", "status", "--store", "./none", code=10)

    def test_plots(self):
        text = self.report(
            "expenses", "--by", "day", "--plot", env={"COLUMNS": "64", "LC_ALL": "C.UTF-8"}).out
        self.assertIn("█", text)
        self.assertIn("trend", text)
        self.assertIn(self.status()["expenses"]["total"], text.splitlines()[-1])
        for line in text.splitlines()[:-1]:
            self.assertLessEqual(len(line), 64, line)
        text = self.report(
            "expenses", "--by", "status", "--plot", env={"COLUMNS": "50", "LC_ALL": "C"}).out
        self.assertTrue(text.isascii() or not set(text) & set("█▁▂▃▏…⋮"))
        self.assertIn("###", text)
        # Bars are as long as the totals.
        report = self.json("expenses", "--by", "status")
        bars = [line.count("#") for line in text.splitlines()[1:-1]]
        totals = [Decimal(group["total"]) for group in report["groups"]]
        for bar, total in zip(bars, totals, strict=True):
            self.assertAlmostEqual(bar, float(total / totals[0] * bars[0]), delta=1)

    def test_svg(self):
        self.report("expenses", "--by", "month", "--svg", "months.svg")
        written = (self.folder / "months.svg").read_text()
        root = xml.etree.ElementTree.fromstring(written)
        texts = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
        report = self.json("expenses", "--by", "month")
        for group in report["groups"]:
            self.assertIn(group["group"], texts)
            self.assertIn(group["total"], texts)
        self.assertIn("0", texts)
        out = self.report("expenses", "--by", "month", "--svg", "-").out
        self.assertEqual(out, written)
        self.assertFalse((self.folder / "months.svg.part").exists())
        self.refused("expenses", "--by", "month", "--svg", "no/such/a.svg", words=("no/such",),
                     code=1)


class Texts(Reports):
    """What an API may say, and what must come of it."""

    NAMES = ["=1+1", "@x", 'a "b", c', "line\nend", "\u202ex\u001b[31mred", "<b>&'", None, "日本"]

    def setUp(self):
        super().setUp()
        dates = ["2026-12-31T23:30:00-03:00", "2027-01-01T02:30:00Z", "31/12/2026", None]

        def answer(request):
            rows = [
                {"id": index + 1, "customer": {"name": name}, "at": dates[index % 4],
                 "amount": ["0.1", "0.2", "x", None, "1e2", "-5.125", 7, "0.30"][index]}
                for index, name in enumerate(self.NAMES)]
            return Answer({"total": len(rows), "data": rows})
        server = self.serve(answer)
        self.configure(
            server.url, report={"amount": "sum", "date": "at"}, detail=None, columns={
                "name": {"pointer": "/customer/name"}, "at": {"pointer": "/at"},
                "sum": {"pointer": "/amount", "type": "decimal"}})
        self.tree = json.loads((self.folder / "ossync.yaml").read_text())
        self.tree["streams"]["os"].pop("detail")
        self.write("ossync.yaml", json.dumps(self.tree))
        self.sync()

    def test_no_controls_and_no_formulas(self):
        for arguments in ([], ["--plot"]):
            text = self.report("expenses", "--by", "name", *arguments).out
            for character in text.replace("\n", ""):
                self.assertNotIn(unicodedata.category(character), ("Cc", "Cf"), ascii(text))
        self.report("expenses", "--by", "name", "--svg", "names.svg")
        root = xml.etree.ElementTree.parse(self.folder / "names.svg").getroot()
        self.assertIn("<b>&'", [node.text for node in root.iter()])
        rows = {row["name"]: row for row in self.rows("expenses", "--by", "name")}
        self.assertLessEqual({"'=1+1", "'@x", 'a "b", c', "line\nend"}, set(rows))
        self.assertEqual(rows["line\nend"]["without_amount"], "1")
        report = self.json("expenses", "--by", "name")
        self.assertEqual(
            {group["group"] for group in report["groups"]}, set(self.NAMES))

    def test_what_has_no_date_or_no_amount_is_told(self):
        report = self.json("expenses", "--by", "day")
        self.assertEqual(
            [(g["group"], g["kind"], g["records"], g["total"], g["withoutAmount"],
              g["unreadable"]) for g in report["groups"]],
            [("2026-12-31", "value", 2, "100.1", 0, 0), ("2027-01-01", "value", 2, "-4.925", 0, 0),
             (None, "missing", 2, "0.30", 1, 0), (None, "unreadable", 2, "7", 0, 1)])
        self.assertEqual(report["total"], {
            "records": 8, "withoutAmount": 1, "unreadable": 1, "total": "102.475"})
        text = self.report("expenses", "--by", "day").out
        self.assertIn("(no at)", text)
        self.assertIn("(unreadable at)", text)
        weeks = self.json("expenses", "--by", "week")["groups"]
        self.assertEqual([weeks[0]["group"], weeks[0]["records"]], ["2026-W53", 4])
        plot = self.report("expenses", "--by", "month", "--plot").out
        self.assertIn("2 more without an amount", plot)


class Runs(Reports):
    def setUp(self):
        super().setUp()
        self.server = self.ready(60, "--poison", 13)
        self.runs = [self.sync(code=3), self.sync()]
        self.server.append(10)
        self.runs.append(self.sync("--no-details"))
        self.ossync("health")
        self.runs.append(self.sync("--mode", "full", code=(0, 3)))

    def test_each_run_and_all_together(self):
        report = self.json("runs")
        listed = self.ossync("runs", "--json", "--reverse").objects
        self.assertEqual(report["rows"], listed)
        self.assertEqual(report["total"]["runs"], 5)
        for kind in ("list", "detail", "other", "total"):
            self.assertEqual(
                report["total"]["requests"][kind], sum(run["requests"][kind] for run in listed))
        self.assertEqual(
            report["total"]["records"]["new"], sum(run["records"]["new"] for run in self.runs))
        lines = self.report("runs").out.splitlines()
        self.assertEqual(len(lines), 1 + 1 + 5 + 1)
        self.assertIn(self.runs[0]["run"], lines[2])
        self.assertIn("partial (parked)", lines[2])
        rows = self.rows("runs")
        self.assertEqual([row["run"] for row in rows], [run["run"] for run in listed])
        self.assertEqual(
            [int(row["detail_requests"]) for row in rows],
            [run["requests"]["detail"] for run in listed])

    def test_by_mode_and_by_day(self):
        listed = self.ossync("runs", "--json", "--reverse").objects
        modes = collections.Counter(run["mode"] for run in listed)
        report = self.json("runs", "--by", "mode")
        self.assertEqual({row["mode"]: row["runs"] for row in report["rows"]}, modes)
        for row in report["rows"]:
            self.assertEqual(row["requests"]["total"], sum(
                run["requests"]["total"] for run in listed if run["mode"] == row["mode"]))
            self.assertEqual(row["outcomes"], collections.Counter(
                run["outcome"] for run in listed if run["mode"] == row["mode"]))
        days = collections.Counter(run["startedAt"][:10] for run in listed)
        self.assertEqual(
            {row["day"]: int(row["runs"]) for row in self.rows("runs", "--by", "day")}, days)

    def test_which_runs(self):
        names = [run["run"] for run in self.ossync("runs", "--json", "--reverse").objects]
        last = self.json("runs", "--last", 2)
        self.assertEqual([row["run"] for row in last["rows"]], names[-2:])
        self.assertEqual(last["total"]["runs"], 2)
        since = self.json("runs", "--since", names[2])
        self.assertEqual([row["run"] for row in since["rows"]], names[2:])
        self.assertEqual(self.json("runs", "--since", "now")["rows"], [])
        top = self.json("runs", "--top", 1)
        self.assertEqual((len(top["rows"]), top["rest"]["runs"], top["total"]["runs"]), (1, 4, 5))
        self.refused("runs", "--last", 0, words=("--last",))
        self.refused("runs", "--by", "hour", words=("hour", "'run', 'day' or 'mode'"))
        self.refused("runs", "--since", "r3", code=1, words=("r3",))

    def test_plots(self):
        text = self.report("runs", "--plot", env={"COLUMNS": "70", "LC_ALL": "C"}).out
        self.assertTrue(text.isascii())
        self.assertEqual(sum("#" in line.split("Z")[-1] for line in text.splitlines()[1:6]), 5)
        self.report("runs", "--by", "mode", "--svg", "modes.svg")
        root = xml.etree.ElementTree.parse(self.folder / "modes.svg").getroot()
        self.assertIn("incremental", [node.text for node in root.iter()])


class Rate(Reports):
    """An API that admits 8 requests in 2 seconds, and is asked for up to 12."""

    WINDOW = {"name": "pair", "requests": 12, "seconds": 2}

    def ready_for(self, limit, window=WINDOW, records=120):
        self.server = self.ready(
            records, "--limit", limit, rateLimits__windows=[window], rateLimits__cooldownMs=100,
            detail__batch__size=5)

    def sent(self):
        return [
            datetime.datetime.fromisoformat(event["time"].replace("Z", "")[:26])
            for event in self.events("--event", "RequestIntended")]

    def test_a_limit_that_is_too_high(self):
        self.ready_for("8/2")
        self.sync()
        report = self.json("rate")
        refusals = self.events("--event", "RateLimited")
        self.assertEqual(report["rateLimited"], len(refusals))
        self.assertGreater(len(refusals), 0)
        self.assertEqual(report["requests"], len(self.events("--event", "RequestIntended")))
        window = report["windows"][0]
        self.assertEqual((window["window"], window["limit"], window["seconds"]), ("pair", 12, 2))
        self.assertEqual(report["refusals"], {
            "first": refusals[0]["position"], "last": refusals[-1]["position"]})
        suggestion = window["suggestion"]
        self.assertEqual(suggestion["key"], "rateLimits.windows")
        lessons = [event for event in self.events("--event", "LimitLearned")
                   if event["data"]["kind"] != "suspected"]
        self.assertEqual(window["learned"], {
            "limit": lessons[-1]["data"]["requests"], "position": lessons[-1]["position"]})
        # Nothing above what the server let in.
        self.assertTrue(1 <= suggestion["value"] <= 8, suggestion)
        self.assertLessEqual(suggestion["value"], window["accepted"])
        self.assertLessEqual(window["accepted"], 8)
        self.assertIn(f"refused {len(refusals)} of {report['requests']}", suggestion["evidence"])
        self.assertIn(f"requests: {suggestion['value']} of the window pair",
                      self.report("rate").out)
        by_endpoint = report["endpoints"]
        self.assertEqual(
            by_endpoint["list"]["rateLimited"] + by_endpoint["detail"]["rateLimited"],
            len(refusals))
        for endpoint in ("list", "detail"):
            self.assertEqual(by_endpoint[endpoint]["rateLimited"], len(
                self.events("--event", "RateLimited", "--endpoint", endpoint)))
        self.assertGreater(report["waits"]["cooldown"]["seconds"], 0)
        run = self.ossync("runs", "--json").last
        self.assertEqual(report["waits"]["cooldown"]["seconds"], run["waitSeconds"])

    def test_a_limit_that_holds(self):
        self.ready_for("100/2", records=150)
        self.sync()
        report = self.json("rate")
        window = report["windows"][0]
        self.assertEqual((report["rateLimited"], window["suggestion"]["value"]), (0, None))
        self.assertIn("no refusal in", window["suggestion"]["evidence"])
        times = self.sent()
        span = datetime.timedelta(seconds=2)
        most = max(sum(1 for one in times if end - span < one <= end) for end in times)
        self.assertEqual(window["peak"], most)
        self.assertLessEqual(window["peak"], 12)
        self.assertGreater(report["waits"]["budget"]["seconds"], 1)
        text = self.report("rate", "--plot", env={"COLUMNS": "60", "LC_ALL": "C"}).out
        self.assertIn("pair: requests in 2 s", text)
        bars = {line.split()[0]: line.count("#") for line in text.splitlines() if "#" in line}
        self.assertAlmostEqual(bars["peak"], bars["limit"] * most / 12, delta=1)
        self.assertIn("429s     _", text)
        rows = self.rows("rate")
        self.assertEqual(
            [(row["window"], row["suggested"], row["peak"]) for row in rows],
            [("pair", "", str(most))])
        self.report("rate", "--svg", "rate.svg")
        root = xml.etree.ElementTree.parse(self.folder / "rate.svg").getroot()
        self.assertIn("refused", [node.text for node in root.iter()])

    def test_a_part_of_the_log(self):
        self.ready_for("100/2", records=20)
        first = self.sync()
        self.server.append(5)
        second = self.sync()
        part = self.json("rate", "--since", second["run"])
        self.assertEqual(part["requests"], second["requests"]["total"])
        whole = self.json("rate")
        self.assertEqual(
            whole["requests"], first["requests"]["total"] + second["requests"]["total"])
        none = self.json("rate", "--since", "now")
        self.assertEqual(none["requests"], 0)
        self.assertIsNone(none["windows"][0]["suggestion"]["value"])
        self.refused("rate", "--since", "someday", words=("someday", "names no point"))
        self.refused("rate", "--plot", "--csv", words=("--csv", "--plot"))

    def test_without_limits(self):
        self.ready(30)
        self.sync()
        report = self.json("rate")
        self.assertEqual([one["window"] for one in report["windows"]], ["minute", "hour"])
        self.assertEqual([one["limit"] for one in report["windows"]], [None, None])
        self.assertEqual(report["windows"][1]["peak"], report["requests"])
        self.assertIn("nothing to change", self.report("rate").out)
