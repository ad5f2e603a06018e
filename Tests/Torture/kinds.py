"""The kinds of rounds: what is done to a sync, and to whom it must make no difference."""

import contextlib
import os
import pathlib
import select
import shutil
import signal
import subprocess
import time

from chain import Chain
from rounds import Round


class Kills(Round):
    """SIGKILL at a random moment: of the start, the recovery, a request, a commit."""

    kind = "kills"
    effect = "kills that met something"
    has_early = True

    def disturb(self, process):
        for _ in self.moments(process, 1):
            self.kill(process)


class Freezes(Round):
    """SIGSTOP, then SIGCONT; readers don't notice, another run is refused, a copy is whole."""

    kind = "freezes"
    effect = "freezes"
    has_early = True

    def disturb(self, process):
        freezes = self.random.randrange(1, 4)
        with_kill = self.random.random() < 0.5
        for number, _ in enumerate(self.moments(process, freezes + with_kill)):
            if number == freezes:
                self.kill(process)
                return
            self.freeze(process)

    def freeze(self, process):
        process.send_signal(signal.SIGSTOP)
        if process.returncode is not None:
            return  # It had ended, and sending has noticed.
        state = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        if state.si_code == os.CLD_STOPPED:
            if self.holds(process):
                self.counts["freezes"] += 1
            self.while_frozen(process)
        process.send_signal(signal.SIGCONT)

    def while_frozen(self, process):
        pick = self.random.random()
        if not (self.store / "log/data.mdb").exists():
            return
        if pick < 0.25:
            self.assertEqual(self.ossync("log", "verify", "--json").last["problems"], 0)
            self.counts["verified while frozen"] += 1
        elif pick < 0.5:
            self.status()
            self.counts["status while frozen"] += 1
        elif pick < 0.75:
            self.check_copy()
        elif self.holds(process):
            refused = self.ossync("sync", "--json", code=11)
            self.assertEqual(refused.last["exitCode"], 11)
            self.counts["refused"] += 1
        time.sleep(self.random.uniform(0, 0.1))

    def check_copy(self):
        """Nobody writes now, so a copy of the files is a store."""
        copy = self.folder / "copy"
        shutil.copytree(self.store, copy)
        result = self.ossync("log", "verify", "--json", "--store", str(copy))
        self.assertEqual(result.last["problems"], 0)
        self.seen.append(Chain(copy / "log/data.mdb"))
        shutil.rmtree(copy)
        self.counts["copies of a frozen store"] += 1


class Seconds(Round):
    """A second run while the first one is under way: refused or skipped, and nothing changes."""

    kind = "seconds"
    effect = "second runs that met the first"
    least_seconds = 0.4

    def disturb(self, process):
        seconds = self.random.randrange(1, 4)
        with_kill = self.random.random() < 0.4
        for number, _ in enumerate(self.moments(process, seconds + with_kill)):
            if number == seconds:
                self.kill(process)
                return
            self.second(process)

    def second(self, first):
        choice = self.random.choice(("fail", "skip", "wait", "details-only", "health"))
        if not self.holds(first):
            return
        arguments = {
            "fail": ("sync", "--mode", self.mode),
            "skip": ("sync", "--mode", self.mode, "--if-running", "skip"),
            "wait": ("sync", "--mode", self.mode, "--if-running", "wait"),
            "details-only": ("sync", "--mode", "details-only", "--if-running", "fail"),
            "health": ("health",),
        }[choice]
        with self.held():
            process = self.start(*arguments, "--json")
            if choice == "wait":
                self.wait_beside(first, process)
                return
            self.until(process, lambda: self.holds(process))
        result = self.finish(process)
        if result.code == 11 or (choice == "skip" and result.last.get("reason") == "skipped"):
            self.counts["refused" if result.code == 11 else "skipped"] += 1
            self.counts[self.effect] += 1
            return
        # The first one had ended before the second one tried. The server may have failed a check.
        allowed = (0, 6) if choice == "health" and self.plan.faults else (0, 3)
        self.assertIn(result.code, allowed, str(result))
        self.counts["second runs that had the store"] += 1

    def wait_beside(self, first, process):
        """Kills it once it has said that it waits, or a little later."""
        waits, _, _ = select.select([process.stderr], [], [], 20)
        time.sleep(self.random.uniform(0, 0.1))
        if waits and self.holds(first) and process.poll() is None:
            self.counts["killed while they waited"] += 1
            self.counts[self.effect] += 1
        process.kill()
        # It may have had the store by then.
        self.counts["kills"] += self.finish(process).code == -9


