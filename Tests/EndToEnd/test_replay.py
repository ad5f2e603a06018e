"""Decisions made anew from the recorded facts; steps, slices, and how things were."""

import csv
import io
import json
import os
import pathlib
import pty
import signal
import struct
import time

from harness import Answer, Case, orders

BUNDLES = pathlib.Path(__file__).resolve().parent.parent / "Bundles"


class Past(Case):
    """A run that was killed, refused and failed, gone on with, then changed records."""

    def setUp(self):
        super().setUp()
        self.server = self.ready(
            300, "--poison", 13, "--missing", 57, "--limit", "40/1", "--fault-rate", 0.03,
            rateLimits__requestsPerMinute=None, rateLimits__requestsPerHour=None,
            rateLimits__windows=[{"name": "burst", "requests": 60, "seconds": 1}],
            rateLimits__cooldownMs=50)
        process = self.start("sync", "--json")
        self.wait_for(lambda: self.ossync(
            "log", "stats", "--json", code=(0, 10)).last.get("events", 0) > 60)
        process.send_signal(signal.SIGKILL)
        self.finish(process)
        self.first = self.sync("--mode", "resume", code=(0, 3))
        self.queue = self.ossync("queue", "list", "--json").objects
        self.rows = self.ossync("export", "csv").out
        self.before = self.status()
        self.server.touch(7)
        self.server.append(20)
        self.second = self.sync("--mode", "full", code=(0, 3))


class Verify(Past):
    def test_the_same_is_decided_again(self):
        summary = self.ossync("replay", "--verify", "--json").last
        self.assertEqual(summary["verification"]["divergences"], 0)
        self.assertEqual(summary["position"], self.status()["position"])
        self.assertEqual(summary["events"], len(self.events()))
        kinds = {event["event"] for event in self.events()}
        self.assertLessEqual({"RateLimited", "RunInterrupted", "RecordParked"}, kinds)
        waited = [event for event in self.events("--event", "RequestIntended")
                  if event["data"]["due"]]
        self.assertTrue(waited, "what was waited for is recorded")
        for event in waited:
            self.assertLessEqual(event["data"]["due"], event["time"])
        self.assertIn("each is decided as it was", self.ossync("replay", "--verify").out)

    def test_the_step_at_the_end_is_verified_or_said_to_be_cut(self):
        steps = self.ossync("replay", "--step", "--json").objects[:-1]
        long = next(step for step in steps if step["last"] > step["first"])
        for position, is_cut in ((long["last"], False), (long["first"], True)):
            arguments = ("replay", "--verify", "--to", f"@{position}")
            verification = self.ossync(*arguments, "--json").last["verification"]
            self.assertEqual(verification["cutsStep"], is_cut)
            self.assertEqual(verification["divergences"], 0)
            self.assertEqual("which is cut there" in self.ossync(*arguments).out, is_cut)

    def test_while_a_sync_runs(self):
        self.server.append(400)
        process = self.start("sync", "--json")
        while process.poll() is None:
            self.ossync("replay", "--verify", "--json")
        self.finish(process)

    def test_nothing_is_written_but_for_a_while(self):
        folder = self.folder / "temporary"
        folder.mkdir()
        process = self.start("replay", "--verify", env={"TMPDIR": str(folder)})
        time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        self.finish(process)
        self.ossync("replay", "--verify", env={"TMPDIR": str(folder)})
        self.ossync("queue", "list", "--at", "@50", env={"TMPDIR": str(folder)})
        self.assertEqual(list(folder.iterdir()), [])
        result = self.ossync("replay", "--verify", env={"TMPDIR": "/nowhere"}, code=1)
        self.assert_one_clear_line(result, "/nowhere")


