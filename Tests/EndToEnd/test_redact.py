"""What is redacted is gone from every file of a store, and nothing else is."""

import json
import signal

from harness import Case
from lmdb_pages import Values


class Redactions(Case):
    def ready_store(self, records=300):
        server = self.ready(records)
        self.sync()
        return server

    def redact(self, target, *arguments, **options):
        return self.ossync(
            "log", "redact", target, "--reason", "asked for", "--json", *arguments, **options)

    def show(self, one):
        return self.ossync("show", one, "--json").last

    def values(self, path, positions):
        """What a log has stored at some positions, byte by byte."""
        values = Values(path)
        return {
            position: values.data[at:at + size]
            for key, at, size in values.named("events")
            if (position := int.from_bytes(key, "big")) in positions}

    def assert_nowhere(self, parts):
        """Nothing of these stored texts is in any file of the store."""
        for path in self.store.rglob("*"):
            if not path.is_file():
                continue
            data = path.read_bytes()
            for position, part in parts.items():
                # What is behind the header, which says how it is stored.
                self.assertFalse(part[64:] in data, f"{position} is still in {path}")


class Redact(Redactions):
    def test_texts_are_gone_from_every_file_and_all_else_stays(self):
        self.ready_store()
        record = self.show(150)
        positions = [record["headerPosition"], record["detailPosition"]]
        text = json.dumps(record["detail"]["customer"]["name"], ensure_ascii=False)
        self.ossync("projections", "verify")
        before = self.ossync("export", "csv").out.splitlines()
        events = self.events()
        parts = self.values(self.store / "log/data.mdb", set(positions))
        done = self.redact(150).last
        self.assertEqual(done["records"], ["150"])
        self.assertEqual(done["positions"], positions)
        self.assertEqual(done["backups"], [])
        self.assert_nowhere(parts)
        self.assertFalse(any(self.store.glob("projections/os-*")))
        now = self.show(150)
        self.assertIsNone(now["header"])
        self.assertIsNone(now["detail"])
        self.assertEqual(set(now["columns"].values()), {None})
        for key in ("state", "details_synced", "headerPosition", "detailPosition"):
            self.assertEqual(now[key], record[key])
        after = self.ossync("export", "csv").out.splitlines()
        self.assertEqual([a for a, b in zip(before, after) if a == b], before[:150] + before[151:])
        self.assertTrue(after[150].startswith("150,,,"))
        self.assertNotIn(text, self.ossync("export", "ndjson").out)
        self.assertNotIn(text, self.ossync("log", "show", "--json", "--bodies").out)
        # The log tells the same story, and who shortened it.
        shown = self.events()
        self.assertEqual(shown[:len(events)], self.without_sizes(events, shown))
        last = shown[-1]
        self.assertEqual(last["position"], done["event"])
        self.assertEqual(last["event"], "Redacted")
        self.assertEqual(last["data"]["records"], [{"ordinal": 149, "id": "150"}])
        self.assertEqual(last["data"]["positions"], positions)
        self.assertEqual(last["data"]["reason"], "asked for")
        self.assertIn("redacted", self.ossync("why", 150).out)
        self.assertIn("header redacted", self.ossync("history", 150).out)
        self.assertTrue(self.verify()["rowsCompared"])
        self.ossync("projections", "verify")
        self.assertEqual(
            self.ossync("replay", "--verify", "--json").last["verification"]["divergences"], 0)

    def without_sizes(self, events, shown):
        """A page shows how many bytes its texts have: those that are left."""
        for old, new in zip(events, shown):
            if old != new:
                self.assertIn(old["event"], ("PageFetched", "DetailsFetched"))
                self.assertEqual({**old, "data": None}, {**new, "data": None})
        return shown[:len(events)]

    def test_a_head_that_was_kept_is_still_one_of_the_chain(self):
        self.ready_store()
        head = self.verify()["head"]
        self.redact(7)
        self.ossync("log", "verify", "--against", head)

    def test_the_archive_is_redacted_too_and_backups_are_named(self):
        self.ready_store()
        self.ossync("backup", self.folder / "early")
        record = self.show(20)
        positions = [record["headerPosition"], record["detailPosition"]]
        self.ossync("log", "compact", "--before", f"@{positions[1]}")
        self.ossync("backup", self.folder / "later")
        segment, = self.store.glob("archive/*/data.mdb")
        parts = self.values(segment, {positions[0]})
        parts.update(self.values(self.store / "log/data.mdb", {positions[1]}))
        self.assertEqual(len(parts), 2)
        done = self.redact(20).last
        self.assertEqual(done["positions"], positions)
        self.assertEqual(
            [(entry["path"].split("/")[-1], entry["isThere"]) for entry in done["backups"]],
            [("early", True), ("later", True)])
        self.assert_nowhere(parts)
        self.assertTrue(self.verify()["rowsCompared"])
        self.ossync("backup", self.folder / "after")
        again = self.redact(20).last
        self.assertEqual(again["positions"], [])
        self.assertEqual(again["event"], done["event"])
        self.assertEqual(len(again["backups"]), 2)
        self.assertEqual(self.events()[-1]["event"], "Redacted")

    def test_a_position_redacts_all_records_of_an_event(self):
        self.ready_store()
        position = self.show(150)["detailPosition"]
        ids = self.redact(f"@{position}").last["records"]
        self.assertEqual(len(ids), 5)
        for one in ids:
            record = self.show(one)
            self.assertIsNone(record["detail"])
            self.assertIsNotNone(record["header"])

    def test_a_sync_goes_on_and_what_changes_comes_again(self):
        server = self.ready_store()
        self.redact(10)
        self.redact(11)
        server.touch(10)
        done = self.sync("--mode", "full")
        self.assertEqual(done["records"]["changed"], 1)
        self.assertIsNotNone(self.show(10)["detail"])
        self.assertIsNone(self.show(11)["detail"])
        self.assertTrue(self.verify()["rowsCompared"])
        self.ossync("projections", "verify")

    def test_nothing_is_changed_by_a_mistake(self):
        self.ready_store()
        end = self.status()["position"]
        for target, code in (("4711", 1), ("@99999", 1), ("@0", 2), ("@x", 2), ("@2", 1)):
            self.assert_one_clear_line(self.redact(target, code=code))
        self.ossync("log", "redact", "5", code=2)
        self.ossync("log", "redact", "5", "--reason", " ", code=2)
        told = self.redact("5", "--dry-run").last
        self.assertEqual(len(told["positions"]), 2)
        self.assertIsNone(told["event"])
        self.assertEqual(self.status()["position"], end)
        self.assertIsNotNone(self.show(5)["detail"])

    def test_a_missing_segment_is_named_and_nothing_is_changed(self):
        self.ready_store()
        self.ossync("log", "compact", "--before", f"@{self.show(20)['detailPosition']}")
        (self.store / "archive").rename(self.folder / "away")
        end = self.status()["position"]
        self.assert_one_clear_line(self.redact(20, code=1), "archive", "put it back")
        self.assertEqual(self.status()["position"], end)

    def test_a_kill_at_any_moment_leaves_a_store_that_is_whole(self):
        self.ready_store(2_000)
        self.ossync("log", "compact", "--before", "@200")
        for one in range(1, 9):
            process = self.start("log", "redact", one * 200, "--reason", "x", "--json")
            try:
                process.wait(self.random.uniform(0.0, 0.15))
            except Exception:
                process.send_signal(signal.SIGKILL)
                process.wait()
            found = self.ossync("log", "verify", "--json", code=(0, 12))
            self.assertTrue(found.last["rowsCompared"])
            # What isn't finished is told, and nothing else is wrong.
            parts = {one["part"] for one in found.objects if one["type"] == "problem"}
            self.assertIn(parts, (set(), {"redaction"}))
            self.redact(one * 200)
            record = self.show(one * 200)
            self.assertIsNone(record["header"])
            self.assertIsNone(record["detail"])
        self.assertEqual(list(self.store.glob("*.new-*")), [])
        self.assertTrue(self.verify()["rowsCompared"])
        self.ossync("projections", "verify")

