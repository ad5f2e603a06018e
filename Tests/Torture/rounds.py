"""One round of torture: a fresh server, a fresh store, a sync that is disturbed again and again.

What each kind of round does to the sync is in `kinds`; here is what is drawn for every round, and
what must hold at every moment and at the end of each.
"""

import collections
import decimal
import json
import pathlib
import random
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "EndToEnd"))

from harness import Case  # noqa: E402
from history import assert_asked_once  # noqa: E402
from lmdb_pages import Values  # noqa: E402

WINDOW_SECONDS = 1
# Longer than a request that left just before a kill takes to arrive, on a machine that is busy.
DELIVERY_BOUND_MS = 150


class Chain:
    """The commits and events of a store that nobody writes, read without ossync."""

    def __init__(self, path):
        values = Values(path)
        self.heads = {}
        self.events = {}
        for key, at, length in values.named("commits"):
            assert length == 40, "a link of the chain has 40 bytes"
            self.heads[int.from_bytes(key, "big")] = bytes(values.data[at:at + 32])
        for key, at, length in values.named("events"):
            self.events[int.from_bytes(key, "big")] = bytes(values.data[at:at + length])

    @property
    def position(self):
        return max(self.heads, default=0)

    def is_prefix_of(self, later):
        return all(
            later.heads.get(last) == head for last, head in self.heads.items()
        ) and all(later.events.get(position) == event for position, event in self.events.items())


class Plan:
    """What is drawn for a round: the server, the configuration, how often the sync is disturbed."""

    def __init__(self, random):
        draw = random.choice
        self.batch = draw((1, 3, 5, 5, 10))
        self.concurrency = draw((1, 2, 5, 5, 8))
        self.size = draw((10, 25, 40, 1000))
        self.records = random.randrange(20, 40 + 14 * self.batch)
        self.latency_ms = draw((0, 1, 2, 5, 10))
        self.keyset = random.random() < 0.3
        self.total = random.random() < 0.75
        self.faults = random.random() < 0.2
        self.poison = random.random() < 0.2
        # Small enough that the limit decides how long the round takes.
        self.window = random.randrange(12, 30) if random.random() < 0.2 else None
        self.disturbances = random.randrange(2, 6)
        self.changes = random.random() < 0.5

    @property
    def seconds(self):
        """About how long a sync takes that nobody disturbs, without its start."""
        requests = self.records / self.batch + self.records / self.size
        return requests * (self.latency_ms * 1.25 + 1.5) / 1000 / min(self.concurrency, 3)

    def __str__(self):
        return ", ".join(f"{name}={value}" for name, value in vars(self).items())


