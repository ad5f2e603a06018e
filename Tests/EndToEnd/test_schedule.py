"""Schedules: what `schedule print` says and `schedule install` leaves, against Python's own time
zones, systemd's programs and a crontab that is a file."""

import datetime
import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest
import zoneinfo

from harness import BINARY, Case

ANALYZE = shutil.which("systemd-analyze")
UTC = datetime.timezone.utc
MINUTE = datetime.timedelta(minutes=1)


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class Schedules(Case):
    def configured(self, schedules, **changes):
        tree = self.configure("http://127.0.0.1:9/api", **changes)
        tree["schedules"] = schedules
        self.write("ossync.yaml", json.dumps(tree))

    def printed(self, *arguments, **options):
        return self.ossync("schedule", "print", "--json", *arguments, **options).last

    def next_times(self, *arguments):
        """The next times of the one schedule: by its clocks, and in UTC."""
        times = self.printed(*arguments)["schedules"][0]["next"]
        return [(moment(one["local"]), moment(one["utc"])) for one in times]


class Times(Schedules):
    """Against a walk through every minute, with another reader of the same files."""

    ZONES = ("America/Sao_Paulo", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
             "Asia/Kolkata", "UTC")

    def zone(self, name):
        try:
            return zoneinfo.ZoneInfo(name)
        except zoneinfo.ZoneInfoNotFoundError:
            self.skipTest("no time zone database is installed")

    def walk(self, first, last, zone, hour, minute):
        """Each time that `minute hour * * *` comes, by the rule of cron(8)."""
        found, now = [], first - datetime.timedelta(days=1)
        highest = now.astimezone(zone).replace(tzinfo=None) - MINUTE
        while now <= last:
            shown = now.astimezone(zone).replace(tzinfo=None)
            while highest < shown:
                highest += MINUTE
                if (highest.hour, highest.minute) == (hour, minute) and found[-1:] != [now]:
                    found.append(now)
            now += MINUTE
        return [one for one in found if first <= one <= last]

    def test_daily_times_of_more_than_a_year(self):
        for name in self.ZONES:
            zone = self.zone(name)
            hour, minute = self.random.choice([(0, 30), (2, 0), (2, 30), (1, 59)])
            with self.subTest(zone=name, hour=hour, minute=minute):
                times = self.next_times(
                    "--cron", f"{minute} {hour} * * *", "--time-zone", name, "--next", 400)
                self.assertEqual(len(times), 400)
                utc = [one for _, one in times]
                self.assertEqual(utc, self.walk(utc[0], utc[-1], zone, hour, minute))
                for local, one in times:
                    self.assertEqual(local, one)
                    self.assertEqual(local.utcoffset(), one.astimezone(zone).utcoffset())

    def test_wildcards_go_by_elapsed_time(self):
        zone = self.zone("Europe/Berlin")
        times = self.next_times(
            "--cron", "*/30 * * * *", "--time-zone", "Europe/Berlin", "--next", 10_000)
        utc = [one for _, one in times]
        steps = {later - sooner for sooner, later in zip(utc, utc[1:])}
        self.assertEqual(steps, {datetime.timedelta(minutes=30)})
        self.assertEqual({one.astimezone(zone).minute for one in utc}, {0, 30})

    def test_every_is_a_multiple_since_the_epoch(self):
        for every, seconds in (("15m", 900), ("7m", 420), ("5h", 18_000), ("2d", 172_800)):
            times = self.next_times("--every", every, "--next", 20)
            self.assertEqual({one.timestamp() % seconds for _, one in times}, {0})
            gaps = {(b - a).total_seconds() for (_, a), (_, b) in zip(times, times[1:])}
            self.assertEqual(gaps, {seconds})

    @unittest.skipUnless(ANALYZE, "systemd-analyze is not installed")
    def test_calendar_events_are_the_same_times(self):
        self.zone("Europe/Berlin")
        for cron, zone in (
                ("*/15 * * * *", "UTC"), ("30 2 * * *", "Asia/Kolkata"), ("0 */6 * * *", "UTC"),
                ("0,30 8-18/2 * * mon-fri", "UTC"), ("15 4 1,15 * 3", "UTC"),
                ("10-50/20 0 */10 1,3 1", "UTC"), ("1,2,3,9 23 31 * *", "America/Bogota"),
                ("0 0 29 2 *", "UTC"), ("0 12 * 1-6 7", "Europe/Berlin")):
            with self.subTest(cron=cron, zone=zone):
                shown = self.printed("--cron", cron, "--time-zone", zone, "--next", 12)["schedules"]
                ours = [one["utc"] for one in shown[0]["next"]]
                timer = shown[0]["files"][1]["text"]
                theirs = set()
                for event in re.findall("^OnCalendar=(.*)$", timer, re.M):
                    theirs |= self.elapses(event)
                self.assertEqual(ours, sorted(theirs)[:12])

    def elapses(self, event):
        done = subprocess.run(
            [ANALYZE, "calendar", "--iterations=12", event], capture_output=True, text=True,
            env={**os.environ, "TZ": "UTC", "LC_ALL": "C.UTF-8"})
        self.assertEqual(done.returncode, 0, done.stderr)
        found = re.findall(
            r"(?:Next elapse|Iter\. #\d+|\(in UTC\)): \w{3} (\S+) (\S+) UTC", done.stdout)
        self.assertTrue(found, done.stdout)
        return {f"{day}T{time}Z" for day, time in found}


