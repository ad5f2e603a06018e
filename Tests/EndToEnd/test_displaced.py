"""The log's file is replaced, moved or removed under a sync: it stops and says so."""

import os
import shutil

from harness import Case, orders


class Displaced(Case):
    CONCURRENCY = 5

    def running(self):
        """A sync under way, over a store with some events of an earlier one."""
        base = orders(400)

        def answer(request):
            reply = base(request)
            reply.delay = 0.1
            return reply
        server = self.serve(answer)
        self.configure(server.url, detail__concurrency=self.CONCURRENCY)
        self.sync("--max", "5")
        self.earlier = self.folder / "earlier.mdb"
        shutil.copyfile(self.store / "log/data.mdb", self.earlier)
        known = len(server.arrivals)
        process = self.start("sync", "--json")
        self.wait_for(lambda: len(server.arrivals) > known + 10, what="the second round of details")
        return server, process

    def assert_stops(self, server, process):
        sent = len(server.arrivals)
        result = self.finish(process, 10)
        self.assertEqual(result.code, 12, str(result))
        self.assertEqual(result.last["type"], "error", str(result))
        self.assertEqual(result.last["exitCode"], 12)
        self.assert_one_clear_line(result, self.store / "log/data.mdb", "run again")
        self.assertEqual(len(result.err.splitlines()), 1, str(result))
        # What was on its way already still arrives.
        self.assertLessEqual(len(server.arrivals) - sent, self.CONCURRENCY)

    def test_an_earlier_copy_is_put_in_its_place(self):
        server, process = self.running()
        before = self.earlier.read_bytes()
        os.replace(self.earlier, self.store / "log/data.mdb")
        self.assert_stops(server, process)
        self.assertEqual((self.store / "log/data.mdb").read_bytes(), before)
        self.assertEqual(self.verify()["problems"], 0)
        self.assertEqual(self.sync()["outcome"], "completed")

    def test_the_store_is_removed(self):
        server, process = self.running()
        shutil.rmtree(self.store)
        self.assert_stops(server, process)
        self.assertEqual(self.ossync("status", "--json", code=10).last["exitCode"], 10)
        self.assertEqual(self.sync()["outcome"], "completed")

    def test_the_store_is_moved_and_goes_on_from_there(self):
        server, process = self.running()
        other = self.folder / "other"
        os.rename(self.store, other)
        self.assert_stops(server, process)
        os.rename(other, self.store)
        self.assertEqual(self.verify()["problems"], 0)
        self.assertEqual(self.sync()["outcome"], "completed")
        # Nothing that had been answered is asked for again.
        asked = [
            one for arrival in server.arrivals if "ids" in arrival.query
            for one in arrival.query["ids"].split(",")]
        self.assertLessEqual(len(asked) - len(set(asked)), 5 * self.CONCURRENCY)
