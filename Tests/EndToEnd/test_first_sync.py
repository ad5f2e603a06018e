"""The first sync of an API that ossync has never seen: at a terminal, without documentation."""

import difflib
import os
import pty
import select
import shutil
import subprocess

import first_sync
from harness import BINARY, ROOT, Case, end

PAGE = ROOT / "docs/first-sync.md"
# A transcript that differs and shall: it is written anew.
RECORDS = os.environ.get("OSSYNC_RECORD") == "1"


class FirstSync(Case):
    def test_the_transcript_is_what_a_person_sees(self):
        if not shutil.which("tmux"):
            self.skipTest("tmux is not here")
        server = self.serve(first_sync.workshop)
        (self.folder / "bin").mkdir()
        (self.folder / "bin/ossync").symlink_to(BINARY)
        work = self.folder / "work"
        work.mkdir()
        environment = self.environment({
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}", "TERM": "xterm",
            "TMUX_TMPDIR": str(self.folder), "NO_COLOR": "1"})
        terminal = first_sync.Terminal("ossync", environment, work)
        self.addCleanup(terminal.stop)
        text = first_sync.transcript(terminal, work, server.url)
        self.assertNotIn(first_sync.KEY, text)
        if RECORDS:
            PAGE.write_text(text)
        drift = difflib.unified_diff(
            PAGE.read_text().splitlines(), text.splitlines(), "docs/first-sync.md", "seen",
            lineterm="")
        self.assertEqual("\n".join(drift), "", "write it anew with OSSYNC_RECORD=1")


