"""Whatever is wrong outside: one clear line, the documented exit code, and nothing lost."""

import os
import shlex
import subprocess

from harness import ABSENT, BINARY, Answer, Case, detail, free_port, orders
from lmdb_pages import Values


class Configuration(Case):
    def refused(self, text, *words, mode=0o600, command=("sync",), code=2):
        self.write("ossync.yaml", text, mode)
        result = self.ossync(*command, "--json", code=code)
        self.assertEqual((result.last["type"], result.last["exitCode"]), ("error", code))
        self.assert_one_clear_line(result, *words)
        self.assertFalse(self.store.exists(), "a store was made")
        return result

    def text(self, extra="", auth="none", list_="path: /os"):
        return f"""store: ./store
{extra}
api:
  baseURL: http://127.0.0.1:9/api
  auth: {auth}
streams:
  os:
    list:
      {list_}
      paging: {{ type: page, pageParam: page, size: 10 }}
      id: /id
"""

    def test_an_unknown_key_names_the_line_and_the_nearest_key(self):
        self.refused(
            self.text("rateLimits:\n  requestPerMinute: 20"), "ossync.yaml:3", "requestPerMinute",
            "requestsPerMinute")

    def test_a_wrong_type(self):
        self.refused(
            self.text("rateLimits:\n  requestsPerMinute: soon"), "ossync.yaml:3",
            "requestsPerMinute", "whole number")
        self.refused(self.text("rateLimits: 20"), "ossync.yaml:2", "rateLimits")

    def test_a_limit_without_a_value_lifts_no_limit(self):
        for key in ("requestsPerMinute", "requestsPerHour"):
            self.refused(self.text(f"rateLimits:\n  {key}:"), "ossync.yaml:3", key, "null")

    def test_a_byte_order_mark_is_no_mistake(self):
        self.write("ossync.yaml", "\ufeff" + self.text())
        self.assertIn("file ossync.yaml:11", self.ossync("config", "show", "--origin").out)
        # Lines are counted as in any other file.
        self.refused("\ufeff" + self.text("stor: 1"), "ossync.yaml:2")

    def test_a_missing_key(self):
        self.refused(self.text(list_="records: /data"), "list.path")

    def test_a_duplicate_key_and_no_yaml(self):
        self.refused(self.text("store: ./other"), "ossync.yaml", "store")
        self.refused("store: [", "ossync.yaml")
        self.refused(b"\xff\xfe\x00binary", "ossync.yaml")

    def test_a_missing_file(self):
        result = self.ossync("sync", "--config", "no.yaml", "--json", code=2)
        self.assert_one_clear_line(result, "no.yaml")
        result = self.ossync("sync", code=2)
        self.assert_one_clear_line(result, "ossync.yaml", "init")

    def test_a_folder_in_place_of_the_file(self):
        (self.folder / "ossync.yaml").mkdir()
        self.assert_one_clear_line(self.ossync("sync", code=2), "ossync.yaml")

    def test_a_secret_in_a_file_that_others_can_read(self):
        secret = "SECRET-" + "q" * 20
        for command in (("sync",), ("config", "show")):
            result = self.refused(
                self.text(auth=f"{{ type: bearer, token: {secret} }}"), "chmod 600", mode=0o644,
                command=command)
            self.assertNotIn(secret, result.out + result.err)

    def test_a_missing_variable_or_secret_file(self):
        self.refused(
            self.text(auth="{ type: bearer, token: { env: NO_SUCH_TOKEN } }"), "NO_SUCH_TOKEN")
        self.refused(
            self.text(auth="{ type: bearer, token: { file: ./no.token } }"), "no.token")
        self.write("open.token", "x" * 20, 0o644)
        self.refused(
            self.text(auth="{ type: bearer, token: { file: ./open.token } }"), "chmod 600")

    def test_plain_http_to_another_machine(self):
        self.refused(
            self.text().replace("127.0.0.1:9", "erp.example.com"), "https", "allowPlainHTTP")


