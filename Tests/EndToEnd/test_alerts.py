"""Alerts: what is told to whom, once, by real programs and over real sockets."""

import base64
import hashlib
import hmac
import http.server
import json
import os
import signal
import sys
import threading

from harness import Case, is_running

SECRET = "whsec_" + base64.b64encode(b"a key that nobody else has").decode()

RECORDER = """
import json, os, sys
with open(sys.argv[1], "a") as file:
    json.dump({"argv": sys.argv[2:], "stdin": sys.stdin.read(),
               "env": {k: v for k, v in os.environ.items() if k.startswith("OSSYNC_ALERT_")}}, file)
    file.write("\\n")
"""


class Receiver:
    """A server that checks signatures, and answers as it is told."""

    def __init__(self, *answers):
        self.answers, self.requests = list(answers), []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                length = int(self.headers.get("content-length") or 0)
                outer.requests.append(
                    (self.command, self.path, dict(self.headers.items()), self.rfile.read(length)))
                status = outer.answers.pop(0) if outer.answers else 200
                if status is None:
                    self.close_connection = True
                    self.connection.close()
                    return
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_GET = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def messages(self):
        return [json.loads(body) for *_, body in self.requests]


class Alerts(Case):
    def setUp(self):
        super().setUp()
        self.server = self.ready(20)
        self.tree = json.loads((self.folder / "ossync.yaml").read_text())
        self.told = self.folder / "told.jsonl"

    def receiver(self, *answers):
        receiver = Receiver(*answers)
        self.addCleanup(receiver.stop)
        return receiver

    def alerts(self, rules=None, ping=None, remind=None, **channels):
        alerts = {"channels": channels}
        if rules is not None:
            alerts["rules"] = rules
        if ping:
            alerts["ping"] = ping
        if remind:
            alerts["remindEvery"] = remind
        self.tree["alerts"] = alerts
        self.save()

    def save(self):
        self.write("ossync.yaml", json.dumps(self.tree, indent=1))

    def file(self):
        return {"file": "told.jsonl"}

    def lines(self, path=None):
        path = path or self.told
        return [json.loads(line) for line in path.read_text().splitlines()] \
            if path.exists() else []

    def kinds(self):
        return [(line["event"], line["alert"]) for line in self.lines()]

    def break_it(self):
        """Lists come as something that is no page."""
        self.tree["streams"]["os"]["list"]["records"] = "/nowhere"
        self.save()

    def mend(self):
        self.tree["streams"]["os"]["list"]["records"] = "/data"
        self.save()

    def lose(self, times=1):
        self.break_it()
        for _ in range(times):
            result = self.ossync("sync", "--json", "--abandon", code=1)
            self.assertEqual(result.last["outcome"], "failed")

    def succeed(self):
        self.mend()
        self.assertEqual(self.sync("--abandon", "--mode", "full")["outcome"], "completed")

    def of(self, *names):
        return [event for event in self.events() if event["event"] in names]


