"""A terminal that people would sit at: tmux, with a server of its own for each test."""

import os
import pathlib
import shlex
import subprocess
import time

from harness import BINARY, Case


class Screen:
    """A terminal of a size, in which a shell runs one command and then waits."""

    def __init__(self, case, command, columns=80, rows=24, env=None, term="tmux-256color"):
        self.socket = str(pathlib.Path(case.folder) / f"tmux-{id(self):x}")
        environment = case.environment({
            "LANG": "C.UTF-8", "LC_ALL": "", "TERM": "xterm-256color", **(env or {})})
        environment.pop("TMUX", None)
        script = pathlib.Path(case.folder) / f"screen-{id(self):x}.sh"
        exports = "".join(
            f"export {name}={shlex.quote(value)}\n" for name, value in (env or {}).items())
        script.write_text(
            f"export TERM={shlex.quote(term)}\n{exports}echo before\n"
            f"{shlex.join(map(str, command))}\necho \"ended with $?\"\nstty -a | tr ';' '\\n'"
            " > tty.txt\necho settled\nread line\necho \"read $line\"\nsleep 600\n")
        self.run_tmux(
            "-f", "/dev/null", "new-session", "-d", "-s", "one", "-x", str(columns), "-y",
            str(rows), "bash", str(script), env=environment, cwd=case.folder)
        case.addCleanup(self.end)

    def run_tmux(self, *arguments, **options):
        done = subprocess.run(
            ["tmux", "-S", self.socket, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=20, **options)
        if done.returncode:
            raise AssertionError(f"tmux {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def end(self):
        subprocess.run(
            ["tmux", "-S", self.socket, "kill-server"], stdin=subprocess.DEVNULL,
            capture_output=True, timeout=20)

    def press(self, *keys):
        """Keys by tmux's names: `3`, `Tab`, `C-c`, `PageDown`."""
        self.run_tmux("send-keys", "-t", "one", *keys)

    def type(self, text):
        self.run_tmux("send-keys", "-t", "one", "-l", text)

    def resize(self, columns, rows):
        self.run_tmux("resize-window", "-t", "one", "-x", str(columns), "-y", str(rows))

    @property
    def text(self):
        return self.run_tmux("capture-pane", "-p", "-t", "one")

    @property
    def escapes(self):
        """The same with the sequences that colour it."""
        return self.run_tmux("capture-pane", "-p", "-e", "-t", "one")

    @property
    def lines(self):
        return self.text.split("\n")

    def see(self, *words, seconds=20, gone=()):
        """Waits until all words are on the screen, and none of `gone`; returns its text."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            text = self.text
            if all(word in text for word in words) and not any(word in text for word in gone):
                return text
            time.sleep(0.03)
        raise AssertionError(f"{words} (without {gone}) did not come up:\n{self.text}")


class MonitorCase(Case):
    def monitor(self, *arguments, columns=80, rows=24, **options):
        return Screen(
            self, [BINARY, "monitor", *arguments], columns=columns, rows=rows, **options)

    def ready_with_store(self, records, *arguments, **changes):
        """A server, a configuration, and a store that `init` made."""
        server = self.demo("--records", records, *arguments)
        self.ossync("init")
        self.configure(server.url, store="./ossync-store", **changes)
        self.store = self.folder / "ossync-store"
        return server

    def process(self):
        """The monitor's process: the one that a shell on the screen started."""
        def found():
            for name in os.listdir("/proc"):
                try:
                    words = open(f"/proc/{name}/cmdline", "rb").read().split(b"\0")
                    folder = os.readlink(f"/proc/{name}/cwd")
                except OSError:
                    continue
                if words[:2] == [BINARY.encode(), b"monitor"] and folder == str(self.folder):
                    return int(name)
            return None
        return self.wait_for(found, what="the monitor's start")

    def assert_restored(self, screen, code):
        """The screen is as it was, and the terminal takes lines and shows them again."""
        text = screen.see("settled")
        self.assertIn("before", text)
        self.assertIn(f"ended with {code}", text)
        self.assertNotIn("Overview", text)
        settings = (self.folder / "tty.txt").read_text().split()
        for word in ("icanon", "echo", "isig", "icrnl"):
            self.assertIn(word, settings)
        screen.type("hello")
        screen.press("Enter")
        screen.see("read hello")
        return text