class Usage(Case):
    def test_usage_errors_are_exit_2(self):
        self.configure("http://127.0.0.1:9/api")
        for arguments in (
            ["nonsense"], ["sync", "--nonsense"], ["sync", "--mode", "fast"],
            ["sync", "--max", "0"],
            ["sync", "--max", "-1"], ["sync", "--max-duration", "soon"], ["sync", "extra"],
            ["show"], ["queue", "list", "--state", "x"], ["log", "show", "--from", "x"],
            ["queue", "retry"], ["--config"], ["projections", "rebuild"], ["export", "xml"],
            ["demo", "--limit", "x"], ["demo", "--records", "-1"], ["sync", "--patience", "x"],
            ["plan", "--records", "18446744073709551615"],
            ["demo", "--latency-ms", "9999999999999999"],
            ["demo", "--limit", "5/99999999999999999"],
        ):
            with self.subTest(arguments=arguments):
                result = self.ossync(*arguments, code=2)
                self.assert_one_clear_line(result, "--help")
                self.assertEqual(result.err.count("\n"), 1, str(result))
                result = self.ossync(*arguments, "--json", code=2)
                self.assertEqual(result.last["type"], "error")
                self.assertEqual(result.last["exitCode"], 2)
        self.assertFalse(self.store.exists())

    def test_a_number_of_records_must_be_one(self):
        self.configure("http://127.0.0.1:9/api")
        for number in ("-1", "0"):
            result = self.ossync("sync", "--max", number, code=2)
            self.assert_one_clear_line(result, "give 1 or more")
        self.assert_one_clear_line(self.ossync("sync", "--max", "x", code=2), "'x' is invalid")