class Rules(Alerts):
    def test_a_failure_is_told_once_and_then_that_it_is_over(self):
        self.alerts(file=self.file())
        self.lose(times=3)
        self.assertEqual(self.kinds(), [("raised", "failed")])
        told = self.lines()[0]
        self.assertEqual((told["stream"], told["store"]), ("os", str(self.store)))
        self.assertIn("failed", told["text"])
        listed = self.ossync("alerts", "list", "--json").objects
        self.assertEqual([one["alert"] for one in listed], ["failed"])
        self.assertEqual(listed[0]["since"], told["since"])
        self.assertIn('ossync_alerts_firing{alert="failed",stream="os"} 1',
                      self.ossync("metrics").out)
        self.succeed()
        self.succeed()
        self.assertEqual(self.kinds(), [("raised", "failed"), ("recovered", "failed")])
        self.assertEqual(self.lines()[1]["since"], told["since"])
        self.assertEqual(self.ossync("alerts", "list", "--json").out, "")
        events = self.of("AlertRaised", "AlertRecovered", "AlertDelivered")
        self.assertEqual(
            [event["event"] for event in events],
            ["AlertRaised", "AlertDelivered", "AlertRecovered", "AlertDelivered"])
        self.assertEqual(events[1]["cause"], events[0]["position"])
        self.assertEqual(events[2]["data"]["raised"], events[0]["position"])
        self.ossync("replay", "--verify")
        self.ossync("log", "verify")
        self.ossync("projections", "verify")

    def test_without_channels_nothing_is_looked_at(self):
        self.lose()
        self.assertEqual(
            self.of("AlertsEvaluated", "AlertRaised", "AlertDelivered"), [])
        result = self.ossync("alerts", "check", code=2)
        self.assert_one_clear_line(result, "alerts.channels")

    def test_records_that_were_given_up_make_a_run_partial(self):
        server = self.demo("--records", 20, "--poison", 13)
        self.tree["api"]["baseURL"] = server.url
        self.alerts(rules={"parkedFor": "0s"}, file=self.file())
        self.sync(code=3)
        self.assertEqual(self.kinds(), [("raised", "partial"), ("raised", "parked")])
        self.ossync("queue", "drop", "13")
        self.ossync("alerts", "check")
        self.assertEqual(self.kinds()[2:], [("recovered", "parked")])
        self.sync()
        self.assertEqual(self.kinds()[3:], [("recovered", "partial")])

    def test_no_success_is_noticed_when_no_sync_ever_runs(self):
        self.sync()
        self.alerts(rules={"noSuccessFor": "1h"}, file=self.file())
        position = self.status()["position"]
        self.ossync("alerts", "check")
        watched = self.status()["position"]
        self.assertGreater(watched, position, "the watch begins")
        for _ in range(3):
            self.ossync("alerts", "check")
        self.assertEqual(self.status()["position"], watched, "a look that finds nothing is none")
        self.alerts(rules={"noSuccessFor": "0s"}, file=self.file())
        summary = self.ossync("alerts", "check", "--json").last
        self.assertEqual([one["alert"] for one in summary["firing"]], ["noSuccess"])
        self.assertEqual(self.kinds(), [("raised", "noSuccess")])
        self.alerts(rules={"noSuccessFor": "1h"}, file=self.file())
        self.sync()
        self.assertEqual(self.kinds()[1:], [("recovered", "noSuccess")])
        self.ossync("replay", "--verify")

    def test_a_total_that_moves_and_settles(self):
        self.alerts(rules={"expensesMovedPercent": 20}, file=self.file())
        self.sync()
        self.server.append(40)
        self.sync()
        self.assertEqual(self.kinds(), [("raised", "expensesMoved")])
        self.ossync("alerts", "check")
        self.assertEqual(len(self.lines()), 1, "no run has ended since")
        self.assertIn(self.status()["expenses"]["total"], self.lines()[0]["text"])
        self.sync()
        self.assertEqual(self.kinds()[1:], [("recovered", "expensesMoved")])

    def test_refusals_beyond_a_share(self):
        self.alerts(rules={"rateLimitedPercent": 5}, file=self.file())
        self.server = self.demo("--records", 20, "--limit", "3/1")
        self.tree["api"]["baseURL"] = self.server.url
        self.tree["rateLimits"]["cooldownMs"] = 50
        self.save()
        summary = self.sync()
        self.assertGreater(summary["rateLimited"], 1)
        self.assertEqual(self.kinds(), [("raised", "rateLimited")])

    def test_a_reminder_comes_while_it_stands(self):
        self.alerts(remind="1s", file=self.file())
        self.lose()
        self.ossync("alerts", "check")
        self.wait_for(
            lambda: self.ossync("alerts", "check") and len(self.lines()) > 1, what="a reminder")
        self.assertEqual(self.kinds()[1], ("reminder", "failed"))

    def test_channels_hear_of_what_they_ask_for(self):
        self.alerts(
            partial={"file": "partial.jsonl", "on": ["partial"]},
            once={"file": "once.jsonl", "recovery": False}, file=self.file())
        self.lose()
        self.succeed()
        self.assertEqual(len(self.lines()), 2)
        self.assertEqual(len(self.lines(self.folder / "once.jsonl")), 1)
        self.assertEqual(self.lines(self.folder / "partial.jsonl"), [])


