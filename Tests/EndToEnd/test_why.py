"""Why a record is in the state it is in: the whole chain, for each way to fail."""

import collections
import json
import signal

from harness import ABSENT, Answer, Case, detail

OUTCOMES = ("DetailsFetched", "RequestFailed", "RateLimited", "RequestAbandoned")
DECISIONS = ("DetailsRequeued", "RecordParked")
BY_HAND = ("QueueRetried", "QueueDropped")
# What may follow from an outcome beside what becomes of its records.
CONSEQUENCES = ("BackoffApplied", "RunStopping")

OK = object()
# Left out of the answer of its batch.
MISSING = object()
ASKED = ("RequestIntended", "RequestFailed", "DetailsRequeued")
CRASH = ("RequestIntended", "ClockAnchored", "RequestAbandoned")


def broken(text="no", status=500, **options):
    return Answer({"error": text}, status, **options)


class Failing(Case):
    """A server whose details of each record answer by a script; beyond its end, the last line."""

    size = 1
    path = "/os/{id}"
    records = 3
    timeout_ms = 600

    def setUp(self):
        super().setUp()
        self.scripts = {}
        self.changed = set()
        self.asked = collections.Counter()
        self.server = self.serve(self.answer)
        self.configure(
            self.server.url, detail__path=self.path, detail__concurrency=1,
            detail__batch={"size": self.size, "join": ","},
            # By path the answer is the record itself.
            detail__records="/data" if self.size > 1 else ABSENT,
            api__timeouts={name: self.timeout_ms for name in ("connectMs", "idleMs", "totalMs")},
            api__maxBodyBytes=20_000)

    def answer(self, request):
        if request.path == "/api/os":
            above = int(request.query.get("id_gt", 0))
            ids = range(above + 1, self.records + 1) if request.query.get("page") == "1" else ()
            return Answer({"total": max(self.records - above, 0),
                           "data": [{"id": one, "is_changed": one in self.changed}
                                    for one in ids]})
        if request.path == "/api/os/details":
            ids = [int(one) for one in request.query["ids"].split(",")]
            return self.batch(ids)
        one = int(request.path.rpartition("/")[2])
        reply = self.next(one)
        return Answer(detail(one)) if reply is OK else reply

    def batch(self, ids):
        found = []
        for one in ids:
            reply = self.next(one)
            if isinstance(reply, Answer):
                return reply
            if reply is OK:
                found.append(detail(one))
        return Answer({"data": found})

    def next(self, one):
        self.asked[one] += 1
        script = self.scripts.get(one, [OK])
        return script[min(self.asked[one], len(script)) - 1]

    # What must hold of any story.

    def expected(self, one):
        """The positions that a story must have, by the log alone."""
        events = self.events()
        by_position = {event["position"]: event for event in events}
        header = max(event["position"] for event in events if event["event"] == "PageFetched"
                     and any(row["id"] == one for row in event["data"]["entries"]))
        wanted, intents, outcomes = {header}, set(), set()
        for event in events[header:]:
            data, kind, position = event["data"], event["event"], event["position"]
            if kind == "RequestIntended" and any(
                    row["id"] == one for row in data.get("records", ())):
                intents.add(position)
            elif kind in OUTCOMES and data["intent"] in intents:
                outcomes.add(position)
                if kind == "RequestAbandoned":
                    # The engine that found it.
                    wanted.add(max(
                        before for before in range(1, position)
                        if by_position[before]["event"] == "ClockAnchored"))
            elif kind in DECISIONS and one in ids(data):
                self.assertIn(event["cause"], outcomes)
                wanted.add(position)
            elif kind in CONSEQUENCES and event["cause"] in outcomes:
                wanted.add(position)
            elif kind in BY_HAND and one in ids(data):
                wanted.add(position)
        return sorted(wanted | intents | outcomes), by_position

    def story(self, one, state, *kinds):
        """Asserts that the story of a record is whole and true, and has these kinds in order."""
        one = str(one)
        why = self.ossync("why", one, "--json").last
        wanted, events = self.expected(one)
        chain = why["chain"]
        self.assertEqual([link["position"] for link in chain], wanted)
        for link in chain:
            event = events[link["position"]]
            for key in ("time", "run", "event", "cause"):
                self.assertEqual(link[key], event[key])
            self.assertTrue(link["message"])
        self.assertEqual(chain[0]["event"], "PageFetched")
        self.assertIn("its header came", chain[0]["message"])
        times = [link["time"] for link in chain]
        self.assertEqual(times, sorted(times))
        # Each link hangs on one before it, but for what people did and what began by itself.
        known = set()
        for link in chain:
            if link["event"] in (*OUTCOMES, *DECISIONS, *CONSEQUENCES):
                self.assertIn(link["cause"], known, link)
            known.add(link["position"])
        shown = self.ossync("show", one, "--json").last
        self.assertEqual((why["state"], why["attempts"]), (shown["state"], shown["attempts"]))
        self.assertEqual(why["state"], state)
        self.assertIn(shown["sync_error"] or "", why["message"])
        self.contains([link["event"] for link in chain], kinds)
        self.assertEqual(why["next"], {
            "parked": f"ossync queue retry {one}", "dropped": f"ossync queue retry {one}",
            "pending": "ossync sync", "retrying": "ossync sync", "synced": None}[state])
        self.spoken(one, why)
        return why

    def spoken(self, one, why):
        """People are told the same, in the same order."""
        lines = self.ossync("why", one).out.splitlines()
        self.assertEqual(lines[0], f"{one} is {why['message']}")
        self.assertTrue(why["message"].startswith(why["state"]))
        for line, link in zip(lines[1:], why["chain"]):
            words = line.split()
            self.assertEqual(words[:2], [f"@{link['position']}", link["time"]])
            self.assertEqual(words[3], link["event"])
            self.assertTrue(line.endswith(link["message"]), (line, link))
        if why["next"]:
            self.assertEqual(lines[-1].split(maxsplit=1), ["next", why["next"]])

    def contains(self, found, wanted):
        rest = iter(found)
        for kind in wanted:
            self.assertIn(kind, rest, (found, wanted))


