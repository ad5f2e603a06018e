"""What surrounds a sync: configuration, doctor, health, demo, secrets, the terminal."""

import base64
import datetime
import json
import os
import pty
import re
import shutil
import signal
import time

from harness import Answer, Case, orders


class Config(Case):
    def test_show_says_where_each_value_came_from(self):
        self.configure("http://127.0.0.1:9/api", api__auth={"type": "bearer", "token": "t" * 20})
        result = self.ossync(
            "config", "show", "--origin", "--store", "./s",
            env={"OSSYNC_REQUESTS_PER_HOUR": "77"})
        lines = {line.split(":")[0]: line for line in result.out.splitlines()}
        self.assertIn("--store", lines["store"])
        self.assertIn("OSSYNC_REQUESTS_PER_HOUR", lines["rateLimits.requestsPerHour"])
        self.assertIn("ossync.yaml", lines["api.baseURL"])
        self.assertIn("default", lines["rateLimits.backoffMultiplier"])
        self.assertIn("***", result.out)
        self.assertNotIn("t" * 20, result.out)
        found = self.ossync("config", "show", "--origin", "--json").objects
        self.assertLessEqual({"v", "type", "key", "value", "origin"}, set(found[0]))

    def test_init(self):
        for _ in range(2):
            self.ossync("init")
        self.assertEqual(self.status()["records"]["total"], 0)
        text = (self.folder / "ossync.yaml").read_text()
        self.assertIn("#", text)
        self.assertEqual((self.folder / "ossync.yaml").stat().st_mode & 0o77, 0)
        self.ossync("log", "verify")
        self.ossync("config", "show")
        self.write("ossync.yaml", "store: ./mine\n")
        self.ossync("init", code=(0, 2))
        self.assertEqual((self.folder / "ossync.yaml").read_text(), "store: ./mine\n")

    def test_init_writes_down_which_store_is_meant(self):
        for arguments, config, store in (
                (["--store", "mine"], "ossync.yaml", "mine"),
                (["--store", "yours", "--config", "sub/o.yaml"], "sub/o.yaml", "yours")):
            (self.folder / config).parent.mkdir(exist_ok=True)
            said = self.ossync("init", *arguments).err
            self.assertTrue((self.folder / store / "log").is_dir())
            shown = self.ossync("config", "show", "--json", "--config", config).objects
            values = {line["key"]: line["value"] for line in shown}
            self.assertEqual(values["store"], str(self.folder.resolve() / store))
            self.assertIn("doctor`" if config == "ossync.yaml" else f"--config {config}`", said)
        self.assertIn("doctor --store other`", self.ossync("init", "--store", "other").err)
        self.ossync("init", env={"OSSYNC_CONFIG": "third.yaml"})
        self.assertTrue((self.folder / "third.yaml").exists())

    def test_init_writes_a_configuration_that_works(self):
        self.ossync("init")
        server = self.demo("--records", 20)
        text = (self.folder / "ossync.yaml").read_text()
        base = re.search(r"baseURL: *(\S+)", text).group(1)
        text = text.replace(base, server.url)
        (self.folder / "ossync.yaml").write_text(text)
        result = self.ossync("doctor", "--json", code=None,
                             env={name: "x" * 20 for name in re.findall(r"env: *(\w+)", text)})
        self.assertEqual(result.code, 0, str(result))