class Stores(Case):
    READERS = (
        ["status"], ["show", "1"], ["log", "show"], ["log", "tail"], ["log", "verify"],
        ["queue", "list"], ["queue", "retry", "1"], ["queue", "drop", "1"],
        ["projections", "list"], ["projections", "rebuild", "os"], ["export", "csv"],
        ["export", "ndjson"],
    )

    def all(self, code, *words, commands=READERS):
        for arguments in commands:
            with self.subTest(arguments=arguments):
                result = self.ossync(*arguments, "--json", code=code)
                self.assertIn(result.last["type"], ("error", "summary"))
                self.assertEqual(result.last["exitCode"], code)
                if arguments != ["log", "verify"] or code == 10:
                    self.assert_one_clear_line(result, *words)

    def test_no_configuration(self):
        result = self.ossync("sync", code=2)
        self.assert_one_clear_line(result, "ossync.yaml: there is no such file", "ossync init")
        self.assertEqual(result.err.count("\n"), 1, str(result))

    def test_none(self):
        self.configure("http://127.0.0.1:9/api")
        self.all(10, "no store", "ossync sync")
        self.assertEqual(self.ossync("status", code=10).err.count("\n"), 1)
        self.assertFalse(self.store.exists(), "reading made a store")

    def test_a_folder_of_something_else(self):
        self.configure("http://127.0.0.1:9/api")
        self.store.mkdir()
        (self.store / "thesis.txt").write_text("years of work")
        self.all(12, "not an ossync store", commands=[*self.READERS, ["sync"], ["health"]])
        self.assertEqual([path.name for path in self.store.iterdir()], ["thesis.txt"])

    def test_a_mount_point_becomes_a_store(self):
        (self.store / "lost+found").mkdir(parents=True)
        self.ready(3)
        self.sync()

    def test_what_stands_beside_a_store_is_none_of_its_business(self):
        self.ready(3)
        self.sync()
        (self.store / "notes.txt").write_text("ours")
        self.sync()
        self.assertEqual(self.status()["records"]["total"], 3)

    def read_only(self, folder, *arguments):
        """Runs a command where nothing in a folder can be written, whoever is asked."""
        folder = shlex.quote(str(folder))
        mount = f"mount --bind {folder} {folder} && mount -o remount,ro,bind {folder}"
        trial = ["unshare", "--mount", "sh", "-c", mount]
        if subprocess.run(trial, stderr=subprocess.DEVNULL).returncode:
            self.skipTest("nothing can be mounted here")
        return self.finish(subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", f'{mount} && cd . && exec "$@"', "sh", BINARY,
             *arguments],
            cwd=self.folder, env=self.environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE))

    def test_a_medium_that_cannot_be_written_is_read(self):
        self.ready(30)
        self.sync()
        for arguments in (
                ["export", "csv"], ["export", "ndjson"], ["status", "--json"], ["show", "3"],
                ["projections", "list", "--json"], ["log", "verify"]):
            with self.subTest(arguments=arguments):
                expected = self.ossync(*arguments).out
                result = self.read_only(self.store, *arguments)
                self.assertEqual((result.code, result.out), (0, expected), str(result))
        result = self.read_only(self.store, "sync")
        self.assertEqual(result.code, 1)
        self.assert_one_clear_line(result, "store", "read-only")

    def test_a_folder_that_cannot_be_written_gets_no_store(self):
        self.ready(5)
        result = self.read_only(self.folder, "sync")
        self.assertEqual(result.code, 1)
        self.assert_one_clear_line(result, "store", "read-only")

    def test_one_that_may_not_be_read_is_not_called_whole(self):
        self.ready(3)
        self.sync()
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", BINARY]
        if subprocess.run([*nobody, "--help"], capture_output=True).returncode:
            self.skipTest("nobody can't be somebody else here")
        self.folder.chmod(0o755)
        done = subprocess.run(
            [*nobody, "log", "verify", "--store", self.store], cwd="/", capture_output=True,
            env=self.environment(), text=True, timeout=60)
        self.assertEqual(done.returncode, 12, done)
        self.assertIn("permission denied", done.stderr)

    def test_a_file(self):
        self.configure("http://127.0.0.1:9/api")
        self.store.write_text("a file")
        self.all(12, "not an ossync store", commands=[["status"], ["sync"], ["export", "csv"]])
        self.assertEqual(self.store.read_text(), "a file")

    def test_a_log_that_is_none(self):
        self.configure("http://127.0.0.1:9/api")
        log = self.store / "log"
        log.mkdir(parents=True)
        for content in (b"", b"x", b"\0" * 4096, os.urandom(100_000)):
            (log / "data.mdb").write_bytes(content)
            with self.subTest(size=len(content)):
                self.all(12, "store", commands=[*self.READERS, ["sync"]])
                self.assertEqual((log / "data.mdb").read_bytes(), content, "it was touched")

    def test_a_newer_format(self):
        self.ready(20)
        self.sync()
        data = self.store / "log/data.mdb"
        values = Values(data)
        offset = next(at for key, at, size in values.named("meta") if key == b"format")
        content = bytearray(data.read_bytes())
        content[offset:offset + 4] = (77).to_bytes(4, "big")
        data.write_bytes(content)
        self.all(12, "later", "77", commands=[*self.READERS, ["sync"], ["health"]])
        self.assertEqual(data.read_bytes(), bytes(content), "it was touched")

    def test_a_truncated_file(self):
        self.ready(500)
        self.sync()
        data = self.store / "log/data.mdb"
        with open(data, "r+b") as file:
            file.truncate(data.stat().st_size // 2)
        self.all(12, "store", commands=[*self.READERS, ["sync"]])


class Disk(Case):
    def mounted(self, size):
        if os.geteuid() != 0:
            self.skipTest("only root can mount a small disk")
        self.store.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.store],
            stderr=subprocess.PIPE)
        if done.returncode:
            self.skipTest("mounting is not allowed here")
        self.addCleanup(subprocess.run, ["umount", "-l", self.store], check=True)

    def test_too_small_for_one_answer_sends_nothing(self):
        self.mounted("8m")
        server = self.ready(1_000)
        result = self.ossync("sync", "--json", code=1)
        self.assertEqual((result.last["outcome"], result.last["reason"]), ("failed", "diskFull"))
        self.assertEqual(server.arrivals()["total"], 0)
        self.assert_one_clear_line(result, "space")
        self.ossync("log", "verify")

    def test_that_fills_up_loses_nothing(self):
        self.mounted("12m")
        server = self.ready(
            30_000, api__maxBodyBytes=500_000, detail__batch={"size": 20, "join": ","})
        result = self.ossync("sync", "--json", code=1)
        self.assertEqual(result.last["reason"], "diskFull", str(result))
        self.assert_one_clear_line(result, "space", "resume")
        self.ossync("log", "verify")
        before = server.arrivals()["details"]["ids"]
        self.assertGreater(before, 0)
        # Pages that were freed may make room for all the rest.
        self.ossync("sync", "--json", code=(0, 1))
        subprocess.run(["mount", "-o", "remount,size=200m", self.store], check=True)
        self.sync("--mode", "resume")
        self.assertEqual(server.arrivals()["details"], {"ids": 30_000, "mostRequestsOfOneID": 1})
        self.assert_same_as_server(server, range(1, 30_001))

    def test_filled_by_somebody_else(self):
        self.mounted("32m")
        server = self.ready(1_500, api__maxBodyBytes=400_000)
        self.sync("--max", 500)
        ballast = self.store / "logs/ballast"
        with open(ballast, "wb") as file:
            try:
                while True:
                    file.write(b"x" * 65_536)
            except OSError:
                pass
        full = ballast.stat().st_size
        for arguments in (["sync", "--json"], ["queue", "drop", "1", "--json"]):
            result = self.ossync(*arguments, code=1)
            self.assert_one_clear_line(result)
        self.ossync("status")
        self.ossync("log", "verify")
        # Room to begin, and none to end.
        for pages in (4, 8, 12, 16, 24):
            os.truncate(ballast, full - pages * 4_096)
            self.ossync("log", "verify")
        ballast.unlink()
        self.sync()
        self.assert_same_as_server(server, range(1, 1_501))