def ids(data):
    found = [row["id"] for part in data.get("parts", ()) for row in part]
    found += [row["id"] for row in data.get("records", ())]
    return found + ([data["record"]["id"]] if data.get("record") else [])


class Lone(Failing):
    """Details one record a request."""

    def test_a_failure_then_gone(self):
        self.scripts[2] = [broken(), broken("gone", 404)]
        self.sync(code=3)
        why = self.story(2, "parked", "PageFetched", *ASKED, "RequestIntended", "RequestFailed",
                         "RecordParked")
        self.assertIn("404", why["message"])
        self.assertIn("not before", why["chain"][3]["message"])
        self.story(3, "synced", "PageFetched", "RequestIntended", "DetailsFetched")

    def test_gone_for_good(self):
        self.scripts[2] = [broken("gone", 410)]
        self.sync(code=3)
        why = self.story(2, "parked", "RequestIntended", "RequestFailed", "RecordParked")
        self.assertEqual(why["attempts"], 1)

    def test_failures_to_the_last_attempt(self):
        self.scripts[2] = [broken()]
        self.sync(code=3)
        why = self.story(2, "parked", *ASKED, *ASKED, "RequestIntended", "RequestFailed",
                         "RecordParked")
        self.assertIn("after 3 attempts", why["message"])

    def test_bodies_that_cant_be_used(self):
        for one, reply in ((1, Answer(b"{\"id\": 1, ")), (2, Answer(b"<html>login</html>")),
                           (3, Answer({"id": 3, "text": "x" * 30_000}))):
            self.scripts[one] = [reply]
        self.sync(code=(1, 3))
        self.sync("--mode", "resume", code=(0, 1, 3))
        for one in (1, 2, 3):
            with self.subTest(one=one):
                self.story(one, "parked", *ASKED, "RecordParked")

    def test_a_redirect(self):
        self.scripts[2] = [broken("moved", 302, headers={"Location": "/login"})]
        self.sync(code=3)
        self.assertIn("302", self.story(2, "parked", *ASKED, "RecordParked")["message"])

    def test_no_answer_in_time(self):
        self.scripts[2] = [Answer(detail(2), delay=1)]
        self.sync(code=3)
        self.story(2, "parked", *ASKED, "RecordParked")

    def test_a_connection_that_is_cut(self):
        self.scripts[2] = [Answer(detail(2), cut=10), Answer(detail(2), drop=True), OK]
        self.sync(code=0)
        self.story(2, "synced", "RequestIntended", "RequestFailed", "DetailsRequeued",
                   "BackoffApplied", "RequestIntended", "RequestFailed", "BackoffApplied",
                   "RequestIntended", "DetailsFetched")

    def test_an_api_that_is_down(self):
        self.scripts[2] = [broken("down", 503)]
        self.sync(code=6)
        self.story(2, "pending", "RequestFailed", "DetailsRequeued", "BackoffApplied",
                   "RequestFailed", "DetailsRequeued", "RunStopping")
        self.scripts[2] = [OK]
        self.sync("--mode", "resume")
        self.story(2, "synced", "RunStopping", "RequestIntended", "DetailsFetched")

    def test_credentials_that_are_refused(self):
        for status, state in ((401, "pending"), (403, "retrying")):
            with self.subTest(status=status):
                self.scripts[2] = [broken("no entry", status)]
                self.sync("--mode", "full", code=4)
                why = self.story(2, state, "RequestIntended", "RequestFailed",
                                 "DetailsRequeued", "RunStopping")
                self.assertIn(str(status), json.dumps(why["chain"]))

    def test_a_refusal_between(self):
        self.scripts[2] = [broken("slow down", 429), broken(), OK]
        self.sync()
        self.story(2, "synced", "RequestIntended", "RateLimited", "BackoffApplied",
                   "DetailsRequeued", *ASKED, "RequestIntended", "DetailsFetched")

    def test_dropped_and_asked_for_again(self):
        self.scripts[2] = [broken("gone", 404)]
        self.sync(code=3)
        self.ossync("queue", "drop", "2")
        why = self.story(2, "dropped", "RecordParked", "QueueDropped")
        self.assertIn("by hand", why["message"])
        self.ossync("queue", "retry", "2")
        self.story(2, "pending", "RecordParked", "QueueDropped", "QueueRetried")
        self.scripts[2] = [broken()]
        self.sync("--mode", "resume", code=(0, 3))
        self.story(2, "parked", "RecordParked", "QueueDropped", "QueueRetried", *ASKED,
                   "RecordParked")