class Health(Case):
    def test_tells_status_latency_and_skew(self):
        server = self.ready(5, "--latency-ms", 20)
        result = self.ossync("health", "--json")
        self.assertEqual(result.last["type"], "summary")
        self.assertEqual((result.last["status"], result.last["exitCode"]), (200, 0))
        self.assertGreaterEqual(result.last["latencyMs"], 15)
        self.assertLess(abs(result.last["clockSkewSeconds"]), 3)
        self.assertEqual(server.arrivals()["total"], 1)
        self.assertIn("HealthChecked", [event["event"] for event in self.events()])
        self.assertIn("200", self.ossync("health").out)

    def test_names_the_limits_and_a_wrong_clock(self):
        server = self.serve(lambda _: Answer({"data": []}, headers={
            "X-RateLimit-Limit": "20", "X-RateLimit-Remaining": "19",
            "Date": "Tue, 15 Nov 1994 12:45:26 GMT"}))
        self.configure(server.url)
        result = self.ossync("health")
        self.assertIn("ratelimit-limit: 20", result.out.lower())
        self.assertIn("behind", result.out)

    def test_knows_each_form_of_a_servers_date(self):
        now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=3_600)
        for form in ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                     "%a %b %d %H:%M:%S %Y"):
            with self.subTest(form=form):
                server = self.serve(
                    lambda _: Answer({"data": []}, headers={"Date": now.strftime(form)}))
                self.configure(server.url, api__id="one")
                skew = self.ossync("health", "--json").last["clockSkewSeconds"]
                self.assertAlmostEqual(skew, 3_600, delta=30)

    def test_failures(self):
        for status, code in ((401, 4), (500, 6), (503, 6), (404, 1), (429, 6)):
            with self.subTest(status=status):
                server = self.serve(lambda _: Answer({"e": 1}, status))
                self.configure(server.url, store=f"./s{status}")
                result = self.ossync("health", "--json", code=code)
                self.assertEqual(result.last["exitCode"], code)
                self.assertEqual(len(server.arrivals), 1)


    def test_a_refusal_is_the_answer(self):
        """A check of the health is one request, whatever comes of it."""
        server = self.serve(lambda _: Answer({"e": 1}, 429, {"Retry-After": "100"}))
        self.configure(server.url)
        result = self.ossync("health", "--json", code=6, timeout=10)
        self.assertEqual(result.last["status"], 429)
        result = self.ossync("doctor", "--json", code=(5, 6), timeout=10)
        self.assertEqual(len(server.arrivals), 1, "the wait that the server asked for is not kept")


class Demo(Case):
    def test_runs_alone_and_ends_with_the_status(self):
        environment = {"TMPDIR": str(self.folder)}
        result = self.ossync("demo", "--records", 800, "--json", env=environment)
        self.assertEqual(result.last["type"], "summary")
        self.assertEqual(result.last["requests"]["total"], 1)
        statuses = [found for found in result.objects if found["type"] == "status"]
        self.assertEqual(statuses[0]["records"]["withDetails"], 800)
        for number in range(8):
            result = self.ossync("demo", "--records", 100, "--folder", f"d{number}")
            self.assertIn("100 new", result.out)
        self.ossync("status", "--config", "d0/ossync.yaml")

    def test_takes_no_configurations_place(self):
        for _ in range(2):
            self.ossync("demo", "--records", 20, "--folder", "d", "--token", 'a"b: #c')
        self.assertEqual((self.folder / "d/ossync.yaml").stat().st_mode & 0o77, 0)
        mine = self.write("ossync.yaml", "store: ./mine\n")
        result = self.ossync("demo", "--records", 20, "--folder", ".", code=1)
        self.assert_one_clear_line(result, "ossync.yaml", "--folder")
        self.assertEqual(mine.read_text(), "store: ./mine\n")

    def test_ends_by_a_signal(self):
        process = self.start("demo", "--records", 10_000, "--latency-ms", 50, "--folder", "d")
        time.sleep(1.5)
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process, 10).code, 130)


