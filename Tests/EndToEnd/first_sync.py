"""A person with a terminal, an API that ossync has never seen, and no documentation.

The API's paths, names and paging are its own, and it wants a key. What the person types is in
STEPS; what is on the terminal then is the transcript, docs/first-sync.md.
"""

import re
import subprocess
import termios
import time

from harness import Answer

KEY = "k3y-of-the-workshop-2026"
RECORDS = 25

# Each step: what the person thinks, and what they type. A tuple is typed line by line, each when
# the one before was answered.
STEPS = [
    ("What is it?", "ossync"),
    ("Begin with your own API, it says. It asks for what it has to know; Enter takes what stands "
     "in brackets, also where the person doesn't know yet.",
     ("ossync init", "{url}", "600", "none", "apiKey", "", "WORKSHOP_KEY", "/service-orders", "",
      "", "limit", "50", "", "/number", "/service-orders/{id}")),
    ("It says what comes next. The key is typed without being shown.",
     ("read -rs WORKSHOP_KEY && export WORKSHOP_KEY", KEY)),
    ("Is all of that right?", "ossync doctor"),
    ("No: the records of this API are elsewhere, and doctor says where. The person opens "
     "`ossync.yaml` in an editor and changes that line.",
     "sed -i '0,/records: .*/s//records: \\/items/' ossync.yaml"),
    ("Once more.", "ossync doctor"),
    ("It has seen where the number of all records is. That, too, is one line.",
     "sed -i 's/ total: .*/ total: \\/paging\\/of/' ossync.yaml"),
    ("", "ossync doctor"),
    ("Now it says what to do next.", "ossync plan"),
    ("", "ossync sync --max 10"),
    ("", "ossync show 7"),
    ("And everything.", "ossync sync"),
    ("", "ossync status"),
]


def workshop(request):
    """The API: page and limit, `items` beside `paging`, one detail a call, a key in a header."""
    if request.headers.get("X-Api-Key") != KEY:
        return Answer({"message": "no such key"}, 401)
    parts = request.path.removeprefix("/api").strip("/").split("/")
    if parts == ["service-orders"]:
        size = min(int(request.query.get("limit", 20)), 50)
        first = (int(request.query.get("page", 1)) - 1) * size + 1
        after = int(request.query.get("id_gt", 0))
        numbers = list(range(after + 1, RECORDS + 1))[first - 1:first - 1 + size]
        return Answer({
            "paging": {"of": RECORDS - after},
            "items": [{"number": number, "state": "open"} for number in numbers]})
    if len(parts) == 2 and parts[0] == "service-orders":
        number = int(parts[1])
        return Answer({
            "number": number, "state": "open", "customer": {"name": f"Customer {number % 4}"},
            "expenses": [{"amount": "12.50"}, {"amount": f"{number}.05"}]})
    return Answer({"message": "unknown path"}, 404)


class Terminal:
    """A shell in a tmux of its own, in which somebody types."""

    def __init__(self, name, environment, folder, size=(100, 400)):
        self.tmux = ["tmux", "-L", name, "-f", "/dev/null"]
        self.environment = environment
        width, height = size
        self.run(
            "new-session", "-d", "-x", str(width), "-y", str(height), "-c", str(folder),
            "env", f"PATH={environment['PATH']}", "PS1=$ ", "HISTFILE=",
            "bash", "--norc", "--noprofile")
        self.wait(lambda text: text == "$")

    def run(self, *arguments):
        return subprocess.run(
            [*self.tmux, *arguments], env=self.environment, check=True, capture_output=True,
            text=True).stdout

    def text(self):
        return self.run("capture-pane", "-p", "-J").rstrip()

    def stop(self):
        subprocess.run([*self.tmux, "kill-server"], env=self.environment, capture_output=True)

    def wait(self, condition, seconds=60):
        """Waits until the screen is as it should be."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            text = self.text()
            if condition(text):
                return text
            time.sleep(0.02)
        raise AssertionError(f"no prompt came:\n{self.text()}")

    def hides(self):
        """Whether somebody reads a line without showing it."""
        with open(self.run("display-message", "-p", "#{pane_tty}").strip(), "rb") as tty:
            flags = termios.tcgetattr(tty)[3]
        return flags & termios.ICANON and not flags & termios.ECHO

    def type(self, *lines):
        """Types lines, each once something asks for it; what is on the screen then."""
        self.run("send-keys", "clear", "Enter")
        self.wait(lambda text: text == "$")
        for line in lines:
            before = self.text()
            self.run("send-keys", "-l", line)
            self.run("send-keys", "Enter")
            end = "$" if line is lines[-1] else ":"
            self.wait(lambda text: text != before and (text.endswith(end) or self.hides()))
        return self.text().removesuffix("$").rstrip()


def masked(text, folder, url):
    """What differs from run to run, replaced by what stands for it."""
    text = text.replace(str(folder), "/srv/workshop").replace(url, "http://127.0.0.1:8080/api")
    for pattern, instead in (
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z", "2026-11-28T09:00:00Z"),
            (r"\b\d+ MiB free", "50000 MiB free"), (r"\bin \d+ ms", "in 3 ms"),
            (r"time +[\d.]+ s, the limits allow .*",
             "time      0.1 s, the limits allow no less than 0.0 s"),
            (r"\bposition \d+", "position 9"), (r"minute \d+/600", "minute 32/600")):
        text = re.sub(pattern, instead, text)
    return "\n".join(line.rstrip() for line in text.splitlines())


def transcript(terminal, folder, url):
    """What the person saw, as a page."""
    parts = [
        "# The first sync of an API of your own",
        "What somebody types and sees who has the program, an API, and no documentation: made by "
        "`Tests/EndToEnd/test_first_sync.py`, which fails when it differs "
        "(`OSSYNC_RECORD=1` writes it anew). The API is one that ossync knows nothing about: "
        "`/service-orders?page=1&limit=20` gives `{\"paging\": {\"of\": 25}, \"items\": [...]}`, "
        "`/service-orders/7` one record, and both want a key in a header."]
    for thought, typed in STEPS:
        lines = [line.replace("{url}", url) for line in
                 (typed if isinstance(typed, tuple) else (typed,))]
        seen = terminal.type(*lines)
        if thought:
            parts.append(thought)
        parts.append("```\n" + masked(seen, folder, url) + "\n```")
    return "\n\n".join(parts) + "\n"
