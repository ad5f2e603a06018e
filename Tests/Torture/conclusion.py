"""The end of a round: store and server side by side, byte for byte."""

import decimal
import json
import shutil

from history import assert_asked_once

WINDOW_SECONDS = 1


class Conclusion:
    """What a round checks when nothing disturbs it any more."""

    def conclude(self):
        """Lets the sync end, and holds store and server side by side."""
        partial = 3 if self.poisoned else 0
        summary = self.sync("--mode", "resume", code=(0, 3))
        status = self.status()
        is_complete = self.is_done(status) and status["records"]["total"] == len(self.ids)
        if not is_complete or self.changed:
            summary = self.sync("--mode", "full", code=(0, 3))
        self.assertIn(summary["exitCode"], {0, partial}, f"{self.plan}\n{summary}")
        again = self.sync("--verbose", code=(0, 3))
        if not self.plan.faults:
            self.assertEqual(again["requests"]["total"], 1, f"{self.plan}\n{again}")
        self.assertEqual(again["records"]["new"] + again["records"]["changed"], 0)
        self.look()
        self.compare_requests()
        self.compare_records()

    def compare_requests(self):
        history = assert_asked_once(self, self.server, self.changed)
        self.counts["abandoned"] += len(history.abandoned)
        self.counts["requests"] += len(history.intents)
        self.assertLessEqual(
            len(history.abandoned), self.counts["kills"] * max(1, self.plan.concurrency))
        if self.relay:
            self.counts["echoes of the secrets"] += self.relay.said
        kinds = history.kinds
        self.counts["interrupted"] += kinds["RunInterrupted"]
        self.assertLessEqual(kinds["RunInterrupted"], self.counts["kills"])
        self.assertEqual(kinds["RateLimited"], 0)
        if self.plan.window:
            seen = self.server.arrivals(WINDOW_SECONDS)["window"]
            self.assertLessEqual(seen["maximumArrivals"], self.plan.window, str(self.plan))
            self.counts["rounds under a limit"] += 1

    def compare_records(self):
        """Byte for byte, as they are exported; then again from a projection that is rebuilt."""
        headers = self.texts("/os?page={}&per_page=1000")
        details = {}
        whole = sorted(self.ids - self.poisoned, key=int)
        for start in range(0, len(whole), 200):
            part = ",".join(whole[start:start + 200])
            details.update(self.texts(f"/os/details?ids={part}", pages=False))
        self.assertEqual(set(headers), self.ids)
        exported = self.ossync("export", "ndjson").out
        found = {}
        for line in exported.splitlines():
            found[json.loads(line)["id"]] = line
        self.assertEqual(set(found), self.ids)
        for one in self.ids:
            if one in self.poisoned:
                expected = f',"header":{headers[one]},"detail":null,"details_synced":false,'
            else:
                expected = (
                    f',"header":{headers[one]},"detail":{details[one]},"details_synced":true,')
            self.assertIn(expected, found[one])
        self.assert_totals(details)
        if self.random.random() < 0.5:
            self.ossync("projections", "rebuild", "os")
        else:
            shutil.rmtree(self.store / "projections")
        self.assertEqual(self.ossync("export", "ndjson").out, exported)

    def assert_totals(self, details):
        status = self.status()
        self.assertEqual(status["records"]["total"], len(self.ids))
        self.assertEqual(status["records"]["withDetails"], len(self.ids) - len(self.poisoned))
        self.assertEqual(status["queue"]["parked"], len(self.poisoned))
        total = sum(
            decimal.Decimal(str(line["amount"]))
            for text in details.values()
            for line in json.loads(text, parse_float=decimal.Decimal)["expenses"])
        self.assertEqual(decimal.Decimal(status["expenses"]["total"]), total)

    def texts(self, path, pages=True):
        """The records of an answer by their ids, each in the server's own bytes."""
        found, page = {}, 1
        while True:
            rows = dict(slices(self.body(path.format(page))))
            found.update(rows)
            if not rows or not pages:
                return found
            page += 1

    def body(self, path):
        """An answer of the server's API; it may break now and then."""
        for _ in range(20):
            try:
                return self.server.text(path)
            except OSError:
                continue
        raise AssertionError(f"the server does not answer {path}")


def slices(body):
    """The elements of the member `data`, each as (id, text)."""
    decoder = json.JSONDecoder()
    at = body.index('"data":[') + len('"data":[')
    while body[at] != "]":
        value, end = decoder.raw_decode(body, at)
        yield str(value["id"]), body[at:end]
        at = end + (body[end] == ",")
