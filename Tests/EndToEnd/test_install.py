"""What `tools/install` puts in place: the program, its manual, and completion for shells."""

import json
import os
import pathlib
import pty
import select
import shutil
import subprocess

from harness import BINARY, ROOT, Case, end

INSTALL = ROOT / "tools/install"

# What readline does with a line when TAB is pressed: the words, and what is offered for the last.
COMPLETE = r'''
source "$1"
COMP_LINE=$2
COMP_POINT=${#COMP_LINE}
read -ra COMP_WORDS <<<"$COMP_LINE"
if [[ $COMP_LINE == *" " ]]; then COMP_WORDS+=(""); fi
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
specification=$(complete -p ossync) || exit 1
[[ $specification =~ -F\ ([^ ]+) ]] || exit 1
"${BASH_REMATCH[1]}" ossync "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
'''


class Install(Case):
    def setUp(self):
        super().setUp()
        self.prefix = self.folder / "a prefix"
        self.bash = self.prefix / "share/bash-completion/completions/ossync"
        self.zsh = self.prefix / "share/zsh/site-functions/_ossync"
        self.fish = self.prefix / "share/fish/vendor_completions.d/ossync.fish"
        self.manual = self.prefix / "share/man/man1"

    def install(self, *arguments, code=0):
        done = subprocess.run(
            [INSTALL, *map(str, arguments)], env=self.environment(), cwd=self.folder,
            stdin=subprocess.DEVNULL, capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def installed(self):
        return self.install("--built", BINARY, self.prefix)

    def offered(self, line):
        """What bash offers for a line that ends where the cursor is."""
        env = self.environment({"PATH": f"{self.prefix}/bin:{os.environ['PATH']}"})
        done = subprocess.run(
            ["bash", "--norc", "-c", COMPLETE, "bash", self.bash, line], env=env, cwd=self.folder,
            capture_output=True, text=True, timeout=30)
        self.assertEqual((done.returncode, done.stderr), (0, ""), line)
        return {word.strip() for word in done.stdout.splitlines()} - {""}

    def test_everything_has_its_place_and_goes_again(self):
        said = self.installed()
        self.assertIn(str(self.prefix / "bin/ossync"), said.stdout)
        files = {path for path in self.prefix.rglob("*") if path.is_file()}
        self.assertLessEqual({self.prefix / "bin/ossync", self.bash, self.zsh, self.fish}, files)
        for path in files:
            self.assertEqual(
                path.stat().st_mode & 0o777, 0o755 if path.parent.name == "bin" else 0o644, path)
        (self.manual / "ossync-gone.1").write_text("of an earlier version")
        (self.manual / "other.1").write_text("somebody else's")
        self.installed()
        again = {path for path in self.prefix.rglob("*") if path.is_file()}
        self.assertEqual(again, files | {self.manual / "other.1"})
        self.install("--remove", self.prefix)
        left = {path for path in self.prefix.rglob("*") if path.is_file()}
        self.assertEqual(left, {self.manual / "other.1"})

    def test_what_it_does_not_know_is_refused(self):
        for arguments in (["--nonsense"], ["a", "b"], ["--built"], ["--built", "nowhere"],
                          ["--built", self.folder], ["--remove", "--built", BINARY]):
            self.assertIn("usage: tools/install", self.install(*arguments, code=2).stderr)
        self.assertEqual(list(self.folder.iterdir()), [])

    # Completion

    def test_bash_completes(self):
        self.installed()
        self.assertEqual(self.offered("ossync sy"), {"sync"})
        self.assertLessEqual({"init", "doctor", "log", "sync"}, self.offered("ossync "))
        self.assertEqual(
            self.offered("ossync sync --mode "), {"incremental", "full", "resume", "details-only"})
        self.assertEqual(self.offered("ossync sync --mode f"), {"full"})
        self.assertEqual(self.offered("ossync sync --no-"), {"--no-details"})
        self.assertEqual(self.offered("ossync log sa"), {"salvage"})
        self.assertEqual(self.offered("ossync log show --event RateL"), {"RateLimited"})
        self.assertEqual(self.offered("ossync log show --endpoint "), {"list", "detail", "health"})
        self.assertEqual(self.offered("ossync runs --outcome par"), {"partial"})
        self.assertEqual(
            self.offered("ossync schedule print --format "), {"systemd", "cron", "service"})

    def test_at_a_prompt_tab_completes(self):
        self.installed()
        owner, side = pty.openpty()
        shell = subprocess.Popen(
            ["bash", "--norc", "--noprofile", "-i"], stdin=side, stdout=side, stderr=side,
            env=self.environment({"TERM": "dumb", "PS1": "> ", "HISTFILE": ""}), cwd=self.folder,
            start_new_session=True)
        self.addCleanup(end, shell)
        self.addCleanup(os.close, owner)
        os.close(side)
        for text in (f"source '{self.bash}'\r", "ossync() { echo \"got: $*.\"; }\r",
                     "ossync sy\t--mode fu\t--no-d\t\r", "exit\r"):
            os.write(owner, text.encode())
        seen = b""
        while select.select([owner], [], [], 20)[0]:
            try:
                part = os.read(owner, 65_536)
            except OSError:
                break
            seen += part
        self.assertIn("got: sync --mode full --no-details.", seen.decode())

    def test_bash_completes_files_and_folders(self):
        self.installed()
        self.write("erp.yaml", "store: ./store\n")
        self.write("notes.txt", "")
        (self.folder / "erp-store").mkdir()
        self.assertEqual(self.offered("ossync sync --config er"), {"erp.yaml", "erp-store"})
        self.assertEqual(self.offered("ossync sync --store er"), {"erp-store"})
        self.assertEqual(self.offered("ossync restore er"), {"erp-store"})
        self.assertIn("notes.txt", self.offered("ossync export csv --output no"))

    def test_bash_completes_the_configured_projections(self):
        self.installed()
        self.assertEqual(self.offered("ossync projections rebuild "), {"history"})
        self.configure("http://127.0.0.1:9/api")
        self.assertEqual(self.offered("ossync projections rebuild "), {"os", "history"})

    def test_other_shells_take_their_scripts(self):
        self.installed()
        self.assertTrue(self.zsh.read_text().startswith("#compdef ossync"))
        self.assertIn("complete -c 'ossync'", self.fish.read_text())
        for shell, script in (("bash", self.bash), ("zsh", self.zsh), ("fish", self.fish)):
            with self.subTest(shell=shell):
                if not shutil.which(shell):
                    self.skipTest(f"{shell} is not here")
                subprocess.run([shell, "-n", script], check=True, timeout=30)
        if shutil.which("fish"):
            found = subprocess.run(
                ["fish", "-N", "-c", "source $argv[1]; complete -C 'ossync sync --mode f'",
                 self.fish], env=self.environment(), capture_output=True, text=True, timeout=30)
            self.assertEqual([line.split("\t")[0] for line in found.stdout.splitlines()], ["full"])

    # The manual

    def commands(self):
        """Each command that people see, as its words, with what its help says."""
        text = self.ossync("--experimental-dump-help").out
        found = []

        def walk(words, command):
            words = [*words, command["commandName"]]
            found.append((words, command))
            for one in command.get("subcommands", []):
                if one["shouldDisplay"] and one["commandName"] != "help":
                    walk(words, one)
        walk([], json.loads(text)["command"])
        return found

    def shown(self, page):
        """A page as text without layout; None where nothing here can show one."""
        if not shutil.which("groff"):
            return None
        done = subprocess.run(
            ["groff", "-man", "-ww", "-Tascii", "-rLL=400n", page], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""), page.name)
        plain = subprocess.run(
            ["col", "-bx"], input=done.stdout, capture_output=True, text=True).stdout \
            if shutil.which("col") else done.stdout
        return " ".join(plain.split())

    def test_each_command_has_a_page_that_says_what_its_help_says(self):
        self.installed()
        commands = self.commands()
        pages = {path.name for path in self.manual.iterdir()}
        self.assertEqual(pages, {"-".join(words) + ".1" for words, _ in commands})
        for words, command in commands:
            with self.subTest(command=words):
                page = self.manual / ("-".join(words) + ".1")
                source = page.read_text()
                for title in ("NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES", "OPTIONS"):
                    if title == "DESCRIPTION" and ".SH DESCRIPTION" not in source:
                        continue
                    if len(words) > 1 or title not in ("EXAMPLES", "OPTIONS"):
                        self.assertIn(f".SH {title}\n", source)
                text = self.shown(page)
                if text is None:
                    continue
                for argument in command.get("arguments", []):
                    if argument["shouldDisplay"]:
                        self.assertIn(" ".join(argument.get("abstract", "").split()), text)
                        for one in argument.get("names") or []:
                            self.assertIn("-" + one["name"], text)

    def test_the_page_of_sync_as_people_read_it(self):
        self.installed()
        text = self.shown(self.manual / "ossync-sync.1")
        if text is None:
            self.skipTest("groff is not here")
        self.assertIn("ossync-sync - Copy what is new or changed from the API", text)
        self.assertIn("--mode mode What to do: incremental, full, resume or details-only. The "
                      "default is incremental.", text)
        self.assertIn("EXIT STATUS 0 completed or paused by --max.", text)
        self.assertIn("130/143 interrupted.", text)
        self.assertIn("EXAMPLES ossync sync --mode incremental --max-duration 30m", text)
        self.assertIn("ossync-doctor(1)", self.shown(self.manual / "ossync.1"))
        if shutil.which("man"):
            found = subprocess.run(
                ["man", "-w", "ossync-log-show"], capture_output=True, text=True,
                env={**os.environ, "MANPATH": str(self.prefix / "share/man")})
            self.assertEqual(pathlib.Path(found.stdout.strip()).name, "ossync-log-show.1")
