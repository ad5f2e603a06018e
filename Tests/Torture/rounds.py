"""One round of torture: a fresh server, a fresh store, a sync that is disturbed again and again.

What each kind of round does to the sync is in `kinds`; here is what every round does before and
after, and what must hold at every moment. `conclusion` says what must hold in the end.
"""

import collections
import contextlib
import os
import pathlib
import random
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "EndToEnd"))

from canary import Canary  # noqa: E402
from chain import Chain, Kind, Progress  # noqa: E402
from conclusion import WINDOW_SECONDS, Conclusion  # noqa: E402
from harness import Case  # noqa: E402
from plan import Moment, Plan  # noqa: E402
from relay import Relay  # noqa: E402

# Longer than a request that left just before a kill takes to arrive, on a machine that is busy.
DELIVERY_BOUND_MS = 150
# So often a sync is started until what disturbs it meets something.
TRIES = 10
# The share of disturbances that wait for nothing: most meet a start, before anything is durable.
EARLY = 0.1


class Round(Conclusion, Case):
    """A round of one kind; `disturb` is what the kinds differ in.

    `effect` names the count that grows when a disturbance of this kind met something.
    """

    kind = "?"
    effect = "?"
    # Whether a disturbance may also come before anything is durable.
    has_early = False
    # How long a sync takes at least, where another process has to start beside it.
    least_seconds = 0
    seed = 0
    number = 0
    keep = None

    def runTest(self):  # noqa: N802 (unittest's name)
        self.random = random.Random(f"{self.seed} {self.kind} {self.number}")
        self.plan = Plan(self.random, self.least_seconds)
        self.canary = Canary(self.random)
        self.counts = collections.Counter()
        self.seen = []
        self.changed = collections.Counter()
        self.mode = "incremental"
        # How many records have no header yet, and how many no details.
        self.left = (self.plan.records, self.plan.records)
        try:
            self.begin()
            # At least the last one waits until there is something to disturb. The others are
            # early so much more often that it is the share of them all.
            early = EARLY / (1 - 1 / self.plan.disturbances) if self.has_early else 0
            for left in reversed(range(self.plan.disturbances)):
                self.disturbance(left > 0 and self.random.random() < early)
            self.assertGreater(
                self.counts["met"], 0, f"no disturbance met anything, the round proves nothing")
            self.conclude()
            self.search(self.folder)
        except BaseException:
            if self.keep:
                shutil.copytree(self.folder, self.keep, dirs_exist_ok=True, symlinks=True)
            raise

    def begin(self):
        plan = self.plan
        arguments = ["--latency-ms", plan.latency_ms, "--seed", self.random.randrange(1 << 32),
                     "--token", self.canary.token]
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
            **self.canary.configuration,
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
        self.relay = None
        # Requests that come later than without a relay are no matter of a limit.
        if plan.window is None and (plan.echo or self.least_seconds):
            self.relay = Relay(self.server, self.canary, plan.echo)
            self.configure(self.serve(self.relay).url, **changes)
        self.ids = set(map(str, range(1, plan.records + 1)))

    def environment(self, extra=None):
        return super().environment({**self.canary.environment, **(extra or {})})

    def finish(self, process, timeout=60):
        result = super().finish(process, timeout)
        for output in (result.out, result.err):
            self.assertFalse(
                self.canary.is_in(output.encode()), f"a secret in what it says\n{result}")
        return result

    def search(self, folder):
        """Looks for the secrets in all files below a folder."""
        found, searched = self.canary.files(folder)
        self.assertEqual(found, [], f"files with a secret in them; {self.plan}")
        self.counts["bytes searched for secrets"] += searched

    # One disturbance

    def disturbance(self, is_early):
        """Disturbs a sync; when that met nothing, the next one."""
        if is_early:
            self.counts["early"] += 1
            self.once(True)
            return
        self.counts["disturbances"] += 1
        for _ in range(TRIES):
            before = self.counts[self.effect]
            self.once(False)
            if self.counts[self.effect] > before:
                self.counts["met"] += 1
                return
            self.counts["repeated"] += 1

    def once(self, is_early):
        """Starts a sync, disturbs it, and looks at the store when it has ended."""
        self.begun = self.seen[-1].position if self.seen else 0
        self.is_early = is_early
        process = self.start("sync", "--json", "--mode", self.mode)
        self.progress = Progress(self.store / "log/data.mdb")
        self.progress.glance()
        self.disturb(process)
        result = self.finish(process)
        if result.code == -9:
            self.counts["kills"] += 1
        else:
            self.assertIn(result.code, (0, 3), f"{self.plan}\n{result}")
            self.counts["ended"] += 1
            self.assertEqual(result.last["type"], "summary", str(result))
        self.look()
        self.search(self.store)
        if result.code == -9:
            self.count_kill()
        self.go_on()

    def disturb(self, process):
        raise NotImplementedError

    def moments(self, process, count):
        """Waits for moments of a sync, one after the other, as long as it runs.

        They are spread over all of it, by what is durable: a machine that is busy makes none of
        them come too early. An early one doesn't wait.
        """
        if self.is_early:
            yield from self.early_moments(process, count)
            return
        shares = Moment.SHARES_BESIDE if self.least_seconds else Moment.SHARES
        for moment in sorted(
                Moment(self.random, self.plan, self.left, shares) for _ in range(count)):
            if not self.progress.wait(lambda now, at=moment: self.is_at(at, now), process):
                return
            time.sleep(moment.delay)
            if process.poll() is not None:
                return
            yield

    def is_at(self, moment, now):
        # Before the first commit of this sync its file ends as the one before left it.
        if now.position <= self.begun:
            return False
        return now.kind == Kind.RUN_COMPLETED or (
            moment.part != "end" and now.position >= self.begun + moment.events)

    def early_moments(self, process, count):
        for _ in range(count):
            if self.random.random() < 0.5:
                self.until(process, self.store.exists)
                time.sleep(self.random.uniform(0, 0.01))
            else:
                time.sleep(self.random.uniform(0, 0.06))
            yield

    def until(self, process, condition, seconds=20):
        """Until a condition holds; false when the process ended before."""
        end = time.monotonic() + seconds
        while not condition():
            if process.poll() is not None or time.monotonic() > end:
                return False
            time.sleep(0.0005)
        return True

    def held(self):
        """Keeps a sync under way meanwhile. A limit does so by itself, for a while."""
        return self.relay.held() if self.relay else contextlib.nullcontext()

    def kill(self, process):
        process.kill()

    def count_kill(self):
        """What the sync was about that was killed."""
        if not self.seen or self.seen[-1].position <= self.begun:
            self.counts["kills before an event"] += 1
            return
        self.counts["kills that met something"] += 1
        self.counts[f"kills: {self.seen[-1].phase(self.begun)}"] += 1

    def holds(self, process):
        """Whether a sync has the engine's lock, by what the kernel says."""
        try:
            place = f":{(self.store / 'lock').stat().st_ino}"
        except FileNotFoundError:
            return False
        with open("/proc/locks", encoding="ascii") as locks:
            held = [line.split() for line in locks if "FLOCK" in line]
        return any(line[4] == str(process.pid) and line[5].endswith(place) for line in held)

    def has_opened(self, process, name):
        """Whether a process has a file of the store open or mapped."""
        path, folder = str(self.store / name), f"/proc/{process.pid}"
        try:
            with open(f"{folder}/maps", encoding="utf-8") as maps:
                if path in maps.read():
                    return True
            return any(
                os.readlink(f"{folder}/fd/{one}") == path for one in os.listdir(f"{folder}/fd"))
        except OSError:
            return False

    def is_done(self, status):
        waiting = status["queue"]["pending"] + status["queue"]["retrying"]
        return waiting == 0 and status["state"]["cursor"] is None

    def go_on(self):
        """Sees that the next sync has something to do, and how much."""
        if not self.seen:
            return
        status = self.status()
        if self.is_done(status):
            self.change_the_server()
        records = status["records"]
        known = 0 if self.mode == "full" else records["total"]
        self.left = (
            max(0, len(self.ids) - known), max(0, len(self.ids) - records["withDetails"]))

    def change_the_server(self):
        """Records appear, and in some rounds change."""
        first = len(self.ids) + 1
        count = self.random.randrange(self.plan.records // 4, 2 + self.plan.records // 2)
        self.server.append(count)
        self.ids |= set(map(str, range(first, first + count)))
        if not self.plan.changes:
            return
        known = sorted(self.ids, key=int)
        for one in self.random.sample(known, self.random.randrange(0, 6)):
            self.server.touch(one)
            self.changed[one] += 1
        self.mode = self.random.choice(("incremental", "full"))

    def look(self):
        """What must hold whenever no sync is running: the log is whole, and goes on from before."""
        data = self.store / "log/data.mdb"
        if not data.exists():
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
