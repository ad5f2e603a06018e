"""Whatever `ossync doctor` can find is made to appear, by a test of its name."""

import datetime
import shutil
import socket
import ssl
import subprocess
import threading
import time
import unittest

import test_doctor_store
from doctors import Doctors, Findings
from harness import Answer, free_port

MIB = 1 << 20


class OtherFindings(Findings):
    # The configuration

    def test_configuration_missing(self):
        self.appears("there is no such file here", "ossync init", code=2)
        self.write("ossync.yaml", "store: ./store\n")
        self.appears("api.baseURL is missing", code=2)

    def test_configuration_wrong(self):
        self.write("ossync.yaml", "nonsense: 1\nstores: 2\n")
        self.assertIn("ossync.yaml:1", self.appears("unknown key", code=2)["message"])
        _, found = self.doctor()
        self.assertEqual(len([one for one in found if one["finding"] == self.name]), 2)
        self.away(list__path="os")
        self.appears("list.path", "starting with one /", code=2)
        self.away(detail__path="/os/{nr}")
        self.appears("{nr}", "{id}", code=2)
        self.appears("nowhere.yaml", code=2, arguments=("--config", "nowhere.yaml"))

    def test_configuration_example(self):
        self.ossync("init")
        self.appears("https://erp.example.com/api", "write your API's address", code=2)

    def test_secret_unset(self):
        self.away(api__auth={"type": "bearer", "token": {"env": "MY_TOKEN"}},
                  api__headers={"X-Second": {"env": "MY_SECOND"}})
        self.appears("api.", "MY_", "which is not set", "export MY_", code=2)
        _, found = self.doctor("--offline")
        self.assertEqual([one["finding"] for one in found].count(self.name), 2)
        self.vanishes(env={"MY_TOKEN": "t" * 20, "MY_SECOND": "s" * 20})

    def test_secret_unusable(self):
        self.away(api__auth={"type": "bearer", "token": {"file": "./api.token"}})
        self.appears("api.token", "No such file", code=2)
        for text in ("", "a\nb\n"):
            self.write("api.token", text)
            self.appears("api.auth.token", code=2)
        self.write("api.token", "t" * 20 + "\n")
        self.vanishes()

    def test_secret_exposed(self):
        self.away(api__auth={"type": "bearer", "token": "t" * 20})
        (self.folder / "ossync.yaml").chmod(0o644)
        self.appears("others can read", "chmod 600 ossync.yaml", code=2)
        self.away(api__auth={"type": "bearer", "token": {"file": "./api.token"}})
        self.write("api.token", "t" * 20, mode=0o644)
        self.appears("everyone can read", "chmod 600", "api.token", code=2)

    def test_secret_short(self):
        self.away(api__auth={"type": "bearer", "token": "t" * 11})
        self.appears("shorter than 12", "longer one")
        self.away(api__auth={"type": "bearer", "token": "t" * 12})
        self.vanishes()

    # The limits

    def test_limits_none(self):
        self.away(rateLimits__requestsPerMinute=None)
        self.appears("no rate limit", "rateLimits")

    def test_limits_learned(self):
        self.ready(40, "--limit", "8/3", detail__batch__size=1, detail__concurrency=1,
                   rateLimits__windows=[{"name": "burst", "requests": 20, "seconds": 3}])
        self.sync(timeout=120)
        self.appears("window burst", "20 are configured", "ossync report rate")

    def test_limits_announced(self):
        headers = {"RateLimit-Policy": '"burst";q=100;w=60, "day";q=500000;w=86400'}
        server = self.serve(lambda _: Answer({"data": []}, headers=headers))
        self.away(api__baseURL=server.url, rateLimits__requestsPerMinute=200)
        found = self.appears(
            "100 requests in 60 s", "ratelimit-policy", "requests: 100, seconds: 60",
            "admits 200", arguments=())
        self.assertNotIn("500000", found["message"])
        self.away(api__baseURL=server.url, rateLimits__requestsPerMinute=20)
        self.vanishes("--verbose")

    def test_limits_shared(self):
        self.synced()
        shutil.copytree(self.store, self.folder / "second")
        self.appears(self.folder / "second", "another store of the same API", "two keys")
        # A backup asks for nothing.
        shutil.rmtree(self.folder / "second")
        self.ossync("backup", self.folder / "second")
        self.vanishes()

    # The machine

    def test_clock_unset(self):
        self.away()
        self.appears("1970-", "set it", code=1, env=self.machine(ahead=-int(time.time()) + 60))

    def test_clock_behind(self):
        self.synced()
        self.appears("the log's last event is of", "set-ntp", env=self.machine(ahead=-120))
        self.vanishes(env=self.machine(ahead=-30))

    def test_clock_skew(self):
        late = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)
        found = self.answers(
            "behind ours", "set-ntp", code=0,
            headers={"Date": late.strftime("%a, %d %b %Y %H:%M:%S GMT")})
        self.assertRegex(found["message"], r"\b3[56]\d\d s behind")

    def test_zones_missing(self):
        self.away()
        self.appears(
            "no time zones in /nowhere", "apt install tzdata", env={"TZDIR": "/nowhere"})

    def test_disk_full(self):
        self.away()
        self.appears(
            "60 MiB free", "below 64 MiB", "free some space", code=1,
            env=self.machine(free=60 * MIB))

    def test_disk_low(self):
        self.away()
        self.appears(
            "100 MiB free", "320 MiB allow 5", "detail.concurrency",
            env=self.machine(free=100 * MIB))
        self.vanishes(env=self.machine(free=400 * MIB))

    def test_disk_unknown(self):
        self.away()
        self.appears(self.store, "how much space is free", env=self.machine(free=""))

    # The schedules

    def test_schedule_missing(self):
        self.away(schedules={"quarter": {"every": "15m"}, "night": {"cron": "30 2 * * *"}})
        self.appears("quarter, night", "ossync schedule install")
        self.ossync("schedule", "install", "--user")
        self.vanishes()

    def test_schedule_leftover(self):
        self.away(schedules={"quarter": {"every": "15m"}, "night": {"cron": "30 2 * * *"}})
        self.ossync("schedule", "install", "--user")
        self.away(schedules={"quarter": {"every": "15m"}})
        self.appears("night", "not in the configuration", "ossync schedule install")
        self.ossync("schedule", "install", "--user")
        self.vanishes()

    def test_schedule_program(self):
        self.away(schedules={"quarter": {"every": "15m"}})
        self.ossync("schedule", "install", "--user")
        self.vanishes()
        unit = self.folder / "xdg/systemd/user/ossync-quarter.service"
        unit.write_text(unit.read_text().replace("ExecStart=/", "ExecStart=/gone/"))
        self.appears("ossync-quarter.service", "/gone/", "ossync schedule install")

    def test_alerts_unusable(self):
        self.away(alerts={"channels": {
            "pager": {"command": ["/nowhere/page"]}, "journal": {"file": "./gone/alerts.jsonl"}}})
        self.assertIn("there is no such program", self.appears("channel ", code=1)["message"])
        _, found = self.doctor("--offline")
        self.assertEqual([one["finding"] for one in found].count(self.name), 2)

    # The API

    def test_api_refused(self):
        for status in (401, 403):
            self.answers(f"({status})", "check the credentials", code=4, status=status)

    def test_api_limited(self):
        self.answers("429", code=6, status=429, headers={"Retry-After": "100"})

    def test_api_waiting(self):
        server = self.serve(lambda _: Answer({"e": 1}, 429, {"Retry-After": "600"}))
        self.away(api__baseURL=server.url)
        self.ossync("health", code=6)
        self.appears("may be sent in", "ossync status", code=6, arguments=())
        self.assertEqual(len(server.arrivals), 1)

    def test_api_failing(self):
        for status in (500, 502, 503):
            self.answers(f"({status})", "ask again later", code=6, status=status)

    def test_api_redirect(self):
        self.answers("redirected (302)", "https://elsewhere.example/api", "configuration", code=1,
                     status=302, headers={"Location": "https://elsewhere.example/api"})

    def test_api_not_found(self):
        self.answers("(404)", "check the path", code=1, status=404)

    def test_api_not_accepted(self):
        self.answers("(400)", "path and parameters", code=1, status=400)

    def test_api_unusable(self):
        for body, word in ((b"<html>", "HTML"), ({"rows": []}, "/data")):
            self.answers("can't be used", word, code=1, body=body)

    def test_api_size(self):
        rows = [{"id": one} for one in range(1, 21)]
        self.answers("20 records came although 2 were asked for", "`per_page`",
                     "list.paging.sizeParam", code=0, body={"data": rows, "total": 25})
        server = self.serve(lambda request: Answer(
            {"data": rows[:int(request.query["per_page"])], "total": 25}))
        self.away(api__baseURL=server.url)
        self.vanishes("--verbose")

    def test_api_total(self):
        found = self.answers(
            "no number at /total", "at /paging/of", "set list.total to it", code=0,
            body={"data": [{"id": 1}, {"id": 2}], "paging": {"of": 25, "page": 9, "limit": 50}})
        self.assertEqual(found["level"], "warning")
        # A number that counts what is on the page is none of all.
        server = self.serve(lambda _: Answer({"data": [{"id": 1}, {"id": 2}], "count": 2}))
        self.away(api__baseURL=server.url)
        self.vanishes("--verbose")

    def test_api_ids(self):
        self.answers("2 records came with 1 different ids at /id", "list.id", code=1,
                     body={"data": [{"id": 7, "n": 1}, {"id": 7, "n": 2}], "total": 2})

    def test_api_unknown_host(self):
        self.away(api__baseURL="https://nowhere.invalid/api")
        self.appears("no address", "check the name", code=6, arguments=())

    def test_api_unreachable(self):
        self.away(api__baseURL=f"http://127.0.0.1:{free_port()}/api")
        self.appears("could not connect", code=6, arguments=())

    def test_api_untrusted(self):
        key, certificate = self.folder / "key.pem", self.folder / "certificate.pem"
        try:
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key,
                 "-out", certificate, "-days", "1", "-subj", "/CN=localhost"],
                check=True, capture_output=True)
        except FileNotFoundError:
            self.skipTest("openssl is not here")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        with self.listening() as listener:
            def serve():
                while True:
                    try:
                        connection, _ = listener.accept()
                        context.wrap_socket(connection, server_side=True)
                    except ssl.SSLError:
                        continue
                    except OSError:
                        return
            threading.Thread(target=serve, daemon=True).start()
            self.away(api__baseURL=f"https://localhost:{listener.getsockname()[1]}/api")
            self.appears("TLS", "certificate", code=6, arguments=())

    def listening(self):
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        return listener

    def test_api_silent(self):
        with self.listening() as listener:
            self.away(api__baseURL=f"http://127.0.0.1:{listener.getsockname()[1]}/api",
                      api__timeouts={"connectMs": 200, "idleMs": 200, "totalMs": 400})
            self.appears("Ms", "raise", code=6, arguments=())

    def test_api_broken(self):
        self.answers("connection", code=6, drop=True)

    def test_api_library(self):
        self.away()
        self.appears("libcurl", "apt install", code=6, arguments=(),
                     env=self.machine(lacks="libcurl"))

    def test_api_unasked(self):
        """The lock can't be taken: by a folder in its place."""
        self.away()
        (self.store / "lock").mkdir(parents=True)
        self.appears("lock: open the lock", code=1, arguments=())


