"""A store that can't grow: the run fails, loses nothing, and goes on once there is room."""

from harness import Case


class FullDisk(Case):
    def start_with_room(self, room, *arguments):
        """Starts a command whose files may have so many bytes: beyond, each write fails."""
        return self.start(*arguments, limits={"FSIZE": room})

    def test_a_configuration_is_written_whole_or_not_at_all(self):
        result = self.finish(self.start_with_room(1_000, "init"))
        self.assertEqual(result.code, 1, str(result))
        self.assert_one_clear_line(result, "ossync.yaml", "no space left")
        self.assertFalse((self.folder / "ossync.yaml").exists())
        self.ossync("init")

    def test_the_run_fails_and_resumes_where_it_was(self):
        server = self.ready(2_000, list__paging__size=100)
        for room in (300_000, 300_000, 600_000):
            result = self.finish(self.start_with_room(room, "sync", "--json"))
            self.assertEqual(result.code, 1, str(result))
            summary = result.last
            self.assertEqual(summary["type"], "summary", str(result))
            self.assertEqual(summary["outcome"], "failed")
            # A write that the bound cuts in two is one that failed, to the store.
            self.assertIn(summary["reason"], ("diskFull", "io"))
            self.assertEqual(summary["exitCode"], 1)
            self.assertIn("ossync sync --mode resume", summary["next"])
            self.assert_one_clear_line(result, "store/log", "--mode resume")
            # What it says it did is what is in the store.
            self.assertEqual(self.status()["records"]["total"], self.total_listed())
            self.assertEqual(summary["position"], self.status()["position"])
            self.assertEqual(self.verify()["exitCode"], 0)
        asked, _ = server.counts()
        summary = self.sync("--mode", "resume")
        self.assertEqual(summary["outcome"], "completed")
        self.assertEqual(summary["reason"], None)
        self.assert_same_as_server(server, range(1, 2_001))
        self.assertLessEqual(asked + summary["requests"]["list"], 20 + 3)

    def total_listed(self):
        listed = set()
        for event in self.events():
            if event["event"] == "PageFetched":
                listed.update(entry["id"] for entry in event["data"]["entries"])
        return len(listed)
