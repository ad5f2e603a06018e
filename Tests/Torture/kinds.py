"""The kinds of rounds: what is done to a sync, and to whom it must make no difference."""

import os
import shutil
import signal
import subprocess
import time

from rounds import Chain, Round


class Kills(Round):
    """SIGKILL at a random moment: of the start, the recovery, a request, a commit."""

    kind = "kills"

    def disturb(self, process):
        self.moment()
        self.kill(process)


class Freezes(Round):
    """SIGSTOP, then SIGCONT; readers don't notice, another run is refused, a copy is whole."""

    kind = "freezes"

    def disturb(self, process):
        for _ in range(self.random.randrange(1, 4)):
            self.moment()
            if process.poll() is not None:
                break
            process.send_signal(signal.SIGSTOP)
            self.counts["freezes"] += 1
            if os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT).si_code \
                    == os.CLD_STOPPED:
                self.while_frozen(process)
            process.send_signal(signal.SIGCONT)
        if self.random.random() < 0.5:
            self.moment()
            self.kill(process)

    def while_frozen(self, process):
        pick = self.random.random()
        if not (self.store / "log/data.mdb").exists():
            return
        if pick < 0.25:
            self.assertEqual(self.ossync("log", "verify", "--json").last["problems"], 0)
        elif pick < 0.5:
            self.status()
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

    def disturb(self, process):
        for _ in range(self.random.randrange(1, 4)):
            self.moment()
            self.second(process)
        if self.random.random() < 0.4:
            self.moment()
            self.kill(process)

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
        process = self.start(*arguments, "--json")
        if choice == "wait":
            # It waits in steps of a second; that is a long time here.
            time.sleep(self.random.uniform(0, 0.2))
            process.kill()
            # It may have had the store by then.
            self.counts["kills"] += self.finish(process).code == -9
            return
        result = self.finish(process)
        if result.code == 11 or (choice == "skip" and result.last.get("reason") == "skipped"):
            self.counts["refused" if result.code == 11 else "skipped"] += 1
            return
        # The first one ended, or had not begun, before the second one tried.
        self.assertIn(result.code, (0, 3), str(result))
        self.counts["second runs that had the store"] += 1


class Projections(Round):
    """The projections' folder is deleted, or files of it damaged, while a sync runs."""

    kind = "projections"

    def disturb(self, process):
        for _ in range(self.random.randrange(1, 5)):
            self.moment()
            self.spoil()
        if self.random.random() < 0.4:
            self.moment()
            self.kill(process)

    def spoil(self):
        folder = self.store / "projections"
        if not folder.exists():
            return
        pick = self.random.random()
        if pick < 0.6:
            shutil.rmtree(folder, ignore_errors=True)
        elif pick < 0.8:
            (folder / "os.current").unlink(missing_ok=True)
        else:
            for generation in folder.glob("os-*"):
                shutil.rmtree(generation, ignore_errors=True)
        self.counts["projections spoiled"] += 1


class Copies(Round):
    """The store is copied while a sync writes it: a prefix of it, or clearly refused."""

    kind = "copies"

    def disturb(self, process):
        for _ in range(self.random.randrange(1, 4)):
            self.moment()
            if not (self.store / "log/data.mdb").exists():
                continue
            self.counts["copies"] += 1
            copy = self.folder / f"copy-{self.counts['copies']}"
            if self.random.random() < 0.5:
                subprocess.run(
                    ["cp", "-r", self.store, copy], stderr=subprocess.DEVNULL, check=False)
            else:
                self.copy_slowly(copy)
            self.check_copy(copy)
            shutil.rmtree(copy, ignore_errors=True)
        if self.random.random() < 0.4:
            self.moment()
            self.kill(process)

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
            self.seen.append(Chain(copy / "log/data.mdb"))
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
        for _ in range(self.random.randrange(2, 7)):
            time.sleep(self.random.uniform(0, self.plan.seconds / 2))
            command = self.random.choice(self.COMMANDS)
            # To a file that nobody reads, so that none of them waits for us.
            reader = self.start(
                *command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            readers.append((command, reader))
            time.sleep(self.random.uniform(0, 0.08))
            if self.random.random() < 0.7 or "--follow" in command:
                reader.kill()
        for command, reader in readers:
            code = reader.wait(60)
            if code == -9:
                self.counts["readers killed"] += 1
                continue
            self.counts["readers"] += 1
            # 1: no such record yet; 10: no store yet; 11: the sync writes the projection, another
            # export the file.
            allowed = {
                "show": (0, 1, 10), "projections": (0, 10, 11), "export": (0, 10, 11),
            }.get(command[0], (0, 10))
            self.assertIn(code, allowed, f"ossync {' '.join(command)}")
        if self.random.random() < 0.4:
            self.moment()
            self.kill(process)


KINDS = {kind.kind: kind for kind in (Kills, Freezes, Seconds, Projections, Copies, Readers)}