class Whole(Doctors):
    def test_every_finding_has_a_test_that_makes_it_appear(self):
        listed = self.ossync("doctor", "--list", "--json").objects
        names = [one["finding"] for one in listed]
        self.assertEqual(len(names), len(set(names)))
        tests = {f"test_{name.replace('-', '_')}" for name in names}
        own = set().union(*(
            unittest.defaultTestLoader.getTestCaseNames(group)
            for group in (OtherFindings, test_doctor_store.StoreFindings)))
        self.assertEqual(tests - own, set(), "findings that no test makes appear")
        self.assertEqual(own - tests, set(), "tests of findings that are gone")

    def test_the_list_in_words(self):
        out = self.ossync("doctor", "--list").out
        for one in self.ossync("doctor", "--list", "--json").objects:
            self.assertIn(f"{one['level']:8} {one['finding']:22} {one['about']}\n", out)

    def test_all_is_well(self):
        server = self.ready(5, rateLimits__requestsPerMinute=2_000)
        result, found = self.doctor()
        self.assertLessEqual(
            {"configuration", "clock", "disk", "store", "limits", "api"},
            {one["check"] for one in found})
        self.assertEqual({one["level"] for one in found}, {"ok"}, str(result))
        self.assertEqual(server.arrivals()["total"], 1)
        server.forget()
        self.doctor("--offline")
        self.assertEqual(server.arrivals()["total"], 0)
        self.assertIn("next: `ossync plan`", self.ossync("doctor").err)

    def test_a_finding_on_the_terminal_says_how_to_mend_it(self):
        self.write("ossync.yaml", "stores: ./store\n")
        out = self.ossync("doctor", code=2).out
        self.assertRegex(out, r'error +configuration +ossync.yaml:1: .*; did you mean "store"')
