"""A terminal that people would sit at: tmux, with a server of its own for each test."""

import pathlib
import shlex
import subprocess
import time


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