class Steps(Past):
    def test_each_step_has_the_state_after_it(self):
        steps = self.ossync("replay", "--step", "--json").objects[:-1]
        positions = [event["position"] for step in steps for event in step["events"]]
        self.assertEqual(positions, list(range(1, len(positions) + 1)))
        for step in steps[:: max(1, len(steps) // 12)]:
            status = self.ossync("status", "--json", "--at", f"@{step['last']}").last
            state = step["state"]
            self.assertEqual(
                (state["records.total"], state["queue.parked"], state["queue.retrying"]),
                (status["records"]["total"], status["queue"]["parked"],
                 status["queue"]["retrying"]))

    def test_breaks(self):
        parked = self.events("--event", "RecordParked")[0]["position"]
        for arguments in (["--break-event", "RecordParked"],
                          ["--break-when", "queue.parked > 0"]):
            step, summary = self.ossync("replay", "--json", *arguments).objects
            self.assertIn(parked, [event["position"] for event in step["events"]])
            self.assertTrue(summary["stopped"])
        step = self.ossync("replay", "--json", "--break-record", "13").objects[0]
        first = self.events("--record", "13")[0]["position"]
        self.assertIn(first, range(step["first"], step["last"] + 1))
        later = self.ossync("replay", "--json", "--from", f"@{parked + 1}", "--break-event",
                            "RecordParked").objects
        self.assertTrue(all(step["first"] > parked for step in later[:-1]))
        total = self.ossync("replay", "--json", "--break-when", "expenses.records >= 10").objects
        self.assertEqual(total[0]["state"]["records.withDetails"], 10)

    def test_at_a_terminal_it_waits_for_enter(self):
        owner, side = pty.openpty()
        process = self.start("replay", "--step", stdin=side, stdout=side, stderr=side)
        os.close(side)
        text = ""
        for answer in ("\n", "\n", "c\n"):
            while "q to quit: " not in text:
                text += os.read(owner, 65_536).decode()
            text = ""
            os.write(owner, answer.encode())
        while True:
            try:
                part = os.read(owner, 65_536)
            except OSError:
                break
            if not part:
                break
            text += part.decode()
        os.close(owner)
        process.communicate(timeout=20)
        self.assertEqual(process.returncode, 0)
        self.assertIn(f"@{self.status()['position']}", text)

    def test_nobody_is_held_up_by_one_who_thinks(self):
        owner, side = pty.openpty()
        process = self.start("replay", "--step", "--break-when", "expenses.total > 1e12",
                             stdin=side, stdout=side, stderr=side)
        os.close(side)
        text = ""
        for _ in range(40):
            while "q to quit: " not in text:
                text += os.read(owner, 65_536).decode()
            text = ""
            snapshots = [snapshot for path in self.store.rglob("lock.mdb")
                         for snapshot in self.snapshots(path, process.pid)]
            self.assertEqual(snapshots, [])
            os.write(owner, b"\n")
        process.kill()
        os.close(owner)

    def snapshots(self, path, pid):
        """What a process reads of an LMDB environment, by its table of readers."""
        table = path.read_bytes()
        found = []
        # After the head each reader has a line of the processor's cache.
        for place in range(64, len(table) - 63, 64):
            transaction, reader = struct.unpack_from("<QI", table, place)
            if reader == pid and transaction != 2 ** 64 - 1:
                found.append((path.parent.name, transaction))
        return found

    def test_what_cant_be_is_said(self):
        for arguments, word in (
                (["--to", "soon"], "now-1h"), (["--to", "@99999999"], "ends at position"),
                (["--break-event", "Nothing"], "PageFetched"),
                (["--break-when", "queue.parked"], "queue.parked > 0"),
                (["--bundle", "x", "--to", "@4"], "--bundle"),
                (["--export", "x", "--verify"], "--export"),
                (["--bundle", "nowhere.bundle"], "nowhere.bundle")):
            with self.subTest(arguments=arguments):
                self.assert_one_clear_line(
                    self.ossync("replay", *arguments, code=2), word)


class Bundle(Past):
    def test_a_slice_replays_elsewhere(self):
        self.ossync("replay", "--export", "all.bundle")
        summary = self.ossync("replay", "--from", self.second["run"], "--to", self.second["run"],
                              "--export", "run.bundle", "--json").last
        # A commit is taken whole, and this one begins with the clock of the new engine.
        self.assertIn(int(self.second["run"][1:]) - summary["first"], (0, 1))
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        for name, events in (("all", len(self.events())), ("run", summary["events"])):
            path = self.folder / f"{name}.bundle"
            found = self.ossync("replay", "--bundle", path, "--verify", "--json",
                                "--store", elsewhere / "none", cwd=elsewhere).last
            self.assertEqual(found["verification"]["divergences"], 0)
            self.assertEqual(found["events"], events)
            text = path.read_text()
            for secret in (self.server.url, "127.0.0.1", "Ltda", "customer"):
                self.assertNotIn(secret.encode().hex(), text)
                self.assertNotIn(secret, text)

    def test_it_tells_of_its_own_stream(self):
        self.ossync("replay", "--export", "all.bundle")
        state = self.ossync("replay", "--json").last["state"]
        tree = self.configure(self.server.url)
        tree["streams"] = {"other": tree["streams"]["os"]}
        self.write("ossync.yaml", json.dumps(tree))
        found = self.ossync("replay", "--bundle", "all.bundle", "--json").last
        self.assertEqual(found["stream"], "os")
        self.assertEqual(found["state"], state)
        self.assertEqual(found["state"]["records.total"], 320)

    def test_a_slice_that_was_altered_is_found_out(self):
        self.ossync("replay", "--export", "all.bundle")
        path = self.folder / "all.bundle"
        lines = path.read_text().splitlines()
        at = next(index for index, line in enumerate(lines) if '"event":"RateLimited"' in line)
        # Another commit in its place: what is left contradicts itself.
        lines[at] = lines[at - 1]
        path.write_text("\n".join(lines) + "\n")
        self.ossync("replay", "--bundle", path, "--verify", code=12)

    def test_rubbish_is_refused_with_its_line(self):
        self.ossync("replay", "--export", "all.bundle")
        text = (self.folder / "all.bundle").read_text()
        for name, spoiled in (("half", text[: len(text) // 2]), ("none", ""), ("other", "{}\n"),
                              ("hex", text.replace('"raw":"', '"raw":"zz', 1)),
                              ("turned", text.replace('"raw":"0', '"raw":"1', 1)),
                              ("later", text.replace('"format":1', '"format":2', 1))):
            path = self.folder / f"{name}.bundle"
            path.write_text(spoiled)
            with self.subTest(name=name):
                result = self.ossync("replay", "--bundle", path, code=2)
                self.assert_one_clear_line(result, f"{name}.bundle")


class Bundles(Case):
    """Each bundle in Tests/Bundles is a piece of history that has to be decided as it was."""

    def test_are_decided_as_they_were(self):
        found = sorted(BUNDLES.glob("*.bundle"))
        self.assertTrue(found)
        for path in found:
            with self.subTest(path=path.name):
                summary = self.ossync("replay", "--bundle", path, "--verify", "--json",
                                      code=(0, 1)).last
                verification = summary["verification"]
                # Rules that changed on purpose are told by their version.
                self.assertEqual(verification["divergences"], verification["ofOtherRules"])


class WhatIf(Case):
    def run_under(self, requests, batch):
        """A sync under other settings, in a store of its own; and what it took."""
        self.configure(
            self.server.url, store=f"./store-{requests}-{batch}", detail__batch__size=batch,
            rateLimits__requestsPerMinute=None, rateLimits__requestsPerHour=None,
            rateLimits__windows=[{"name": "burst", "requests": requests, "seconds": 1}])
        return self.ossync("sync", "--json", code=3).last

    def test_an_estimate_is_near_what_the_settings_lead_to(self):
        self.server = self.ready(400, "--poison", 13, "--missing", 57)
        real = {settings: self.run_under(*settings) for settings in ((30, 5), (60, 5), (30, 10))}
        self.configure(
            self.server.url, store="./store-30-5", rateLimits__requestsPerMinute=None,
            rateLimits__requestsPerHour=None,
            rateLimits__windows=[{"name": "burst", "requests": 30, "seconds": 1}])
        for settings, change in (((60, 5), "rateLimits.windows.burst=60"),
                                 ((30, 10), "streams.os.detail.batch.size=10")):
            with self.subTest(change=change):
                found = self.ossync("replay", "--set", change, "--json").last
                self.assertTrue(found["estimate"])
                self.assertEqual(found["recorded"]["requests"], real[30, 5]["requests"])
                expected = real[settings]
                self.assertAlmostEqual(
                    found["estimated"]["requests"]["total"] / expected["requests"]["total"], 1,
                    delta=0.1)
                # The last second of a window more or less.
                self.assertAlmostEqual(
                    found["estimated"]["durationSeconds"], expected["durationSeconds"],
                    delta=1.2 + 0.1 * expected["durationSeconds"])
                self.assertEqual(found["estimated"]["failed"], expected["records"]["failed"])
                self.assertTrue(found["assumptions"])
        words = self.ossync("replay", "--set", "detail.concurrency=1").out
        self.assertIn("estimate", words)
        self.assertIn("assumed: ", words)

    def test_a_stream_is_meant_by_its_name(self):
        self.server = self.ready(60)
        runs = {"os": self.sync()}
        tree = self.configure(self.server.url)
        tree["streams"] = {"other": tree["streams"]["os"], **tree["streams"]}
        self.write("ossync.yaml", json.dumps(tree))
        runs["other"] = self.sync()
        whole = ("--from", runs["os"]["run"], "--to", runs["other"]["run"])
        def requests(*arguments):
            found = self.ossync("replay", "--json", *arguments).last
            return found["estimated"]["requests"]["detail"], found["first"]
        first = int(runs["other"]["run"][1:])
        # Twelve requests of five records, or six of ten.
        self.assertEqual(requests("--set", "streams.other.detail.batch.size=10"), (6, first))
        self.assertEqual(
            requests("--set", "streams.other.detail.batch.size=10", *whole)[0], 18)
        self.assertEqual(requests("--set", "detail.batch.size=10", *whole)[0], 12)
        only = ("--from", runs["os"]["run"], "--to", runs["os"]["run"])
        self.assert_one_clear_line(
            self.ossync("replay", "--set", "streams.other.retry.attempts=9", *only, code=1),
            "no whole run of other")
        self.assert_one_clear_line(
            self.ossync("replay", "--set", "streams.nobody.retry.attempts=9", code=2),
            "no stream nobody", "other")
        for text in ("streams.os.rateLimits.cooldownMs=1", "streams.detail.batch.size=3",
                     "streams.os.columns=3"):
            self.assert_one_clear_line(
                self.ossync("replay", "--set", text, code=2), "no such setting")

    def test_settings_that_lead_nowhere_are_given_up(self):
        good = orders(200)
        self.server = self.serve(
            lambda request: good(request) if request.number <= 30 else Answer({}, 429))
        self.configure(self.server.url, rateLimits__requestsPerHour=600)
        self.ossync("sync", "--patience", "1s", code=6)
        result = self.ossync("replay", "--set", "rateLimits.cooldownMs=0", "--set",
                             "rateLimits.requestsPerHour=null", code=1)
        self.assert_one_clear_line(result, "requests would be refused", "cooldown")

    def test_what_cant_be_set_is_said(self):
        self.server = self.ready(20)
        self.assert_one_clear_line(
            self.ossync("replay", "--set", "retry.attempts=3", code=10), "no store")
        self.sync()
        for text, word in (("x", "KEY=VALUE"), ("x=3", "no such setting"),
                           ("detail.batch.size=0", "1 to"), ("retry.multiplier=x", "number"),
                           ("rateLimits.windows.nothing=3", "no window nothing")):
            with self.subTest(text=text):
                self.assert_one_clear_line(
                    self.ossync("replay", "--set", text, code=2), word)
        self.ossync("replay", "--set", "retry.attempts=3", "--verify", code=2)


class AsItWas(Past):
    def test_queue_and_export_as_they_were(self):
        point = f"@{self.before['position']}"
        self.assertEqual(
            self.ossync("queue", "list", "--json", "--at", point).objects, self.queue)
        for limit in (0, 1, 2, 9_999):
            found = self.ossync("queue", "list", "--json", "--at", point, "--limit", limit)
            self.assertEqual(found.objects, self.queue[:limit])
        self.assertEqual(
            self.ossync("queue", "list", "--json", "--at", point, "--state", "parked",
                        "--limit", 1).objects,
            [entry for entry in self.queue if entry["state"] == "parked"][:1])
        self.assertEqual(self.ossync("export", "csv", "--at", point).out, self.rows)
        self.assertEqual(self.ossync("export", "csv", "--at", "now").out,
                         self.ossync("export", "csv").out)
        lines = self.ossync("export", "ndjson", "--at", point).out.splitlines()
        self.assertEqual(len(lines), self.before["records"]["total"])
        seven = next(json.loads(line) for line in lines if json.loads(line)["id"] == "7")
        shown = self.ossync("show", "7", "--json", "--at", point).last
        self.assertEqual(seven, shown)
        for early in ("@0", "@1", "@2"):
            self.assertEqual(self.ossync("queue", "list", "--at", early).out, "")
            self.assertEqual(len(self.ossync("export", "csv", "--at", early).out.splitlines()), 1)

    def test_what_differs_between_two_points(self):
        a, b = f"@{self.before['position']}", "now"
        then, now = self.table(a), self.table(b)
        objects = self.ossync("log", "diff", a, b, "--json").objects
        summary = objects[-1]
        records = {one["id"]: one for one in objects if one["type"] == "record"}
        self.assertEqual(
            {key for key, one in records.items() if one["change"] == "added"},
            set(now) - set(then))
        self.assertEqual(summary["added"], 20)
        self.assertEqual(records["7"]["change"], "changed")
        for key, one in records.items():
            for column in one["columns"]:
                before = then.get(key, {}).get(column["name"], "")
                self.assertEqual(column["before"] or "", before, (key, column))
                self.assertEqual(column["after"] or "", now[key][column["name"]])
        same = [key for key in then if then[key] == now[key]]
        self.assertFalse({key for key in same if records.get(key, {}).get("columns")})
        counters = {one["name"]: one for one in objects if one["type"] == "counter"}
        self.assertEqual(counters["records.total"]["before"], self.before["records"]["total"])
        self.assertEqual(counters["expenses.total"]["before"], self.before["expenses"]["total"])
        back = self.ossync("log", "diff", b, a, "--json").last
        self.assertEqual((back["removed"], back["added"]), (20, 0))
        none = self.ossync("log", "diff", b, b, "--json").objects
        self.assertEqual(len(none), 1)

    def test_more_records_differ_than_are_made_one_by_one(self):
        a = f"@{self.status()['position']}"
        self.server.append(1_100)
        self.ossync("sync", "--no-details", code=(0, 3))
        then, now = self.table(a), self.table("now")
        objects = self.ossync("log", "diff", a, "now", "--json").objects
        records = {one["id"]: one for one in objects if one["type"] == "record"}
        self.assertEqual(set(now) - set(then),
                         {key for key, one in records.items() if one["change"] == "added"})
        self.assertEqual(objects[-1]["added"], 1_100)
        for key, one in records.items():
            for column in one["columns"]:
                self.assertEqual(column["after"] or "", now[key][column["name"]])
        back = self.ossync("log", "diff", "now", a, "--json").objects
        self.assertEqual(back[-1]["removed"], 1_100)
        self.assertEqual(back[-1]["changed"], objects[-1]["changed"])

    def test_a_wait_that_is_another_one_differs(self):
        # A batch that is asked again whole, and then in halves, waits twice and charges nobody.
        requeued = [event for event in self.events("--event", "DetailsRequeued", "--record", "13")
                    if event["data"]["kind"] in ("whole", "split")]
        a, b = (f"@{event['position']}" for event in requeued[:2])
        records = {one["id"]: one for one in self.ossync("log", "diff", a, b, "--json").objects
                   if one["type"] == "record"}
        due = records["13"]["nextAttemptAt"]
        self.assertEqual([due["before"], due["after"]],
                         [event["data"]["due"] for event in requeued[:2]])
        self.assertIn("next attempt: ", self.ossync("log", "diff", a, b).out)

    def table(self, point):
        rows = csv.DictReader(io.StringIO(self.ossync("export", "csv", "--at", point).out))
        return {row["id"]: row for row in rows}

    def test_bisect_finds_the_first_event(self):
        parked = self.events("--event", "RecordParked")[0]["position"]
        found = self.ossync("log", "bisect", "--when", "queue.parked > 0", "--json").last
        self.assertEqual(found["position"], parked)
        self.assertEqual(found["state"]["queue.parked"], 1)
        found = self.ossync("log", "bisect", "--when", "expenses.total > 50000", "--json").last
        at = found["position"]
        sums = [float(self.ossync("status", "--json", "--at", f"@{position}").last["expenses"]
                      ["total"]) for position in (at - 1, at)]
        self.assertLessEqual(sums[0], 50_000)
        self.assertGreater(sums[1], 50_000)
        later = self.ossync("log", "bisect", "--when", "queue.parked > 0", "--from",
                            self.second["run"], "--json").last
        self.assertEqual(later["position"], int(self.second["run"][1:]))
        result = self.ossync("log", "bisect", "--when", "queue.parked > 99", code=1)
        self.assert_one_clear_line(result, "never holds")
        self.assert_one_clear_line(
            self.ossync("log", "bisect", "--when", "nothing = 3", code=2), "records.total")