class Round(Case):
    """A round of one kind; `disturb` is what the kinds differ in."""

    kind = "?"
    seed = 0
    number = 0
    keep = None

    def runTest(self):  # noqa: N802 (unittest's name)
        self.random = random.Random(f"{self.seed} {self.kind} {self.number}")
        self.plan = Plan(self.random)
        self.counts = collections.Counter(rounds=1)
        self.seen = []
        self.changed = collections.Counter()
        self.mode = "incremental"
        try:
            self.begin()
            for _ in range(self.plan.disturbances):
                self.once()
            self.conclude()
        except BaseException:
            if self.keep:
                shutil.copytree(self.folder, self.keep, dirs_exist_ok=True, symlinks=True)
            raise

    def begin(self):
        plan = self.plan
        arguments = ["--latency-ms", plan.latency_ms, "--seed", self.random.randrange(1 << 32)]
        if not plan.total:
            arguments.append("--no-total")
        if plan.faults:
            arguments += ["--fault-rate", "0.04"]
        self.poisoned = set()
        if plan.poison:
            self.poisoned = {str(self.random.randrange(1, plan.records + 1))}
            arguments += ["--poison", *self.poisoned]
        changes = {
            "list__paging__size": plan.size,
            "detail__batch": {"size": plan.batch, "join": ","},
            "detail__concurrency": plan.concurrency,
            "rateLimits__deliveryBoundMs": DELIVERY_BOUND_MS,
            "retry__attempts": 5,
        }
        if plan.keyset:
            changes["list__paging"] = {
                "type": "idAfter", "param": "id_gt", "sizeParam": "per_page", "size": plan.size}
        if not plan.total:
            changes["list__total"] = None
        if plan.window:
            changes["rateLimits__windows"] = [
                {"name": "w", "requests": plan.window, "seconds": WINDOW_SECONDS}]
        self.server = self.ready(plan.records, *arguments, **changes)
        self.ids = set(map(str, range(1, plan.records + 1)))

    # One disturbance

    def once(self):
        """Starts a sync, disturbs it, and looks at the store when it has ended."""
        process = self.start("sync", "--json", "--mode", self.mode)
        self.disturb(process)
        result = self.finish(process)
        if result.code == -9:
            self.counts["kills"] += 1
        else:
            self.assertIn(result.code, (0, 3), f"{self.plan}\n{result}")
            self.counts["ended"] += 1
            self.assertEqual(result.last["type"], "summary", str(result))
            if self.is_done():
                self.change_the_server()
        self.look()

    def disturb(self, process):
        raise NotImplementedError

    def moment(self):
        """Lets a random part of a sync go by: its start and recovery, or any of its requests."""
        if self.random.random() < 0.35:
            time.sleep(self.random.uniform(0, 0.06))
        else:
            time.sleep(0.03 + self.random.uniform(0, 0.02 + self.plan.seconds))

    def kill(self, process):
        process.kill()

    def holds(self, process):
        """Whether a sync has the engine's lock, by what the kernel says."""
        try:
            place = f":{(self.store / 'lock').stat().st_ino}"
        except FileNotFoundError:
            return False
        with open("/proc/locks", encoding="ascii") as locks:
            held = [line.split() for line in locks if "FLOCK" in line]
        return any(line[4] == str(process.pid) and line[5].endswith(place) for line in held)

    def is_done(self, status=None):
        status = status or self.status()
        waiting = status["queue"]["pending"] + status["queue"]["retrying"]
        return waiting == 0 and status["state"]["cursor"] is None

    def change_the_server(self):
        """Records appear and change, so that what follows has something to do."""
        if not self.plan.changes:
            return
        first = len(self.ids) + 1
        count = self.random.randrange(1, 2 + len(self.ids) // 2)
        self.server.append(count)
        self.ids |= set(map(str, range(first, first + count)))
        known = sorted(self.ids, key=int)
        for one in self.random.sample(known, self.random.randrange(0, 6)):
            self.server.touch(one)
            self.changed[one] += 1
        self.mode = self.random.choice(("incremental", "full"))

    def look(self):
        """What must hold whenever no sync is running: the log is whole, and goes on from before."""
        data = self.store / "log/data.mdb"
        if not data.exists():
            self.counts["before the store"] += 1
            self.assertEqual(self.ossync("status", "--json", code=10).last["exitCode"], 10)
            return
        verified = self.ossync("log", "verify", "--json").last
        self.assertEqual(verified["problems"], 0)
        chain = Chain(data)
        self.assertEqual(verified["position"], chain.position)
        self.assertEqual(
            verified["head"], chain.heads[chain.position].hex() if chain.heads else "00" * 32)
        self.assertEqual(sorted(chain.events), list(range(1, chain.position + 1)))
        if self.seen:
            self.assert_prefix(self.seen[-1], chain)
        self.seen.append(chain)

    def assert_prefix(self, earlier, later, what="the log before"):
        self.assertTrue(
            earlier.is_prefix_of(later),
            f"{what}, up to {earlier.position}, is no prefix of the one up to {later.position}")

    # The end

    def conclude(self):
        """Lets the sync end, and holds store and server side by side."""
        partial = 3 if self.poisoned else 0
        summary = self.sync("--mode", "resume", code=(0, 3))
        status = self.status()
        is_complete = self.is_done(status) and status["records"]["total"] == len(self.ids)
        if not is_complete or self.changed:
            summary = self.sync("--mode", "full", code=(0, 3))
        self.assertIn(summary["exitCode"], {0, partial}, f"{self.plan}\n{summary}")
        again = self.sync(code=(0, 3))
        if not self.plan.faults:
            self.assertEqual(again["requests"]["total"], 1, f"{self.plan}\n{again}")
        self.assertEqual(again["records"]["new"] + again["records"]["changed"], 0)
        self.look()
        self.compare_requests()
        self.compare_records()
        self.check_further()

    def compare_requests(self):
        history = assert_asked_once(self, self.server, self.changed)
        self.counts["abandoned"] += len(history.abandoned)
        self.counts["requests"] += len(history.intents)
        self.assertLessEqual(
            len(history.abandoned), self.counts["kills"] * max(1, self.plan.concurrency))
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

    def check_further(self):
        """What a kind of round has to check at the end beside all that."""


def slices(body):
    """The elements of the member `data`, each as (id, text)."""
    decoder = json.JSONDecoder()
    at = body.index('"data":[') + len('"data":[')
    while body[at] != "]":
        value, end = decoder.raw_decode(body, at)
        yield str(value["id"]), body[at:end]
        at = end + (body[end] == ",")