class Init(Case):
    def loaded(self):
        shown = self.ossync("config", "show", "--json").objects
        return {one["key"]: str(one["value"]) for one in shown}

    def test_flags_fill_the_template(self):
        self.ossync(
            "init", "--base-url", "https://api.example.org/v2", "--auth", "apiKey",
            "--key-header", "X-Key", "--token-env", "ERP_KEY", "--per-minute", "60", "--per-hour",
            "none", "--list-path", "/orders?state=open", "--records", "/result/items", "--id",
            "/a~1b", "--detail-path", "/orders/{id}")
        values = self.loaded()
        self.assertEqual(values["api.baseURL"], "https://api.example.org/v2")
        self.assertEqual(values["rateLimits.requestsPerMinute"], "60")
        self.assertEqual(values["rateLimits.requestsPerHour"], "null")
        self.assertEqual(values["api.auth.header"], "X-Key")
        self.assertEqual(values["streams.os.list.path"], "/orders?state=open")
        self.assertEqual(values["streams.os.list.records"], "/result/items")
        self.assertEqual(values["streams.os.list.id"], "/a~1b")
        self.assertEqual(values["streams.os.detail.path"], "/orders/{id}")
        self.assertEqual(values["streams.os.detail.batch.size"], "1")
        self.assertEqual(values["streams.os.detail.single"], "true")
        self.assertIn("ERP_KEY", (self.folder / "ossync.yaml").read_text())

    def test_flags_that_no_configuration_takes(self):
        for arguments, words in (
                (["--base-url", "ftp://x"], ["--base-url"]),
                (["--base-url", "http://erp.example.com/api"], ["http://", "allowPlainHTTP"]),
                (["--per-minute", "0"], ["--per-minute", "1 or more"]),
                (["--token-env", "9 LIVES"], ["--token-env", "variable"]),
                (["--list-path", "os"], ["--list-path", "/"]),
                (["--list-path", "/os?open=1&per_page=5"], ["--list-path", "per_page", "paging"]),
                (["--list-path", "/os?nr=1", "--page-param", "nr"], ["--page-param", "nr"]),
                (["--paging", "round"], ["--paging"]),
                (["--page-param", ""], ["--page-param", "empty"]),
                (["--page-param", "per_page"], ["--size-param", "already"]),
                (["--page-size", "0"], ["--page-size", "1 to 100000"]),
                (["--records", "data"], ["--records", "JSON Pointer"]),
                (["--detail-path", "/os"], ["--detail-path", "{id}"]),
                (["--key-header", "X-Key"], ["--key-header", "apiKey"]),
                (["--auth", "basic"], ["--user"]),
                (["--auth", "none", "--token-env", "T"], ["--token-env"])):
            with self.subTest(arguments=arguments):
                self.assert_one_clear_line(self.ossync("init", *arguments, code=2), *words)
                self.assertEqual(list(self.folder.iterdir()), [])

    def test_how_the_list_is_walked(self):
        for number, (flags, words) in enumerate((
                (["--paging", "page", "--page-param", "p", "--size-param", "rows",
                  "--page-size", "50"],
                 "{ type: page, pageParam: p, sizeParam: rows, size: 50, first: 1 }"),
                (["--page-param", "page[number]"],
                 '{ type: page, pageParam: "page[number]", sizeParam: per_page, size: 1000, '
                 'first: 1 }'),
                (["--paging", "Offset", "--size-param", ""],
                 "{ type: offset, offsetParam: offset, size: 1000 }"),
                (["--paging", "idAfter", "--page-param", "since"],
                 "{ type: idAfter, param: since, sizeParam: per_page, size: 1000 }"))):
            with self.subTest(flags=flags):
                name = f"{number}.yaml"
                self.ossync("init", "--config", name, *flags)
                self.ossync("config", "show", "--config", name)
                self.assertIn(f"paging: {words}\n", (self.folder / name).read_text())
        self.assertIn("incremental: { type: idAfter, param: since }\n",
                      (self.folder / "3.yaml").read_text())

    def test_a_token_in_place_of_a_variable_is_refused_and_not_repeated(self):
        for token in ("ghp_A1b2C3", "sk-A1b2C3", "0123456789abcdef0123456789abcdef", "key-of-mine"):
            with self.subTest(token=token):
                result = self.ossync("init", "--token-env", token, code=2)
                self.assert_one_clear_line(result, "--token-env", "variable")
                self.assertNotIn(token, result.out + result.err)
                self.assertEqual(list(self.folder.iterdir()), [])
        said = self.ossync("init", "--token-env", "ghp_A1b2C3", code=2).err
        self.assertIn("looks like the token itself; give the name of a variable", said)
        code, seen = self.typed(
            answers=b"\n\n\n\nghp_A1b2C3\nsk-A1b2C3\nMY_TOKEN_2\n" + b"\n" * 9)
        self.assertEqual(code, 0, seen)
        self.assertEqual(seen.count("it looks like the token itself"), 2)
        text = (self.folder / "ossync.yaml").read_text()
        self.assertIn("env: MY_TOKEN_2", text)
        self.assertNotIn("A1b2C3", text)

    def test_bearer_in_any_case_and_an_address_in_quotes(self):
        for flags in (["--auth", "Bearer", "--base-url", '"https://api.example.org/v2"'],
                      ["--auth", "APIKEY", "--base-url", "'https://api.example.org/v2'"]):
            name = flags[1].lower()
            self.ossync("init", "--config", f"{name}.yaml", *flags)
            text = (self.folder / f"{name}.yaml").read_text()
            self.assertIn("baseURL: https://api.example.org/v2\n", text)
            self.assertIn(f"auth: {{ type: {flags[1].lower()}".replace("apikey", "apiKey"), text)
        code, seen = self.typed(
            answers=b'"https://api.example.org"\n\n\nBearer\n' + b"\n" * 12)
        self.assertEqual(code, 0, seen)
        self.assertEqual(self.loaded()["api.baseURL"], "https://api.example.org")

    def test_no_details(self):
        self.ossync("init", "--detail-path", "", "--auth", "none")
        self.assertEqual(self.loaded()["streams.os.detail"], "null")

    def typed(self, *arguments, answers):
        """Runs init at a terminal where somebody gives these answers."""
        owner, side = pty.openpty()
        process = subprocess.Popen(
            [BINARY, "init", *arguments], stdin=side, stdout=side, stderr=side,
            env=self.environment(), cwd=self.folder, start_new_session=True)
        self.addCleanup(end, process)
        self.addCleanup(os.close, owner)
        os.close(side)
        os.write(owner, answers)
        seen = b""
        while select.select([owner], [], [], 20)[0]:
            try:
                part = os.read(owner, 65_536)
            except OSError:
                break
            if not part:
                break
            seen += part
        return process.wait(20), seen.decode()

    def test_a_wrong_answer_is_asked_again(self):
        code, seen = self.typed(
            answers=b"erp\nhttps://api.example.org\n\n\nmagic\nnone\n/os?page=1\n/os\nround\n"
            + b"offset\n\noffset\n\"\"\n0\n50\n" + b"\n" * 3)
        self.assertEqual(code, 0, seen)
        self.assertIn("one of bearer, apiKey, basic, none", seen)
        self.assertIn("it can't hold page in its query", seen)
        self.assertIn("one of page, offset, idAfter", seen)
        self.assertIn('it is a parameter of the list already: "offset"', seen)
        self.assertIn("it must be a number of 1 to 100000", seen)
        self.assertEqual(self.loaded()["streams.os.list.paging.type"], "offset")
        self.assertEqual(self.loaded()["streams.os.list.paging.size"], "50")
        self.assertEqual(seen.count("The API's address"), 2)
        self.assertEqual(self.loaded()["api.baseURL"], "https://api.example.org")

    def test_the_end_of_input_writes_nothing(self):
        code, seen = self.typed(answers=b"https://api.example.org\n\x04")
        self.assertEqual(code, 2, seen)
        self.assertIn("nothing was written; --no-input", seen)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_nothing_is_asked_that_was_said_or_must_not_be(self):
        for number, arguments in enumerate((["--no-input"], ["--json"], ["--quiet"],
                                            ["--base-url", "https://api.example.org"])):
            code, seen = self.typed("--config", f"{number}.yaml", *arguments, answers=b"")
            self.assertEqual(code, 0, seen)
            self.assertNotIn("The API's address", seen)
            self.assertTrue((self.folder / f"{number}.yaml").exists())

    def test_says_what_comes_next(self):
        said = self.ossync("init", "--base-url", "https://api.example.org").err
        self.assertIn("next: `read -rs OSSYNC_TOKEN && export OSSYNC_TOKEN`, then `ossync doctor`",
                      said)
        said = self.ossync("init", "--config", "b.yaml", env={"OSSYNC_TOKEN": "t" * 20}).err
        self.assertIn("next: edit b.yaml, then `ossync doctor --config b.yaml`", said)