class Killed(Failing):
    """A program that ends while the details of a record are on the wire."""

    timeout_ms = 60_000

    def setUp(self):
        super().setUp()
        self.scripts[2] = [Answer(detail(2), delay=30)]

    def kill(self, times):
        for _ in range(times):
            before = self.asked[2]
            process = self.start("sync", "--json")
            self.wait_for(lambda: self.asked[2] > before)
            process.send_signal(signal.SIGKILL)
            self.finish(process)

    def test_until_it_is_given_up(self):
        self.kill(6)
        # Nobody has looked since.
        self.story(2, "pending", *CRASH * 5, "RequestIntended")
        self.sync("--mode", "resume", code=3)
        why = self.story(2, "parked", *CRASH * 6, "RecordParked")
        self.assertIn("given up: ", why["message"])
        self.assertEqual(self.status()["records"]["withDetails"], 2)

    def test_twice_and_then_it_is_answered(self):
        self.kill(2)
        self.ossync("queue", "retry", "2")
        self.story(2, "pending", *CRASH * 2, "QueueRetried")
        self.scripts[2] = [OK]
        self.sync("--mode", "resume")
        self.story(2, "synced", *CRASH * 2, "QueueRetried", "RequestIntended", "DetailsFetched")


class Batches(Failing):
    """Details of several records a request."""

    size = 3
    path = "/os/details?ids={ids}"

    def test_missing_from_an_answer(self):
        self.scripts[2] = [MISSING]
        self.sync(code=3)
        why = self.story(2, "parked", "RequestIntended", "DetailsFetched", "DetailsRequeued",
                         "RequestIntended", "DetailsFetched", "DetailsRequeued", "RecordParked")
        self.assertIn("does not contain", why["message"])
        self.story(1, "synced", "RequestIntended", "DetailsFetched")

    def test_one_that_spoils_its_batch(self):
        self.scripts[2] = [broken()]
        self.sync(code=3)
        self.story(2, "parked", *ASKED * 3, "RecordParked")
        for one in (1, 3):
            self.story(one, "synced", *ASKED, "DetailsFetched")

    def test_a_header_that_changes_begins_the_story_anew(self):
        self.scripts[2] = [MISSING]
        self.sync(code=3)
        before = self.ossync("why", "2", "--json").last["chain"]
        self.changed.add(2)
        self.scripts[2] = [OK]
        self.sync("--mode", "full")
        self.story(2, "synced", "PageFetched", "RequestIntended", "DetailsFetched")
        whole = self.ossync("why", "2", "--all", "--json").last["chain"]
        self.assertEqual(whole, before + self.ossync("why", "2", "--json").last["chain"])
