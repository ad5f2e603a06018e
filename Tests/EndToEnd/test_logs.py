"""What a sync logs: words or JSON, on stderr and in files of bounded size, without secrets."""

import base64
import json
import re
import shutil

from harness import Answer, Case, orders

# `TIME LEVEL @POSITION EVENT: MESSAGE`
WORDS = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z (?:info|warning|error) (?:@\d+ [A-Za-z]+: )?\S.*")


class Logs(Case):
    @property
    def combined(self):
        return self.store / "logs/combined.log"

    def lines(self, path=None):
        return (path or self.combined).read_text().splitlines()

    def objects(self, lines):
        """Each line is one object with a time, a level and a message."""
        found = [json.loads(line) for line in lines]
        for one in found:
            self.assertEqual(list(one)[:3], ["time", "level", "message"])
            self.assertIn(one["level"], ("info", "warning", "error"))
        return found


class Format(Logs):
    def test_words_for_people_unless_told_otherwise(self):
        self.ready(30, "--poison", 7, retry__attempts=1)
        result = self.ossync("sync", "--verbose", code=3)
        for line in self.lines():
            self.assertRegex(line, WORDS)
        self.assertIn("RecordParked: record 7 given up", result.err)
        self.assertNotIn('{"time"', result.err)

    def test_an_object_a_line_for_machines(self):
        self.ready(30, "--poison", 7, retry__attempts=1)
        result = self.ossync(
            "sync", "--verbose", "--log-format", "json", "--log-file", "own.log", code=3)
        said = self.objects(result.err.splitlines())
        logged = self.objects(self.lines())
        self.assertEqual(self.lines(), self.lines(self.folder / "own.log"))
        events = {event["position"]: event for event in self.events()}
        named = [one for one in logged if "position" in one]
        self.assertEqual([one["position"] for one in named],
                         [position for position in events if position >= named[0]["position"]])
        for one in named:
            event = events[one["position"]]
            self.assertEqual(one["event"], event["event"])
            self.assertEqual(one.get("stream"), event["stream"] or None)
            self.assertEqual(one.get("run"), event["run"])
        parked = [one for one in said if one.get("event") == "RecordParked"]
        self.assertEqual(parked[0]["level"], "warning")
        self.assertTrue(parked[0]["message"].startswith("record 7 given up"), parked)
        self.assertEqual(said[-1]["level"], "error", "how it ended")
        self.assertIn("partial", said[-1]["message"])

    def test_flag_before_variable_before_file(self):
        self.ready(5, log={"format": "json"})
        for env, arguments, is_json in (
                ({}, [], True), ({"OSSYNC_LOG_FORMAT": "human"}, [], False),
                ({"OSSYNC_LOG_FORMAT": "human"}, ["--log-format", "json"], True)):
            shutil.rmtree(self.store, ignore_errors=True)
            result = self.ossync(*arguments, "sync", "--verbose", env=env)
            for line in result.err.splitlines() + self.lines():
                self.assertEqual(line.startswith('{"time":"'), is_json, line)
        origin = self.ossync("config", "show", "--origin", "--log-format", "human").out
        self.assertRegex(origin, r"log\.format.*human.*--log-format")
        self.ossync("sync", "--log-format", "xml", code=2)
        self.ossync("sync", env={"OSSYNC_LOG_FORMAT": "xml"}, code=2)

    def test_the_last_word_of_a_failure_is_an_object_too(self):
        server = self.serve(lambda _: Answer({"e": 1}, 401))
        self.configure(server.url)
        result = self.ossync("sync", "--log-format", "json", "--quiet", code=4)
        said = self.objects(result.err.splitlines())
        self.assertEqual([one["level"] for one in said], ["error"])
        self.assertEqual(result.out, "")
        self.configure(server.url, api__id="another")
        result = self.ossync("sync", "--log-format", "json", code=2)
        self.assertIn("another", self.objects(result.err.splitlines())[-1]["message"])