class Commands(Alerts):
    def recorder(self):
        script = self.write("record.py", RECORDER)
        return [sys.executable, str(script), str(self.told)]

    def test_a_program_gets_arguments_input_and_variables_and_no_shell(self):
        words = ["--text", "{alert}/{event}", "$HOME; touch {oops}", "{text}"]
        self.alerts(pager={"command": self.recorder() + words})
        self.lose()
        got = self.lines()[0]
        self.assertEqual(got["argv"][:3], ["--text", "failed/raised", "$HOME; touch {oops}"])
        message = json.loads(got["stdin"])
        self.assertEqual(got["argv"][3], f"ossync: failed (os): {message['text']}")
        self.assertEqual(got["env"]["OSSYNC_ALERT_NAME"], "failed")
        self.assertEqual(got["env"]["OSSYNC_ALERT_TEXT"], message["text"])
        self.assertEqual(got["env"]["OSSYNC_ALERT_ID"], message["id"])

    def test_one_that_fails_changes_no_exit_code_and_is_tried_at_the_next_look(self):
        self.alerts(pager={"command": ["false"], "attempts": 2})
        self.break_it()
        result = self.ossync("sync", "--json", "--quiet", code=1)
        self.assertEqual(result.last["type"], "summary")
        self.assert_one_clear_line(result, "pager could not be told", "exit 1")
        delivered = self.of("AlertDelivered")[-1]["data"]
        self.assertEqual((delivered["delivered"], delivered["attempts"]), (False, 2))
        listed = self.ossync("alerts", "list", "--json").last
        self.assertEqual(listed["untold"], ["pager"])
        self.alerts(pager={"command": self.recorder()})
        self.ossync("alerts", "check")
        self.assertEqual(len(self.lines()), 1)
        self.ossync("alerts", "check")
        self.assertEqual(len(self.lines()), 1)

    def test_one_that_hangs_is_killed_with_what_it_started(self):
        script = self.write(
            "hang.py", "import subprocess, sys, time\n"
            f"p = subprocess.Popen(['sleep', '600'])\n"
            f"open({str(self.folder / 'pid')!r}, 'w').write(str(p.pid))\ntime.sleep(600)\n")
        self.alerts(pager={
            "command": [sys.executable, str(script)], "timeout": "1s", "attempts": 1})
        self.break_it()
        result = self.ossync("sync", code=1)
        self.assertIn("did not end in 1 s", result.err)
        left = int((self.folder / "pid").read_text())
        self.wait_for(lambda: not is_running(left) or "Z" in open(
            f"/proc/{left}/stat").read().split(")")[1][:3])

    def test_a_kill_between_the_decision_and_its_delivery_loses_nothing(self):
        started = self.folder / "started"
        script = self.write(
            "hang.py", f"import os, time\nopen({str(started)!r}, 'w').write(str(os.getpid()))\n"
            "time.sleep(600)\n")
        self.alerts(pager={"command": [sys.executable, str(script)]}, file=self.file())
        self.break_it()
        process = self.start("sync")
        self.wait_for(lambda: started.exists() and started.read_text())
        process.send_signal(signal.SIGKILL)
        process.wait()
        os.kill(int(started.read_text()), signal.SIGKILL)
        self.assertEqual(len(self.of("AlertRaised")), 1)
        self.assertEqual(self.of("AlertDelivered"), [])
        self.alerts(pager={"command": self.recorder()}, file={"file": "other.jsonl"})
        self.ossync("alerts", "check")
        self.assertEqual(len(self.of("AlertRaised")), 1)
        self.assertEqual(json.loads(self.lines()[0]["stdin"])["event"], "raised")
        self.assertEqual(len(self.lines(self.folder / "other.jsonl")), 1)

    def test_a_signal_ends_the_telling_and_leaves_the_rest_for_later(self):
        started = self.folder / "started"
        script = self.write(
            "hang.py", f"import os, time\nopen({str(started)!r}, 'w').write(str(os.getpid()))\n"
            "time.sleep(600)\n")
        self.alerts(pager={"command": [sys.executable, str(script)], "timeout": "5m"},
                    file=self.file())
        self.break_it()
        process = self.start("sync", "--json")
        self.wait_for(lambda: started.exists() and started.read_text())
        process.send_signal(signal.SIGTERM)
        result = self.finish(process)
        self.assertEqual(result.code, 1, str(result))
        self.assertEqual(result.last["outcome"], "failed")
        self.wait_for(lambda: not is_running(int(started.read_text())))
        self.assertEqual(self.lines(), [])
        self.assertEqual(
            set(self.ossync("alerts", "list", "--json").last["untold"]), {"pager", "file"})

    def test_an_interrupted_sync_tells_nothing_and_the_next_look_does(self):
        slow = self.demo("--records", 50, "--latency-ms", 300)
        self.tree["api"]["baseURL"] = slow.url
        self.alerts(pager={"command": ["false"], "attempts": 1})
        self.lose()
        self.alerts(pager={"command": self.recorder()})
        self.mend()
        begun = len(self.of("RunStarted"))
        process = self.start("sync", "--abandon", "--json")
        self.wait_for(lambda: len(self.of("RunStarted")) > begun, what="a run")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.finish(process).last["outcome"], "interrupted")
        self.assertEqual(self.lines(), [])
        self.ossync("alerts", "check")
        self.assertEqual(json.loads(self.lines()[0]["stdin"])["alert"], "failed")

    def test_a_program_has_nothing_of_the_store_open(self):
        script = self.write(
            "open.py", "import os, sys\n"
            "names = [os.readlink(f'/proc/self/fd/{n}') for n in os.listdir('/proc/self/fd')\n"
            "         if os.path.exists(f'/proc/self/fd/{n}')]\n"
            "open(sys.argv[1], 'w').write('\\n'.join(['open:'] + names))\n")
        found = self.folder / "open.txt"
        self.alerts(pager={"command": [sys.executable, str(script), str(found)]})
        self.lose()
        self.assertIn("open:", found.read_text())
        self.assertNotIn(str(self.store), found.read_text())

    def test_a_program_that_is_not_there(self):
        self.alerts(pager={"command": ["no-such-program-of-ours"]})
        result = self.ossync("alerts", "test", code=1)
        self.assertIn("pager: no-such-program-of-ours can't be started", result.out)
        result = self.ossync("doctor", "--offline", code=1)
        self.assertIn("no-such-program-of-ours", result.out)


