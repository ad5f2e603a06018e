"""What happens to standard input, output and error."""

import os
import shlex
import subprocess

from harness import BINARY, Case
from lmdb_pages import Values


class Streams(Case):
    """Standard input, output and error that are closed, full or gone."""

    def test_closed_descriptors_write_nothing_into_the_store(self):
        self.ready(300)
        for text in ("", "--json", "--verbose"):
            self.shell(f"exec {self.quoted()} sync --mode full {text} <&- >&- 2>&-")
            self.ossync("log", "verify")
        self.assertNotIn(b"summary", (self.store / "lock").read_bytes())

    def test_a_full_device_is_an_error(self):
        self.ready(30)
        self.sync()
        for command in ("status", "log show", "show 3", "plan", "sync --json"):
            with self.subTest(command=command):
                done = self.shell(f"exec {self.quoted()} {command} >/dev/full")
                self.assertEqual(done.returncode, 1)
                self.assertIn("standard output: write failed", done.stderr)

    def test_a_run_ends_by_what_it_did_whoever_reads_it(self):
        self.ready(30, "--poison", 3, retry__attempts=1)
        done = self.shell(f"{self.quoted()} sync --json | true; exit ${{PIPESTATUS[0]}}")
        self.assertEqual(done.returncode, 3)

    def test_an_export_takes_no_special_files_place(self):
        self.ready(30)
        self.sync()
        os.mkfifo(self.folder / "pipe")
        (self.folder / "link.csv").symlink_to(self.folder / "real.csv")
        (self.folder / "real.csv").write_text("old")
        reader = subprocess.Popen(["cat", self.folder / "pipe"], stdout=subprocess.PIPE)
        self.ossync("export", "csv", "--output", "pipe")
        self.assertEqual(reader.communicate()[0].count(b"\n"), 31)
        self.ossync("export", "csv", "--output", "link.csv")
        self.assertTrue((self.folder / "link.csv").is_symlink())
        self.assertEqual((self.folder / "real.csv").read_text().count("\n"), 31)
        (self.folder / "first.csv").symlink_to("second.csv")
        (self.folder / "second.csv").symlink_to(self.folder / "new.csv")
        self.ossync("export", "csv", "--output", "first.csv")
        self.assertTrue((self.folder / "second.csv").is_symlink())
        self.assertEqual((self.folder / "new.csv").read_text().count("\n"), 31)

    def test_a_check_ends_by_what_it_found_whoever_reads_it(self):
        self.ready(30)
        self.sync()
        line = f"{self.quoted()} log verify --json | true; exit ${{PIPESTATUS[0]}}"
        self.assertEqual(self.shell(line).returncode, 0)
        data = self.store / "log/data.mdb"
        _, offset, size = Values(data).named("events")[0]
        with data.open("r+b") as file:
            file.seek(offset + size - 1)
            last = file.read(1)[0]
            file.seek(offset + size - 1)
            file.write(bytes([last ^ 1]))
        for ignored in ("", "trap '' PIPE; "):
            self.assertEqual(self.shell(ignored + line).returncode, 12)

    def quoted(self):
        return shlex.quote(str(BINARY))

    def shell(self, line):
        return subprocess.run(
            ["bash", "-c", line], cwd=self.folder, env=self.environment(), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