class Rotation(Logs):
    def test_files_of_bounded_size_that_follow_each_other(self):
        self.ready(400, log={"maxBytes": 4_096, "keep": 3})
        for _ in range(2):
            self.sync("--mode", "full")
        names = sorted(path.name for path in (self.store / "logs").iterdir())
        self.assertEqual(
            names, ["combined.log"] + [f"combined.log.{number}" for number in (1, 2, 3)])
        lines = []
        for name in reversed(names):
            path = self.store / "logs" / name
            self.assertLessEqual(path.stat().st_size, 4_096)
            self.assertEqual(path.stat().st_mode & 0o777, 0o600)
            lines += self.lines(path)
        positions = [int(match[1]) for line in lines if (match := re.search(r" @(\d+) ", line))]
        self.assertEqual(
            positions, list(range(positions[0], positions[0] + len(positions))))
        self.assertEqual(positions[-1], self.status()["position"])
        self.ossync("log", "verify")

    def test_what_others_rotate_is_opened_anew(self):
        normal = orders(30)

        def answer(request):
            if request.path != "/api/os" and own.exists():
                own.rename(self.folder / "own.log.1")
            return normal(request)
        own = self.folder / "own.log"
        server = self.serve(answer)
        self.configure(server.url, detail__concurrency=1)
        self.sync("--log-file", own)
        old, new = self.lines(self.folder / "own.log.1"), self.lines(own)
        self.assertIn("RunCompleted", new[-1])
        self.assertTrue(old)
        self.assertNotEqual(old, new)


class Unwritable(Logs):
    """No log is worth a sync."""

    def test_a_sync_goes_on_without_it(self):
        self.ready(30)
        self.sync()
        logs = self.store / "logs"
        for make in (lambda: logs.write_text("a file"),
                     lambda: (logs / "combined.log").mkdir(parents=True)):
            shutil.rmtree(logs) if logs.is_dir() else logs.unlink()
            make()
            result = self.ossync("sync", "--mode", "full", "--json", "--log-file", "/dev/full")
            self.assertEqual(result.last["outcome"], "completed")
            self.assert_one_clear_line(result, "combined.log", "going on without it")
        result = self.ossync("sync", "--log-file", "no/such/folder.log", "--json")
        self.assert_one_clear_line(result, "no/such/folder.log", "going on without it")

    def test_lines_that_had_no_room_leave_the_others_whole(self):
        """The bound on its size cuts a line in two; whoever writes later begins a new one."""
        self.ready(30, log={"maxBytes": 1 << 20})
        log = self.folder / "own.log"
        self.sync("--log-file", log)
        log.write_bytes(b"x" * (1 << 20) + b"\n")
        self.finish(self.start(
            "sync", "--mode", "full", "--log-file", log, limits={"FSIZE": (1 << 20) + 200}))
        self.assertLessEqual(log.stat().st_size, (1 << 20) + 200)
        self.assertEqual(self.status()["records"]["total"], 30)


class Secrets(Logs):
    TOKEN = "CANARY-7f3a9c51e8-CANARY"
    CONTROLS = "\x1b\x07\u202e\u009b\u0085\u2028"

    def test_neither_secrets_nor_controls_of_an_api_that_echoes_them(self):
        normal = orders(6)
        basic = base64.b64encode(f"user:{self.TOKEN}".encode()).decode().rstrip("=")
        evil = f"\x1b]0;{self.TOKEN}\x07\x1b[2J\u202e\u009b31m\u0085\u2028\nError: forged"
        for form in ("human", "json"):
            for status in (200, 400, 401, 429, 500):
                shutil.rmtree(self.store, ignore_errors=True)
                (self.folder / "own.log").unlink(missing_ok=True)

                def answer(request):
                    sent = f"{evil} {basic} {request.headers['Authorization']}"
                    echo = {"X-Echo": self.TOKEN, "Retry-After": "0"}
                    if request.path == "/api/os":
                        if status in (401, 429):
                            return Answer({"error": sent}, status, echo)
                        return Answer({"total": 1, "data": [{"id": "a" + evil, "note": sent}]})
                    if status != 200:
                        return Answer({"error": sent}, status, echo)
                    return Answer({"data": [{"id": "a" + evil, "note": sent}]}, 200, echo)
                server = self.serve(answer)
                self.configure(
                    server.url, list__incremental={"type": "none"}, list__idOrder="none",
                    api__auth={"type": "basic", "user": "user", "password": self.TOKEN})
                result = self.ossync(
                    "sync", "--verbose", "--max-duration", "1s", "--log-format", form,
                    "--log-file", "own.log", code=None)
                texts = [result.err, self.combined.read_text(),
                         (self.folder / "own.log").read_text()]
                for text in texts:
                    for needle in (self.TOKEN, basic, *self.CONTROLS):
                        self.assertNotIn(needle, text, (form, status))
                # The line end in it has made no line of its own.
                for line in self.lines():
                    self.assertFalse(line.startswith("Error: forged"), line)
                    if form == "human":
                        self.assertRegex(line, WORDS)
                if form == "json":
                    self.objects(result.err.splitlines() + self.lines())