class Files(Alerts):
    def test_what_keeps_no_line_is_refused_at_once_and_the_alert_kept(self):
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        self.break_it()
        for path in (pipe, "/dev/null"):
            self.alerts(ops={"file": str(path)})
            for command in (["alerts", "test"], ["doctor", "--offline"]):
                self.assertIn(f"{path} is no regular file", self.ossync(*command, code=1).out)
        # Full, and with a reader that takes nothing out: a write to it would wait.
        reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        with self.assertRaises(BlockingIOError):
            while True:
                os.write(reader, bytes(4_096))
        self.alerts(ops={"file": str(pipe)})
        self.assertIn("is no regular file", self.ossync("sync", code=1).err)
        self.alerts(ops=self.file())
        self.ossync("alerts", "check")
        self.assertEqual(self.kinds(), [("raised", "failed")])


class Webhooks(Alerts):
    def hook(self, receiver, **more):
        return {"webhook": {"url": f"{receiver.url}/hook?token=canary-in-the-address", **more}}

    def test_it_is_signed_and_tried_again(self):
        receiver = self.receiver(500, None, 200)
        self.alerts(ops=self.hook(receiver, secret={"env": "OSSYNC_HOOK"}))
        self.break_it()
        self.ossync("sync", code=1, env={"OSSYNC_HOOK": SECRET})
        self.assertEqual(len(receiver.requests), 3)
        ids = set()
        for method, _, headers, body in receiver.requests:
            headers = {name.lower(): value for name, value in headers.items()}
            self.assertEqual((method, headers["content-type"]), ("POST", "application/json"))
            signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
            key = base64.b64decode(SECRET.removeprefix("whsec_"))
            expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
            self.assertEqual(headers["webhook-signature"], f"v1,{expected}")
            ids.add(headers["webhook-id"])
        self.assertEqual(len(ids), 1)
        self.assertEqual(receiver.messages()[0]["alert"], "failed")
        delivered = self.of("AlertDelivered")[-1]["data"]
        self.assertEqual((delivered["delivered"], delivered["attempts"]), (True, 3))

    def test_redirects_are_not_followed_and_refusals_not_repeated(self):
        for status, word in ((302, "redirects"), (404, "HTTP 404")):
            receiver = self.receiver(status)
            self.alerts(ops=self.hook(receiver))
            result = self.ossync("alerts", "test", code=1)
            self.assertIn(word, result.out)
            self.assertEqual(len(receiver.requests), 1)

    def test_no_secret_of_a_channel_is_anywhere(self):
        receiver = self.receiver(500, 500, 500)
        self.alerts(ops={"webhook": {
            "url": {"env": "OSSYNC_URL"}, "secret": {"env": "OSSYNC_HOOK"},
            "headers": {"X-Token": {"env": "OSSYNC_HEADER"}}}})
        self.break_it()
        canaries = ["canary-in-the-address", "canary-key-4711", "canary-header-4711"]
        env = {"OSSYNC_URL": f"{receiver.url}/?k={canaries[0]}", "OSSYNC_HOOK": canaries[1],
               "OSSYNC_HEADER": canaries[2]}
        texts = []
        for command in (["sync", "--verbose"], ["alerts", "test"], ["alerts", "list"],
                        ["config", "show", "--origin"], ["doctor", "--offline"],
                        ["log", "show", "--json"]):
            result = self.ossync(*command, code=None, env=env)
            texts.append(result.out + result.err)
        self.assertEqual(receiver.requests[0][2]["X-Token"], canaries[2])
        stored = b"".join(p.read_bytes() for p in self.store.rglob("*") if p.is_file())
        for canary in canaries:
            self.assertNotIn(canary.encode(), stored)
            for text in texts:
                self.assertNotIn(canary, text)

    def test_what_can_not_be_an_address_is_refused_at_once(self):
        for url, word in (("http://example.com/x", "https"), ("ftp://x", "URL"),
                          ("https://u:p@example.com/", "user")):
            self.alerts(ops={"webhook": {"url": url}})
            result = self.ossync("sync", code=2)
            self.assert_one_clear_line(
                result, "ossync.yaml:", "alerts.channels.ops.webhook.url", word)

    def test_the_watchdog_hears_of_successes_only(self):
        receiver = self.receiver()
        self.alerts(ping={"url": f"{receiver.url}/ok"})
        self.sync()
        self.assertEqual([(m, p) for m, p, *_ in receiver.requests], [("GET", "/ok")])
        self.lose()
        self.assertEqual(len(receiver.requests), 1)
        self.alerts(ping={"url": f"{receiver.url}/ok", "failURL": f"{receiver.url}/fail"})
        self.lose()
        self.assertEqual([p for _, p, *_ in receiver.requests], ["/ok", "/fail"])
        self.mend()
        self.ossync("sync", "--dry-run")
        self.assertEqual(len(receiver.requests), 2)

    def test_a_watchdog_that_is_gone_changes_nothing(self):
        self.alerts(ping={"url": "http://127.0.0.1:9/canary-ping", "attempts": 1})
        result = self.ossync("sync", "--quiet")
        self.assert_one_clear_line(result, "alerts.ping", "connect")
        self.assertNotIn("canary-ping", result.err)