class Printing(Schedules):
    def test_a_first_time_user_gets_a_line_at_once(self):
        result = self.ossync("schedule", "print", "--format", "cron", "--every", "15m")
        line = next(one for one in result.out.splitlines() if one.startswith("*/15"))
        config = self.folder.resolve() / "ossync.yaml"
        self.assertEqual(
            line, f"*/15 * * * * {os.path.realpath(BINARY)} sync --mode incremental --config "
            f"{config} --quiet --if-running skip")
        self.assertIn("ossync init", result.err)
        self.assertIn("CRON_TZ=UTC", result.out)
        self.assertEqual(len(re.findall(r"^#   \S+\+00:00  \S+Z$", result.out, re.M)), 5)

    def test_without_any_schedule_it_says_what_to_do(self):
        self.configured({})
        self.assert_one_clear_line(
            self.ossync("schedule", "print", code=2), "ossync.yaml", "no schedules", "--every 15m")
        self.configured({"quarter": {"every": "15m"}})
        self.assert_one_clear_line(
            self.ossync("schedule", "print", "--every", "1h", code=2), "has schedules")

    def test_what_is_wrong_with_a_flag_is_told(self):
        for arguments, words in (
                (("--every", "soon"), "15m"), (("--every", "90s"), "whole minutes"),
                (("--cron", "0 25 * * *"), 'hour "25"'), (("--cron", "0 0 31 2 *"), "never comes"),
                (("--cron", "@daily", "--time-zone", "Mars/Base"), "Mars/Base"),
                (("--cron", "@daily", "--time-zone", "/etc/localtime"), "not a time zone"),
                (("--every", "1h", "--cron", "@daily"), "not both"),
                (("--mode", "full"), "--every"),
                (("--time-zone", "UTC"), "--cron"), (("--every", "1h", "--next", "-1"), "--next"),
                (("--every", "7m", "--format", "cron"), "divisor"),
                (("--every", "1h", "--format", "cron", "--user"), "systemd")):
            with self.subTest(arguments=arguments):
                result = self.ossync("schedule", "print", *arguments, code=2)
                self.assert_one_clear_line(result, words)

    def test_units_say_all_that_a_run_needs(self):
        self.configured({
            "quarter": {"every": "15m", "jitter": "30s", "maxDuration": "14m", "patience": "10m"},
            "night": {"cron": "30 2 * * *", "mode": "full", "overlap": "queue", "catchUp": False}})
        shown = self.printed("--user")["schedules"]
        files = {pathlib.Path(file["path"]).name: file["text"]
                 for schedule in shown for file in schedule["files"]}
        self.assertEqual(
            sorted(files), ["ossync-night.service", "ossync-night.timer", "ossync-quarter.service",
                            "ossync-quarter.timer"])
        self.assertIn(" --mode incremental ", files["ossync-quarter.service"])
        self.assertIn(" --if-running skip --max-duration 14m --patience 10m\n",
                      files["ossync-quarter.service"])
        self.assertIn(" --mode full ", files["ossync-night.service"])
        self.assertIn(" --if-running wait\n", files["ossync-night.service"])
        for name, lines in (
                ("ossync-quarter.service", ("Type=oneshot", "SuccessExitStatus=5 143")),
                ("ossync-quarter.timer", ("OnCalendar=*-*-* *:00/15:00 UTC", "Persistent=true",
                                          "RandomizedDelaySec=30s", "WantedBy=timers.target")),
                ("ossync-night.timer", ("OnCalendar=*-*-* 02:30:00 UTC", "Persistent=false"))):
            for line in lines:
                self.assertIn(line, files[name].splitlines())
        self.assertNotIn("RandomizedDelaySec", files["ossync-night.timer"])

    def test_what_cron_cannot_do_is_refused(self):
        self.configured({"night": {"every": "1h", "overlap": "queue"}})
        self.assert_one_clear_line(
            self.ossync("schedule", "print", "--format", "cron", code=2), "night", "pile up")

    def test_another_store_is_passed_on(self):
        self.configured({"quarter": {"every": "15m"}})
        own = self.printed()["schedules"][0]["files"][0]["text"]
        self.assertNotIn("--store", own)
        other = self.printed("--store", "other")["schedules"][0]["files"][0]["text"]
        self.assertIn(f"--store {self.folder.resolve()}/other --quiet", other)

    @unittest.skipUnless(ANALYZE, "systemd-analyze is not installed")
    def test_systemd_finds_nothing_wrong_with_strange_paths(self):
        place = self.folder / "a b%n $HOME \"q\" it's \\x;"
        place.mkdir()
        self.configured({"quarter": {"every": "15m", "jitter": "30s"}, "odd": {"every": "7m"}})
        shutil.move(self.folder / "ossync.yaml", place / "ossync.yaml")
        for scope in ("--user", "--system"):
            shown = self.printed("--config", place / "ossync.yaml", scope)["schedules"]
            units = self.folder / f"units{scope}"
            units.mkdir()
            for file in (file for schedule in shown for file in schedule["files"]):
                (units / pathlib.Path(file["path"]).name).write_text(file["text"])
            done = subprocess.run(
                [ANALYZE, "verify", "--man=no", *map(str, units.iterdir())], capture_output=True,
                text=True, env={**os.environ, "LC_ALL": "C.UTF-8"})
            complaints = [line for line in done.stderr.splitlines() if str(units) in line]
            self.assertEqual((done.returncode, complaints), (0, []), done.stderr)
            self.assertNotIn("ossync", done.stderr)

    def test_the_shell_behind_cron_gets_the_same_words(self):
        """Whether cron takes the backslash before a % away, or leaves it to the shell."""
        place = self.folder / "a b%n $HOME \"q\" it's;"
        place.mkdir()
        self.configured({"quarter": {"every": "15m"}})
        shutil.move(self.folder / "ossync.yaml", place / "ossync.yaml")
        environment = place / "se%cret.env"
        environment.write_text("TOLD=yes\n")
        crontab = self.printed(
            "--config", place / "ossync.yaml", "--format", "cron", "--environment-file",
            environment)["crontab"]
        line = next(one for one in crontab.splitlines() if one.startswith("*/15"))
        command = line.split(" ", 5)[5].replace(os.path.realpath(BINARY), "/usr/bin/printenv TOLD;"
                                                " printf '%s\\n'", 1)
        self.assertNotRegex(line, r"(?<!\\)%")
        for text in (command, command.replace("\\%", "%")):
            done = subprocess.run(["/bin/sh", "-c", text], capture_output=True, text=True)
            words = done.stdout.splitlines()
            self.assertEqual(words[0], "yes", done.stderr)
            self.assertEqual(words[words.index("--config") + 1],
                             str(place.resolve() / "ossync.yaml"))

    def test_no_secret_gets_out_but_the_names_of_variables(self):
        secret = "canary-7d1c2a9e55"
        self.configured(
            {"quarter": {"every": "15m"}},
            api__auth={"type": "bearer", "token": {"env": "ERP_TOKEN"}},
            api__headers={"X-Key": secret})
        for arguments in ((), ("--format", "cron")):
            for json_flag in ((), ("--json",)):
                result = self.ossync(
                    "schedule", "print", *arguments, *json_flag,
                    env={"ERP_TOKEN": secret, "OSSYNC_REQUESTS_PER_HOUR": "77"})
                self.assertNotIn(secret, result.out + result.err)
                self.assertIn("ERP_TOKEN, OSSYNC_REQUESTS_PER_HOUR", result.out)
        files = self.printed("--environment-file", "erp.env")["schedules"][0]["files"]
        self.assertIn(f"\nEnvironmentFile={self.folder.resolve()}/erp.env\n", files[0]["text"])
        self.assertNotIn("ERP_TOKEN", files[0]["text"])


