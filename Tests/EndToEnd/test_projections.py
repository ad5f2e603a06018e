"""The tables folded from the log: rebuilt, compared, checked, kept and dropped."""

import csv
import io
import shutil
import signal
import time

from harness import Case
from test_commands import Synced


class Projections(Synced):
    def test_list_and_rebuild(self):
        found, history = self.ossync("projections", "list", "--json").objects
        self.assertLessEqual(
            {"type": "projection", "name": "os", "rows": 300, "stale": False, "kept": []}.items(),
            found.items())
        self.assertEqual(history["name"], "history")
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

    def test_the_old_generation_is_kept_and_can_be_gone_back_to(self):
        before = self.ossync("export", "csv").out
        rebuilt = self.ossync("projections", "rebuild", "os", "--json").last
        self.assertLessEqual(
            {"generation": 2, "kept": 1, "added": 0, "removed": 0, "changed": 0}.items(),
            rebuilt.items())
        self.assertIn("generation 1 is kept", self.ossync("projections", "list").out)
        self.assertEqual(
            self.ossync("projections", "rollback", "os", "--json").last["generation"], 1)
        self.assertEqual(self.ossync("export", "csv").out, before)
        self.assertEqual(self.ossync("projections", "drop", "os", "--json").last["dropped"], [2])
        self.assert_one_clear_line(
            self.ossync("projections", "rollback", "os", code=1), "no other generation")

    def test_a_dry_run_changes_nothing(self):
        self.configure(self.server.url, columns={"client": {"pointer": "/customer/name"}})
        dry = self.ossync("projections", "rebuild", "os", "--dry-run", "--json").last
        self.assertLessEqual(
            {"added": 0, "removed": 0, "changed": 300, "generation": None}.items(), dry.items())
        (found, _) = self.ossync("projections", "list", "--json").objects
        self.assertEqual((found["generation"], found["stale"]), (1, True))
        # The next use rebuilds it, and going back needs the old columns.
        self.ossync("export", "csv")
        result = self.ossync("projections", "rollback", "os", code=1)
        self.assert_one_clear_line(result, "other columns")
        self.configure(self.server.url)
        self.ossync("projections", "rollback", "os")

    def test_verify_folds_everything_anew(self):
        found, summary = self.ossync("projections", "verify", "--json").objects
        self.assertEqual((found["rows"], found["ok"], summary["ok"]), (300, True, True))
        self.assertIn("300 rows", self.ossync("projections", "verify", "os").out)
        self.ossync("projections", "verify", "nothing", code=2)
        self.assert_one_clear_line(
            self.ossync("projections", "verify", "history", code=2), "checksum")


class Killed(Case):
    def test_a_rebuild_goes_on_after_a_kill(self):
        self.ready(20_000, detail__batch__size=500)
        self.sync()
        before = self.ossync("export", "csv").out
        for delay in (0.05, 0.1, 0.2, 0.4):
            process = self.start("projections", "rebuild", "os")
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            self.finish(process)
            self.assertEqual(self.ossync("export", "csv").out, before)
        self.ossync("projections", "rebuild", "os")
        self.assertEqual(self.ossync("export", "csv").out, before)
        self.assertTrue(self.ossync("projections", "verify", "--json").last["ok"])
        names = {path.name for path in (self.store / "projections").iterdir()}
        self.assertFalse([name for name in names if name.endswith(".work")], names)

    def test_a_rebuild_runs_beside_a_sync(self):
        self.ready(3_000, "--latency-ms", 3)
        sync = self.start("sync", "--json")
        self.wait_for(lambda: (self.store / "projections" / "os.current").exists())
        while sync.poll() is None:
            self.ossync("projections", "rebuild", "os", code=(0, 11))
            self.status()
        self.assertEqual(self.finish(sync).last["outcome"], "completed")
        self.assertTrue(self.ossync("projections", "verify", "--json").last["ok"])
