"""What `ossync doctor` can find about a store is made to appear, by a test of its name."""

import fcntl
import lzma
import os
import shutil
import time

from doctors import FOLDER, Findings
from lmdb_pages import Values


class StoreFindings(Findings):
    def test_store_unusable(self):
        self.away()
        self.store.mkdir()
        (self.store / "letters").write_text("of somebody")
        self.appears(self.store, "not an ossync store", "--store", code=12)
        shutil.rmtree(self.store)
        self.store.write_text("a file")
        self.appears(self.store, "this is a file", code=12)
        self.store.unlink()
        (self.store / "log").mkdir(parents=True)
        (self.store / "log/data.mdb").write_bytes(b"z" * 9_000)
        self.appears(self.store, "not an ossync store", code=12)

    def test_store_damaged(self):
        self.synced()
        data = self.store / "log/data.mdb"
        with open(data, "r+b") as file:
            file.truncate(data.stat().st_size // 2)
        self.appears(self.store, "damaged", "restore a backup", code=12)

    def test_store_newer(self):
        self.synced()
        data = self.store / "log/data.mdb"
        values = Values(data)
        offset = next(at for key, at, size in values.named("meta") if key == b"format")
        content = bytearray(data.read_bytes())
        content[offset:offset + 4] = (77).to_bytes(4, "big")
        data.write_bytes(content)
        self.appears("a later ossync", "install that version", code=12)

    def test_store_older(self):
        self.away(api__id="fixture")
        data = self.store / "log/data.mdb"
        data.parent.mkdir(parents=True, mode=0o700)
        data.write_bytes(lzma.decompress((FOLDER / "fixtures" / "format-1.mdb.xz").read_bytes()))
        self.appears("before the first release", "`ossync sync` raises it", code=12)

    def test_store_backup(self):
        self.synced()
        self.ossync("backup", self.folder / "backup")
        self.appears(
            "this is a backup", "ossync restore", code=2,
            arguments=("--offline", "--store", "backup"))

    def test_store_other_api(self):
        server = self.synced()
        self.configure(
            "http://127.0.0.1:9/other", rateLimits__requestsPerMinute=20)
        self.appears(server.url, "http://127.0.0.1:9/other", "--store", code=2)

    def test_store_network(self):
        for magic, kind in ((0x6969, "NFS"), (0xFF534D42, "CIFS")):
            self.away()
            self.appears(kind, "local disk", code=1, env=self.machine(magic=magic))
        self.synced()
        self.appears("NFS", code=1, env=self.machine(magic=0x6969))

    def test_store_unreadable(self):
        self.synced()
        (self.folder / "ossync.yaml").chmod(0o644)
        result, found = self.as_other()
        self.assertEqual(
            [one["finding"] for one in found if one["level"] == "error"], [self.name], str(result))
        self.assertEqual(result.code, 1)
        self.assertIn("run this as the user who made it", found[-1]["hint"])

    def test_store_unwritable(self):
        self.synced()
        (self.folder / "ossync.yaml").chmod(0o644)
        self.store.chmod(0o755)
        for path in self.store.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o666)
        for path in (self.store, *self.store.rglob("*")):
            if path.name not in ("inbox", "logs", "store"):
                os.chown(path, 4_711, 4_711)
        result, found = self.as_other()
        named, = (one for one in found if one["finding"] == self.name)
        self.assertIn(f"{self.store}: this user can't write", named["message"])
        self.assertIn("chown -R", named["hint"])
        self.assertEqual(result.code, 1)
        os.chown(self.store, 4_711, 4_711)
        _, found = self.as_other()
        named, = (one for one in found if one["finding"] == self.name)
        self.assertIn(f"{self.store}/logs: this user can't write", named["message"])
        # Where none can be made.
        self.away(store="./new/store")
        (self.folder / "ossync.yaml").chmod(0o644)
        _, found = self.as_other()
        named, = (one for one in found if one["finding"] == self.name)
        self.assertIn("no store can be made", named["message"])

    def test_store_owners(self):
        if os.geteuid() != 0:
            self.skipTest("only root can give files away")
        self.synced()
        os.chown(self.store / "logs/combined.log", 4_711, 4_711)
        self.appears("combined.log", "user 4711", "chown -R root: ")

    def test_store_exposed(self):
        self.synced()
        for path in (self.store, self.store / "log", self.store / "log/data.mdb"):
            self.vanishes()
            path.chmod(0o755 if path.is_dir() else 0o644)
        self.appears("data.mdb", "other users can read it", "chmod -R go=")

    def test_store_busy(self):
        """By a process that makes no request for others."""
        self.synced()
        with (self.store / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.write("4711\nmachine\nerp\n2026-01-02T03:04:05Z\nlog compact\n")
            lock.flush()
            self.appears("ossync log compact", "pid 4711", code=11, arguments=())
        self.vanishes()

    def test_archive_missing(self):
        self.synced()
        self.ossync("log", "compact", "--before=now")
        self.vanishes()
        shutil.rmtree(self.store / "archive")
        self.appears("events 1 to ", "put it back")

    def test_redaction_unfinished(self):
        self.synced()
        library = self.built("disturb")
        command = ("log", "redact", "3", "--reason", "asked for")
        for number in range(1, 100):
            result = self.killed(
                *command, env={"LD_PRELOAD": library, "DISTURB_KILL": str(number)})
            if self.status()["unfinishedRedaction"] or result.code == 0:
                break
        self.appears("isn't finished", "ossync log redact 3", code=1)
        self.ossync(*command)
        self.vanishes()

    def killed(self, *arguments, **options):
        return self.finish(self.start(*arguments, **options))

    def test_inbox_leftover(self):
        self.synced()
        inbox = self.store / "inbox"
        inbox.mkdir(exist_ok=True)
        left = inbox / ".00000000000000000007-5f"
        left.write_bytes(b"half of")
        # It may be in the making.
        self.vanishes()
        os.utime(left, (time.time() - 120,) * 2)
        self.appears(left.name, "remove it")

    def test_logs_rotated(self):
        self.synced()
        (self.store / "logs/combined.log.3").write_text("ours")
        self.vanishes()
        for name in ("combined.log.1.gz", "combined.log-20261128"):
            (self.store / "logs" / name).write_text("theirs")
        self.appears(
            "combined.log-20261128, combined.log.1.gz", "logrotate", "log.maxBytes")

    def test_metrics_unwritable(self):
        self.synced(metrics={"textfile": "./nowhere/ossync.prom"})
        self.appears("nowhere/ossync.prom", "metrics.textfile")
        (self.folder / "nowhere").mkdir()
        self.vanishes()