class Secrets(Case):
    TOKEN = "CANARY-7f3a9c51e8-CANARY"

    def assert_nowhere(self, *results):
        needles = [self.TOKEN, self.TOKEN.lower(),
                   base64.b64encode(f"user:{self.TOKEN}".encode()).decode().rstrip("=")]
        for result in results:
            for needle in needles:
                self.assertNotIn(needle, result.out, result.arguments)
                self.assertNotIn(needle, result.err, result.arguments)
        for path in self.store.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                for needle in needles:
                    self.assertNotIn(needle.encode(), content, path)

    def everything(self):
        results = [self.ossync(
            "sync", "--verbose", "--json", "--max-duration", "1s", code=None)]
        for arguments in (
            ["status"], ["log", "show", "--json", "--bodies"], ["log", "show"],
            ["export", "ndjson"], ["export", "csv"], ["config", "show", "--origin"],
            ["queue", "list"], ["queue", "list", "--json"], ["show", "1", "--json"],
            ["health", "--verbose"], ["doctor"], ["plan"],
            ["log", "show", "--json", "--bodies"],
        ):
            results.append(self.ossync(*arguments, code=None))
        return results

    def test_a_server_that_echoes_them(self):
        for auth in (
            {"type": "bearer", "token": self.TOKEN},
            {"type": "apiKey", "header": "X-Api-Key", "key": self.TOKEN},
            {"type": "basic", "user": "user", "password": self.TOKEN},
        ):
            for status in (200, 500, 401, 429):
                with self.subTest(auth=auth["type"], status=status):
                    shutil.rmtree(self.store, ignore_errors=True)
                    base = orders(6)

                    def answer(request):
                        echo = {
                            "Set-Cookie": f"session={self.TOKEN}", "X-Echo": self.TOKEN,
                            "X-RateLimit-Limit": self.TOKEN, "Retry-After": "0"}
                        sent = " ".join(request.headers.values()) + " " + self.TOKEN
                        if status != 200:
                            return Answer({"error": f"bad token {sent}"}, status, echo)
                        reply = base(request)
                        body = json.loads(reply.body)
                        for row in body["data"]:
                            row["note"] = f"you sent {sent}"
                        return Answer(body, 200, echo)
                    server = self.serve(answer)
                    self.configure(server.url, api__auth=auth)
                    code = {200: 0, 500: 6, 401: 4, 429: (5, 6)}[status]
                    results = self.everything()
                    self.assertIn(results[0].code, code if isinstance(code, tuple) else (code,))
                    self.assert_nowhere(*results)

    def test_in_further_headers(self):
        """A token behind its scheme, escaped as few do it; and a header that is no secret."""
        escaped = "".join(f"\\u{ord(letter):04X}" for letter in self.TOKEN)
        for status in (200, 401):
            shutil.rmtree(self.store, ignore_errors=True)
            base = orders(6)

            def answer(request):
                kind = request.headers["Accept"]
                if status != 200:
                    return Answer(f'{{"error": "bad key {escaped}"}}'.encode(), status)
                body = json.loads(base(request).body)
                for row in body["data"]:
                    row.update(note=f"you sent {self.TOKEN}", kind=kind)
                return Answer(body)
            server = self.serve(answer)
            self.configure(server.url, api__headers={
                "Authorization": f"Bearer {self.TOKEN}", "Accept": "application/vnd.api+json"})
            results = self.everything()
            self.assertEqual(results[0].code, 0 if status == 200 else 4)
            self.assert_nowhere(*results)
            for result in results:
                self.assertNotIn(escaped, result.out + result.err)
        shutil.rmtree(self.store)
        status = 200
        self.sync()
        self.assertEqual(
            self.ossync("show", "1", "--json").last["header"]["kind"], "application/vnd.api+json")

    def test_in_the_url(self):
        for base in (f"http://user:{self.TOKEN}@127.0.0.1:9/api",
                     f"http://127.0.0.1:9/api?token={self.TOKEN}"):
            self.configure(base)
            for arguments in (["sync"], ["doctor"], ["config", "show"], ["plan"]):
                result = self.ossync(*arguments, code=None)
                self.assertNotIn(self.TOKEN, result.out + result.err)

    def test_terminal_controls_of_the_api_are_stripped(self):
        evil = "\x1b]0;owned\x07\x1b[2J\u202e\u009b31m"
        base = orders(3)

        def answer(request):
            if request.path == "/api/os":
                return Answer({"total": 1, "data": [{"id": "a" + evil, "customer": evil}]})
            return Answer({"error": evil}, 400)
        server = self.serve(answer)
        self.configure(server.url, list__incremental={"type": "none"}, list__idOrder="none",
                       columns={"customer": {"pointer": "/customer"}})
        self.ossync("sync", code=None)
        for arguments in (["status"], ["log", "show"], ["queue", "list"], ["sync", "--verbose"],
                          ["show", "a" + evil]):
            result = self.ossync(*arguments, code=None)
            for one in ("\x1b", "\x07", "\u202e", "\u009b"):
                self.assertNotIn(one, result.out + result.err, arguments)
        log = (self.store / "logs/combined.log").read_text()
        self.assertNotIn("\x1b", log)


class Terminal(Case):
    def test_progress_on_a_terminal(self):
        self.ready(200, "--limit", "20/3",
                   rateLimits__windows=[{"name": "burst", "requests": 20, "seconds": 3}])
        owner, side = pty.openpty()
        process = self.start("sync", stderr=side)
        os.close(side)
        seen = b""
        while True:
            try:
                part = os.read(owner, 65_536)
            except OSError:
                break
            if not part:
                break
            seen += part
        os.close(owner)
        process.communicate(timeout=20)
        text = seen.decode()
        self.assertRegex(
            text, r"details [\d,]+/200 \d+% \| burst \d+/20 \| next in \d+\.\ds \| ETA")