class Crontab(Schedules):
    """A `crontab` that keeps its lines in a file, as the real one does for its user."""

    MINE = "MAILTO=me\n# mine\n*/5 * * * *\tthing \\% \u00e9\n\n"

    def setUp(self):
        super().setUp()
        self.table = self.folder / "table"
        tools = self.folder / "tools"
        tools.mkdir()
        (tools / "crontab").write_text(f"""#!/bin/sh
        case $1 in
            -l) [ -e "{self.table}" ] || {{ echo "no crontab for me" >&2; exit 1; }}
                [ -r "{self.table}/" ] && {{ echo "it is locked" >&2; exit 1; }}
                cat "{self.table}" ;;
            -) cat >"{self.table}.new" && mv "{self.table}.new" "{self.table}"
               echo x >>"{self.folder}/writes" ;;
            *) exit 2 ;;
        esac
        """)
        (tools / "crontab").chmod(0o755)
        self.tools = {"PATH": f"{tools}:{os.environ['PATH']}"}
        self.configured({"quarter": {"every": "15m"}, "night": {
            "cron": "30 2 * * *", "timeZone": "UTC", "mode": "full"}})

    def install(self, *arguments, **options):
        return self.ossync(
            "schedule", "install", "--format", "cron", "--json", *arguments, env=self.tools,
            **options)

    def test_the_first_lines_of_an_empty_crontab(self):
        self.assertEqual(self.install().last["written"], ["crontab"])
        lines = self.table.read_text().splitlines()
        self.assertTrue(lines[0].startswith("# BEGIN ossync schedules of "))
        self.assertTrue(lines[-1].startswith("# END ossync schedules of "))
        self.assertEqual(
            [line.split(" /")[0] for line in lines if line[0] != "#"],
            ["CRON_TZ=UTC", "*/15 * * * *", "CRON_TZ=UTC", "30 2 * * *"])

    def test_everything_else_stays_as_it_was(self):
        self.table.write_text(self.MINE)
        self.install()
        first = self.table.read_bytes()
        self.assertTrue(first.startswith(self.MINE.encode()))
        self.assertEqual(self.install().last["unchanged"], ["crontab"])
        self.assertEqual((self.folder / "writes").read_text().count("x"), 1)
        self.install("--store", "other")
        self.configured({"quarter": {"every": "30m"}})
        self.assertIn("written", self.install("--dry-run").out)
        self.assertEqual((self.folder / "writes").read_text().count("x"), 2)
        self.install()
        text = self.table.read_text()
        self.assertEqual((text.count("# BEGIN"), text.count("*/15"), text.count("*/30")), (2, 1, 1))
        self.install("--remove")
        self.install("--remove", "--store", "other")
        self.assertEqual(self.table.read_bytes(), self.MINE.encode())

    def test_a_crontab_that_cannot_be_read_is_not_written(self):
        self.table.mkdir()
        self.assert_one_clear_line(self.install(code=1), "nothing was changed", "it is locked")
        self.assertFalse((self.folder / "writes").exists())
        self.assert_one_clear_line(
            self.ossync("schedule", "install", "--format", "cron", code=1,
                        env={"PATH": str(self.folder)}), "crontab", "--format")

    def test_a_broken_block_is_not_guessed_at(self):
        self.install()
        text = self.table.read_text()
        self.table.write_text(text.rsplit("# END", 1)[0] + self.MINE)
        before = self.table.read_bytes()
        self.assert_one_clear_line(self.install(code=1), "END", "crontab -e")
        self.assertEqual(self.table.read_bytes(), before)