class Projections(Round):
    """The projections' folder is deleted, or files of it damaged, while a sync runs."""

    kind = "projections"
    effect = "projections spoiled"

    def disturb(self, process):
        times = self.random.randrange(1, 5)
        with_kill = self.random.random() < 0.4
        for number, _ in enumerate(self.moments(process, times + with_kill)):
            if number == times:
                self.kill(process)
                return
            self.spoil(process)

    def spoil(self, process):
        folder = self.store / "projections"
        # Unlike rglob, walk passes over what the sync takes away meanwhile.
        before = {pathlib.Path(base, name) for base, _, names in os.walk(folder) for name in names}
        current, generations = folder / "os.current", list(folder.glob("os-*"))
        pick = self.random.random()
        if pick < 0.2 and current in before:
            current.unlink(missing_ok=True)
        elif pick < 0.4 and generations:
            for generation in generations:
                shutil.rmtree(generation, ignore_errors=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
        if any(not path.exists() for path in before) and self.holds(process):
            self.counts[self.effect] += 1


class Copies(Round):
    """The store is copied while a sync writes it: a prefix of it, or clearly refused."""

    kind = "copies"
    effect = "copies of a log that grew meanwhile"
    least_seconds = 0.2

    def disturb(self, process):
        copies = self.random.randrange(1, 4)
        with_kill = self.random.random() < 0.4
        made = []
        for number, _ in enumerate(self.moments(process, copies + with_kill)):
            if number == copies:
                self.kill(process)
                break
            made.append(self.copy())
        # Not before: that takes longer than most syncs.
        for copy in made:
            self.check_copy(copy)
            shutil.rmtree(copy, ignore_errors=True)

    def copy(self):
        self.counts["copies"] += 1
        copy = self.folder / f"copy-{self.counts['copies']}"
        self.progress.glance()
        before = self.progress.position
        if self.random.random() < 0.5:
            subprocess.run(
                ["cp", "-r", self.store, copy], stderr=subprocess.DEVNULL, check=False)
        else:
            self.copy_slowly(copy)
        self.progress.glance()
        if self.progress.position > before:
            self.counts[self.effect] += 1
        return copy

    def copy_slowly(self, copy):
        """As a large store is copied: the sync commits again and again meanwhile."""
        (copy / "log").mkdir(parents=True)
        with open(self.store / "log/data.mdb", "rb") as source, \
                open(copy / "log/data.mdb", "wb") as target:
            while part := source.read(self.random.choice((4, 16, 64)) << 10):
                target.write(part)
                time.sleep(self.random.uniform(0, 0.02))

    def check_copy(self, copy):
        store = ("--store", str(copy))
        verified = self.ossync("log", "verify", "--json", *store, code=(0, 12))
        if verified.code == 0:
            self.counts["copies that are whole"] += 1
            chain = Chain(copy / "log/data.mdb")
            if self.seen:
                self.assert_prefix(self.seen[-1], chain)
            self.seen.append(chain)
            self.ossync("status", "--json", *store)
            self.ossync("export", "ndjson", "--json", *store)
            return
        self.counts["copies that were refused"] += 1
        self.assertGreater(verified.last["problems"], 0)
        for command in (("status",), ("export", "ndjson"), ("log", "show")):
            self.ossync(*command, "--json", *store, code=(0, 12))


class Readers(Round):
    """Commands that read, killed beside the sync: it goes on as if they had never been."""

    kind = "readers"
    effect = "readers killed beside a sync"
    least_seconds = 0.4

    COMMANDS = (
        ("export", "ndjson", "--output", "out.ndjson"),
        ("export", "csv", "--output", "out.csv"),
        ("status", "--json"),
        ("log", "verify", "--json"),
        ("log", "show", "--json"),
        ("log", "tail", "--follow"),
        ("projections", "rebuild", "os"),
        ("queue", "list", "--json"),
        ("show", "1", "--json"),
    )

    def disturb(self, process):
        readers = []
        count = self.random.randrange(2, 7)
        with_kill = self.random.random() < 0.4
        for number, _ in enumerate(self.moments(process, count + with_kill)):
            if number == count:
                self.kill(process)
                break
            readers.append(self.read(process))
        for command, reader in readers:
            self.check_reader(command, reader)

    def read(self, process):
        """Starts a reader, and mostly kills it once it has the log open."""
        command = self.random.choice(self.COMMANDS)
        # To a file that nobody reads meanwhile, so that none of them waits for us.
        with open(self.folder / "readers.out", "ab") as output:
            reader = self.start(*command, stdout=output, stderr=output)
        if self.random.random() < 0.8 or "--follow" in command:
            with contextlib.ExitStack() as stack:
                stack.enter_context(self.held())
                is_open = self.until(reader, lambda: self.has_opened(reader, "log/data.mdb"))
                # In half of them the sync writes before the kill, if it is still there.
                if self.random.random() < 0.5:
                    stack.close()
                time.sleep(self.random.uniform(0, 0.005))
                is_beside = is_open and reader.poll() is None and self.holds(process)
                reader.kill()
            if reader.wait(60) == -9 and is_beside:
                self.counts[self.effect] += 1
        return command, reader

    def check_reader(self, command, reader):
        code = reader.wait(60)
        if code == -9:
            self.counts["readers killed"] += 1
            return
        self.counts["readers"] += 1
        # 1: no such record yet; 10: no store yet; 11: the sync writes the projection, another
        # export the file.
        allowed = {
            "show": (0, 1, 10), "projections": (0, 10, 11), "export": (0, 10, 11),
        }.get(command[0], (0, 10))
        self.assertIn(code, allowed, f"ossync {' '.join(command)}")


KINDS = {kind.kind: kind for kind in (Kills, Freezes, Seconds, Projections, Copies, Readers)}
