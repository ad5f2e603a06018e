"""What the log is asked for afterwards: events by what they are about, runs, reasons, the past."""

import json
import subprocess
import time

from harness import Answer, Case

KINDS = ("RequestIntended", "PageFetched", "DetailsFetched", "RequestFailed", "RateLimited")


class Past(Case):
    """300 records, of which 13 fails and 57 is missing; then 7 changes, and 20 more come."""

    def setUp(self):
        super().setUp()
        self.server = self.ready(300, "--poison", 13, "--missing", 57)
        self.first = self.sync(code=3)
        self.before = self.status()
        self.record = self.ossync("show", "7", "--json").last
        self.server.touch(7)
        self.server.append(20)
        self.second = self.sync("--mode", "full", code=(0, 3))
        self.all = self.events()

    def positions(self, *arguments):
        return [event["position"] for event in self.events(*arguments)]

    def expect(self, *arguments, wanted):
        expected = [event["position"] for event in self.all if wanted(event)]
        self.assertEqual(self.positions(*arguments), expected, arguments)
        self.assertEqual(self.positions(*arguments, "--reverse"), expected[::-1], arguments)


class Search(Past):
    def test_each_filter_and_several_at_once(self):
        failed = lambda event: event["event"] in ("RequestFailed", "RateLimited")
        self.expect("--event", "requestfailed,RateLimited", wanted=failed)
        self.expect("--run", self.second["run"], wanted=lambda e: e["run"] == self.second["run"])
        status = lambda event: event["data"].get("exchange", {}).get("status")
        self.expect("--status", "5xx", wanted=lambda e: (status(e) or 0) // 100 == 5)
        self.expect("--status", "200,404", wanted=lambda e: status(e) in (200, 404))
        intents = {e["position"]: e["data"].get("endpoint") for e in self.all
                   if e["event"] == "RequestIntended"}
        def endpoint(event):
            if event["event"] not in (*KINDS, "RequestAbandoned"):
                return None
            return intents[event["data"].get("intent", event["position"])]
        self.expect("--endpoint", "list", wanted=lambda e: endpoint(e) == "list")
        self.expect("--endpoint", "list", "--event", "PageFetched", "--run", self.first["run"],
                    wanted=lambda e: e["event"] == "PageFetched" and e["run"] == self.first["run"])
        self.expect("--from", 10, "--to", "@20", wanted=lambda e: 10 <= e["position"] <= 20)
        self.expect("--from", 99_999, wanted=lambda e: False)
        self.expect("--from", self.second["run"],
                    wanted=lambda e: e["position"] >= int(self.second["run"][1:]))
        moment = self.all[40]["time"]
        self.expect("--since", moment, wanted=lambda e: e["time"] >= moment)
        self.expect("--until", moment, wanted=lambda e: e["time"] < moment)
        self.expect("--stream", "os", wanted=lambda e: e["stream"] == "os")
        self.assertEqual(self.events("--since", "now-1s", "--until", "now-1h"), [])

    def test_a_record(self):
        named = lambda event: any(
            record.get("id") == "13"
            for key in ("records", "results", "entries", "record")
            for record in listed(event["data"].get(key)))
        found = self.events("--record", "13")
        kinds = {event["event"] for event in found}
        self.assertLessEqual({"PageFetched", "RequestIntended", "RecordParked"}, kinds)
        asked = [event["position"] for event in self.all
                 if event["event"] in ("RequestIntended", "RecordParked") and named(event)]
        self.assertLessEqual(set(asked), {event["position"] for event in found})
        self.assertEqual(self.positions("--record", "7", "--event", "PageFetched"), [
            event["position"] for event in found_pages(self.all)
            if event["data"]["pass"] and event["data"]["rows"] and covers(event, 6)])

    def test_what_cant_be_is_said(self):
        for arguments, code, word in (
                (["--event", "Nothing"], 2, "PageFetched"), (["--status", "abc"], 2, "5xx"),
                (["--endpoint", "x"], 2, "list, detail, health"),
                (["--run", "4"], 2, "ossync runs"),
                (["--run", "r99999"], 1, "r99999"), (["--record", "nobody"], 1, "nobody"),
                (["--from", "yesterday"], 2, "now-1h"), (["--since", "r4"], 2, "not a time"),
                (["--stream", "other"], 1, "other")):
            with self.subTest(arguments=arguments):
                result = self.ossync("log", "show", *arguments, code=code)
                self.assert_one_clear_line(result, word)

    def test_grep_looks_into_the_records(self):
        name = self.record["header"]["number"]
        found = self.ossync("log", "grep", name, "--json").objects
        self.assertEqual(
            {event["event"] for event in found}, {"PageFetched", "DetailsFetched"})
        regex = self.ossync("log", "grep", "-E", '"status":(429|5[0-9]{2})', "--json").objects
        self.assertEqual(
            [event["position"] for event in regex], self.positions("--status", "429,5xx"))
        insensitive = self.ossync("log", "grep", "-i", name.lower(), "--json").objects
        self.assertEqual(insensitive, found)
        self.ossync("log", "grep", "nothing has this text", code=1)
        self.assert_one_clear_line(self.ossync("log", "grep", "-E", "(", code=2), "regular")

    def test_stats_add_up(self):
        stats = self.ossync("log", "stats", "--json").last
        self.assertEqual(stats["events"], len(self.all))
        for kind, count in stats["kinds"].items():
            self.assertEqual(
                count["events"], sum(event["event"] == kind for event in self.all), kind)
        self.assertEqual(sum(kind["bytes"] for kind in stats["kinds"].values()), stats["bytes"])
        answers = sum(answer["events"] for answer in stats["answers"])
        self.assertEqual(answers, sum("exchange" in event["data"] for event in self.all))
        part = self.ossync("log", "stats", "--json", "--run", self.second["run"]).last
        self.assertEqual(
            part["events"], sum(event["run"] == self.second["run"] for event in self.all))

    def test_export_writes_what_show_prints(self):
        summary = self.ossync("log", "export", "--json", "--output", "run.ndjson", "--run",
                              self.second["run"]).last
        lines = (self.folder / "run.ndjson").read_text().splitlines()
        shown = self.ossync("log", "show", "--json", "--bodies", "--run", self.second["run"])
        self.assertEqual(lines, shown.out.splitlines())
        self.assertEqual(summary["events"], len(lines))

    def test_tail_follows_with_a_filter(self):
        process = self.start("log", "tail", "--follow", "--json", "--lines", 1, "--event",
                             "RunCompleted,RunRequested")
        line = json.loads(process.stdout.readline())
        self.assertEqual(line["event"], "RunCompleted")
        self.sync(code=(0, 3))
        self.assertEqual(json.loads(process.stdout.readline())["event"], "RunRequested")
        self.assertEqual(json.loads(process.stdout.readline())["event"], "RunCompleted")

    def test_the_index_may_be_deleted_at_any_time(self):
        before = self.positions("--status", "5xx")
        subprocess.run(["rm", "-rf", self.store / "projections"], check=True)
        self.assertEqual(self.positions("--status", "5xx"), before)


class Runs(Past):
    def test_say_what_the_summaries_said(self):
        runs = self.ossync("runs", "--json").objects
        self.assertEqual([run["run"] for run in runs], [self.second["run"], self.first["run"]])
        for run, summary in zip(runs, (self.second, self.first)):
            for key in ("mode", "outcome", "reason", "requests", "records", "rateLimited",
                        "durationSeconds", "floorSeconds"):
                self.assertEqual(run[key], summary[key], key)
            self.assertEqual(run["invocations"], 1)
        self.assertEqual(
            self.ossync("runs", "--json", "--mode", "full").objects, runs[:1])
        self.assertEqual(self.ossync("runs", "--json", "--outcome", "failed").objects, [])
        self.assertEqual(
            self.ossync("runs", "--json", "--reverse", "--limit", 1).objects, runs[1:])
        self.assertIn("partial (parked)", self.ossync("runs").out)
        self.ossync("runs", "--mode", "some", code=2)

    def test_a_run_that_goes_on_is_one_run(self):
        self.server.append(30)
        self.sync("--max", 10)
        self.sync("--mode", "resume", code=(0, 3))
        run = self.ossync("runs", "--json", "--limit", 1).last
        self.assertEqual(run["invocations"], 2)
        self.assertEqual(run["records"]["new"], 30)
        self.assertEqual(len(self.ossync("log", "show", "--json", "--run", run["run"], "--event",
                                         "RunRequested").objects), 2)


class Reasons(Past):
    def test_why_tells_the_chain(self):
        why = self.ossync("why", "13", "--json").last
        self.assertEqual(why["state"], "parked")
        kinds = [event["event"] for event in why["chain"]]
        self.assertEqual(kinds[0], "PageFetched")
        self.assertEqual(kinds[-1], "RecordParked")
        self.assertLessEqual({"RequestIntended", "RequestFailed", "DetailsRequeued"}, set(kinds))
        positions = [event["position"] for event in why["chain"]]
        self.assertEqual(positions, sorted(set(positions)))
        self.assertEqual(why["next"], "ossync queue retry 13")
        self.assertIn("13 is parked", self.ossync("why", "13").out)
        synced = self.ossync("why", "8", "--json").last
        self.assertEqual(synced["state"], "synced")
        self.assertEqual(synced["seenSince"], 1)
        self.ossync("why", "no such", code=1)

    def test_why_at_an_earlier_moment(self):
        parked = self.ossync("why", "13", "--json").last["chain"][-1]["position"]
        before = self.ossync("why", "13", "--json", "--at", f"@{parked - 1}").last
        self.assertIn(before["state"], ("pending", "retrying"))

    def test_history_tells_what_changed_field_by_field(self):
        versions = self.ossync("history", "7", "--json").objects
        self.assertEqual([(one["part"], one["change"]) for one in versions], [
            ("header", "first"), ("detail", "first"), ("header", "changed"),
            ("detail", "changed")])
        now = self.ossync("show", "7", "--json").last
        for version in versions[2:]:
            old, new = self.record[version["part"]], now[version["part"]]
            self.assertEqual(version["text"], new)
            changed = {field["pointer"]: (field["before"], field["after"])
                       for field in version["fields"]}
            self.assertIn("/updated_at", changed)
            for pointer, (before, after) in changed.items():
                self.assertEqual((at(old, pointer), at(new, pointer)), (before, after))
        self.assertEqual(
            len(self.ossync("history", "7", "--json", "--at", self.first["run"]).objects), 2)
        self.assertIn("~ /updated_at", self.ossync("history", "7").out)


class TimeTravel(Past):
    def test_status_as_it_was(self):
        then = self.ossync("status", "--json", "--at", self.first["run"]).last
        for key in ("position", "records", "expenses", "queue"):
            self.assertEqual(then[key], self.before[key], key)
        self.assertEqual(then["state"]["highWaterMark"], "300")
        self.assertEqual(then["at"], self.all[self.before["position"] - 1]["time"])
        empty = self.ossync("status", "--json", "--at", "@0").last
        self.assertEqual(empty["records"]["total"], 0)
        self.assertEqual(
            self.ossync("status", "--json", "--at", self.all[-1]["time"]).last["position"],
            len(self.all))

    def test_a_record_as_it_was(self):
        then = self.ossync("show", "7", "--json", "--at", self.first["run"]).last
        self.assertEqual(then, self.record)
        page = next(e["position"] for e in self.all if e["event"] == "PageFetched")
        listed = self.ossync("show", "7", "--json", "--at", f"@{page}").last
        self.assertIsNone(listed["detail"])
        self.assertEqual(listed["header"], self.record["header"])
        result = self.ossync("show", "7", "--at", f"@{page - 1}", code=1)
        self.assert_one_clear_line(result, f"@{page}")
        self.ossync("show", "7", "--at", "@999999", code=2)
        self.ossync("show", "7", "--at", "soon", code=2)

    def test_each_position_is_known(self):
        for position in range(0, len(self.all) + 1, 7):
            status = self.ossync("status", "--json", "--at", f"@{position}").last
            self.assertEqual(status["position"], position)


class Many(Case):
    def test_a_search_while_a_sync_runs_is_of_one_moment(self):
        self.ready(3000, "--latency-ms", 5)
        sync = self.start("sync", "--json")
        self.wait_for(lambda: (self.store / "log" / "data.mdb").exists())
        while sync.poll() is None:
            result = self.ossync("log", "stats", "--json", code=(0, 10))
            if result.code == 0:
                stats = result.last
                self.assertEqual(stats["events"], stats["position"])
                self.assertEqual(
                    sum(kind["events"] for kind in stats["kinds"].values()), stats["events"])
            time.sleep(0.05)
        self.finish(sync)


def listed(value):
    return value if isinstance(value, list) else [value] if isinstance(value, dict) else []


def found_pages(events):
    return [event for event in events if event["event"] == "PageFetched"]


def covers(page, ordinal):
    data = page["data"]
    return any(entry["ordinal"] == ordinal for entry in data.get("entries", [])) or any(
        run["first"] <= ordinal < run["first"] + run["count"] for run in data["unchanged"])


def at(value, pointer):
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            value = value[int(part)] if int(part) < len(value) else None
        else:
            value = value.get(part)
    return value