class OddAnswers(Case):
    """Each answer is odd for a while; when the server is well again, a run completes."""

    def odd(self, make, code, *words, reason=None, only="list", **changes):
        self.broken = True
        base = orders(40)

        def answer(request):
            is_list = request.path == "/api/os"
            if self.broken and is_list == (only == "list"):
                return make(request)
            return base(request)
        server = self.serve(answer)
        self.configure(server.url, store="./" + self.next_store(), **changes)
        result = self.ossync("sync", "--json", code=code)
        self.assertEqual(result.last["exitCode"], code)
        self.assertEqual(result.last["type"], "summary", str(result))
        if reason:
            self.assertEqual(result.last["reason"], reason)
        self.assert_one_clear_line(result, *words)
        quiet = self.ossync("sync", "--quiet", code=code)
        self.assertEqual(quiet.out, "")
        self.assertNotEqual(quiet.err, "", "with --quiet a failure is silent")
        self.broken = False
        self.ossync("queue", "retry", *self.parked(), code=(0, 2))
        self.sync()
        status = self.status()
        self.assertEqual(status["records"]["withDetails"], 40, status)
        self.assertEqual(self.verify()["problems"], 0)
        return server, result

    def next_store(self):
        self.number = getattr(self, "number", 0) + 1
        return f"s{self.number}"

    def parked(self):
        return [entry["id"] for entry in self.ossync(
            "queue", "list", "--state", "parked", "--json").objects]

    def test_html_with_200(self):
        page = Answer(b"<!doctype html><title>Login</title>", headers={"Content-Type": "text/html"})
        self.odd(lambda _: page, 1, "html", "/os")
        self.odd(lambda _: page, 1, "html", only="detail")

    def test_truncated_json(self):
        self.odd(lambda _: Answer(b'{"total":40,"data":[{"id":1},{"id":'), 1, "json", "/os")

    def test_cut_body(self):
        self.odd(lambda _: Answer({"total": 40, "data": [{"id": 1}] * 90}, cut=100), 6, "/os")

    def test_rubbish(self):
        for body in (b"", b"null", b"[]", b'{"data":{}}', b'{"data":null}', b"\xff\xfe",
                     b'{"data":[1,2]}', b"[" * 100_000):
            with self.subTest(body=body[:20]):
                self.odd(lambda _: Answer(body), 1, "/os")

    def test_a_page_without_ids(self):
        self.odd(lambda _: Answer({"total": 40, "data": [{"no": 1}]}), 1, "/id")

    def test_ids_that_are_none(self):
        for one in (None, True, 1.0, {}, "", [1]):
            with self.subTest(id=one):
                self.odd(lambda _: Answer({"total": 40, "data": [{"id": one}]}), 1, "id")

    def test_duplicate_ids_in_a_page(self):
        rows = [{"id": one} for one in range(1, 40)] + [{"id": 7, "other": True}]
        server = self.serve(lambda request: Answer({"total": 40, "data": rows})
                            if request.path == "/api/os" else orders(40)(request))
        self.configure(server.url)
        result = self.ossync("sync", "--json", code=(1, 3))
        self.assert_one_clear_line(result)
        self.assertLessEqual(self.status()["records"]["total"], 39)
        self.ossync("log", "verify")

    def test_401_and_403(self):
        for status in (401, 403):
            with self.subTest(status=status):
                self.odd(lambda _: Answer({"e": 1}, status), 4, str(status), reason="auth")
                self.odd(lambda _: Answer({"e": 1}, status), 4, str(status), only="detail")

    def test_403_of_one_record_holds_up_no_other(self):
        base = orders(40)

        def answer(request):
            if "40" in request.query.get("ids", "").split(","):
                return Answer({"error": "not yours"}, 403)
            return base(request)
        self.configure(self.serve(answer).url, detail__concurrency=1)
        # The batch that it is in; the others, and it alone; its companions, and it alone.
        for _ in range(3):
            self.assertEqual(self.sync(code=4)["reason"], "auth")
        self.assertEqual(self.status()["records"]["withDetails"], 39)

    def test_404_of_the_list(self):
        server, _ = self.odd(lambda _: Answer({"e": 1}, 404), 1, "404", "/os")
        self.assertLessEqual(len([p for p in server.paths() if p == "/api/os"]), 4)

    def test_400_of_the_list(self):
        self.odd(lambda _: Answer({"e": 1}, 400), 1, "400", "/os")

    def test_500_always(self):
        server, _ = self.odd(lambda _: Answer({"e": "boom"}, 500), 6, "500", "/os")
        self.assertLessEqual(len(server.arrivals), 2 * 3 + 2 + 8)

    def test_503_always(self):
        self.odd(lambda _: Answer({"e": "boom"}, 503), 6, "503")
        self.odd(lambda _: Answer({"e": "boom"}, 503), 6, "503", only="detail")

    def test_500_of_details_parks_or_gives_up(self):
        base = orders(40)
        server = self.serve(lambda request: Answer({"e": 1}, 500)
                            if request.path.endswith("details") else base(request))
        self.configure(server.url)
        result = self.ossync("sync", "--json", code=(3, 6))
        self.assert_one_clear_line(result, "500")

    def test_a_redirect(self):
        elsewhere = self.serve(lambda _: Answer({"data": []}))
        self.odd(lambda _: Answer(b"", 302, {"Location": elsewhere.url + "/os"}), 1, "302", "/os")
        self.assertEqual(elsewhere.arrivals, [], "the redirect was followed off the API")

    def test_connections_that_are_dropped(self):
        self.odd(lambda _: Answer(drop=True), 6, "/os")

    def test_connection_refused(self):
        port = free_port()
        self.configure(f"http://127.0.0.1:{port}/api")
        result = self.ossync("sync", "--json", code=6)
        self.assertEqual(result.last["type"], "summary")
        self.assert_one_clear_line(result, f"127.0.0.1:{port}", "connect")
        self.assertEqual(self.status()["records"]["total"], 0)

    def test_a_name_that_does_not_exist(self):
        self.configure("https://no-such-host.invalid/api", api__timeouts={"connectMs": 2000})
        self.assert_one_clear_line(
            self.ossync("sync", "--json", code=6), "no-such-host.invalid")

    def test_a_server_that_never_answers(self):
        self.odd(lambda _: Answer({}, delay=1.0), 6, "/os",
                 api__timeouts={"connectMs": 200, "idleMs": 200, "totalMs": 300},
                 rateLimits__deliveryBoundMs=10)

    def test_a_body_beyond_the_cap(self):
        self.odd(lambda _: Answer({"data": [{"id": 1, "t": "x" * 50_000}]}), 1, "maxBodyBytes",
                 api__maxBodyBytes=20_000)

    def test_a_list_that_repeats_itself(self):
        rows = [{"id": one} for one in range(1, 11)]
        server = self.serve(lambda request: Answer({"data": rows})
                            if request.path == "/api/os" else orders(40)(request))
        self.configure(server.url, list__total=ABSENT)
        result = self.ossync("sync", "--json", code=1)
        self.assertEqual(result.last["reason"], "stalled")
        self.assertEqual(result.last["next"], "ossync doctor")
        self.assert_one_clear_line(
            result, "repeat", "list.paging", "pageParam", "sizeParam", "see `ossync doctor`")
        self.assertNotIn("--mode resume", result.err)
        self.assertLessEqual(len(server.arrivals), 4)

    def test_a_detail_for_another_record(self):
        base = orders(10)
        server = self.serve(lambda request: Answer({"data": [detail(999)]})
                            if request.path.endswith("details") else base(request))
        self.configure(server.url)
        result = self.ossync("sync", "--json", code=3)
        self.assert_one_clear_line(result)
        self.assertEqual(self.status()["records"]["withDetails"], 0)
        self.assertEqual(self.ossync("show", "999", code=1).out, "")


class Faults(Case):
    def test_random_faults_end_in_the_same_store(self):
        server = self.ready(
            1_000, "--fault-rate", "0.1", "--seed", 5, retry__attempts=8, retry__baseMs=1,
            retry__maxMs=10)
        for _ in range(5):
            if self.ossync("sync", "--json", code=(0, 3, 6)).code == 0:
                break
        self.assertEqual(self.status()["records"]["withDetails"], 1_000)
        self.ossync("log", "verify")