class Trying(Alerts):
    def test_each_channel_is_tried_and_told_of(self):
        receiver = self.receiver()
        self.alerts(bad={"command": ["false"], "attempts": 1}, file=self.file(),
                    ops={"webhook": {"url": receiver.url}})
        result = self.ossync("alerts", "test", "--json", code=1)
        self.assertEqual({one["channel"]: one["delivered"] for one in result.objects},
                         {"bad": False, "file": True, "ops": True})
        self.assertEqual(self.lines()[0]["event"], "test")
        self.assertFalse(self.store.exists(), "it needs no store")
        self.ossync("alerts", "test", "--channel", "file")
        self.assert_one_clear_line(
            self.ossync("alerts", "test", "--channel", "fil", code=2), 'did you mean "file"')

    def test_who_finds_the_store_in_use_leaves_it_to_the_holder(self):
        self.alerts(file=self.file())
        slow = self.demo("--records", 50, "--latency-ms", 300)
        self.tree["api"]["baseURL"] = slow.url
        self.save()
        process = self.start("sync")
        self.wait_for(lambda: (self.store / "lock").exists() and (self.store / "lock").read_text())
        summary = self.ossync("alerts", "check", "--json").last
        self.assertEqual(summary["reason"], "skipped")
        process.send_signal(signal.SIGTERM)
        self.finish(process)

    def test_mistakes_of_the_configuration_name_line_and_key(self):
        for alerts, words in (
            ({"chanels": {}}, ["chanels", "channels"]),
            ({"rules": {"failed": True}}, ["nobody to tell"]),
            ({"channels": {"a": {}}}, ["command, webhook or file"]),
            ({"channels": {"a": {"file": "x", "command": ["y"]}}}, ["command and file"]),
            ({"channels": {"a": {"file": "x", "on": ["fialed"]}}}, ["failed"]),
            ({"channels": {"a b": {"file": "x"}}}, ["channel"]),
            ({"channels": {"a": {"file": "x", "timeout": "9m"}}}, ["1s to 5m"]),
            ({"channels": {"a": {"file": "x"}}, "rules": {"parkedFor": "99d"}}, ["31d"]),
        ):
            self.tree["alerts"] = alerts
            self.save()
            self.assert_one_clear_line(
                self.ossync("status", code=2), "ossync.yaml:", *words)
