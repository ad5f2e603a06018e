"""What `schedule install` leaves for systemd, and takes out again."""

import json
import os
import re
import stat
import subprocess

from test_schedule import ANALYZE, Schedules


class Units(Schedules):
    def setUp(self):
        super().setUp()
        self.units = self.folder / "xdg/systemd/user"
        self.configured({"quarter": {"every": "15m"}, "night": {"cron": "@daily"}})

    def names(self):
        return sorted(path.name for path in self.units.iterdir() if path.is_file())

    def install(self, *arguments, **options):
        return self.ossync("schedule", "install", "--user", "--json", *arguments, **options)

    def fake_systemctl(self, code=0):
        tools = self.folder / "tools"
        tools.mkdir(exist_ok=True)
        program = tools / "systemctl"
        program.write_text(f'#!/bin/sh\necho "$@" >>"{self.folder}/asked"\n'
                           f'[ {code} = 0 ] || echo "no bus" >&2\nexit {code}\n')
        program.chmod(0o755)
        return {"PATH": f"{tools}:{os.environ['PATH']}"}

    def test_units_are_written_once_and_for_everyone_to_read(self):
        done = self.install().last
        self.assertEqual(len(done["written"]), 4)
        self.assertEqual(
            done["commands"],
            ["systemctl --user daemon-reload",
             "systemctl --user enable --now ossync-quarter.timer ossync-night.timer"])
        for path in self.units.iterdir():
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o644)
        self.assertEqual(len(self.names()), 4)
        again = self.install().last
        self.assertEqual((again["written"], len(again["unchanged"])), ([], 4))
        said = self.ossync("schedule", "install", "--user")
        self.assertEqual(said.out, "")
        self.assertIn("loginctl enable-linger", said.err)

    def test_a_service_is_one_unit_in_place_of_the_timers(self):
        self.install()
        tools = self.fake_systemctl()
        done = self.install("--format", "service", "--enable", env=tools).last
        self.assertEqual(self.names(), ["ossync-serve.service"])
        self.assertEqual(len(done["removed"]), 4)
        asked = (self.folder / "asked").read_text().splitlines()
        self.assertEqual(asked, [
            "--user stop ossync-night.timer ossync-quarter.timer", "--user daemon-reload",
            "--user enable --now ossync-serve.service", "--user restart ossync-serve.service"])
        text = (self.units / "ossync-serve.service").read_text()
        for line in ("Type=notify", "WatchdogSec=5min", "ExecReload=/bin/kill -HUP $MAINPID",
                     "WantedBy=default.target"):
            self.assertIn(f"\n{line}\n", text)
        self.assertRegex(text, r"ExecStart=\S+ serve --config \S+ --if-running wait\n")
        if ANALYZE:
            verified = subprocess.run(
                [ANALYZE, "--user", "verify", self.units / "ossync-serve.service"],
                capture_output=True, text=True, check=False)
            self.assertNotIn("ossync-serve", verified.stderr)
        again = self.install("--format", "service").last
        self.assertEqual((again["written"], len(again["unchanged"])), ([], 1))
        self.assertNotIn("restart", " ".join(again["commands"]))
        self.assertIn("a service runs the schedules",
                      self.ossync("doctor", code=None).out)
        back = self.install().last
        self.assertIn("systemctl --user stop ossync-serve.service", back["commands"])
        self.assertEqual(len(self.names()), 4)

    def test_a_service_reads_its_schedules_itself(self):
        self.assert_one_clear_line(
            self.install("--format", "service", "--every", "15m", code=2), "configuration")
        printed = self.printed("--format", "service")
        self.assertIn("Type=notify", printed["files"][0]["text"])
        self.assertEqual([one["name"] for one in printed["schedules"]], ["quarter", "night"])

    def test_a_dry_run_changes_nothing(self):
        done = self.install("--dry-run").last
        self.assertEqual((len(done["written"]), done["dryRun"]), (4, True))
        self.assertFalse(self.units.exists())
        self.assertIn("would be written",
                      self.ossync("schedule", "install", "--system", "--dry-run").out)

    def test_what_the_configuration_lost_is_taken_out(self):
        self.install()
        wants = self.units / "timers.target.wants"
        wants.mkdir()
        (wants / "ossync-night.timer").symlink_to(self.units / "ossync-night.timer")
        (self.units / "ossync-mine.service").write_text("# mine\n")
        self.configured({"quarter": {"every": "30m"}})
        done = self.install().last
        self.assertEqual(len(done["removed"]), 2)
        self.assertIn("systemctl --user stop ossync-night.timer", done["commands"])
        self.assertEqual(
            self.names(), ["ossync-mine.service", "ossync-quarter.service", "ossync-quarter.timer"])
        self.assertEqual(list(wants.iterdir()), [])
        self.assertIn("*:00,30:00", (self.units / "ossync-quarter.timer").read_text())
        self.assertEqual(len(self.install("--remove").last["removed"]), 2)
        self.assertEqual(self.names(), ["ossync-mine.service"])

    def test_units_of_others_are_left_alone(self):
        self.units.mkdir(parents=True)
        for text in ("# mine\n", None):
            path = self.units / "ossync-night.timer"
            path.unlink(missing_ok=True)
            if text:
                path.write_text(text)
            else:
                path.symlink_to("/dev/null")
            self.assert_one_clear_line(
                self.install(code=1), "ossync-night.timer", "already", "another name")
            self.assertEqual(self.names(), ["ossync-night.timer"] if text else [])
        path.unlink()
        self.install()
        self.assert_one_clear_line(
            self.install("--store", "other", code=1), "ossync-quarter.service", "other")
        self.assertEqual(self.install("--remove", "--store", "other").last["removed"], [])

    def test_enable_runs_systemctl(self):
        done = self.install("--enable", env=self.fake_systemctl()).last
        self.assertEqual(done["commands"], [])
        self.assertEqual(
            (self.folder / "asked").read_text().splitlines(),
            ["--user daemon-reload", "--user enable --now ossync-quarter.timer ossync-night.timer"])
        self.assert_one_clear_line(
            self.install("--enable", code=1, env=self.fake_systemctl(code=1)),
            "systemctl --user daemon-reload", "no bus")

    def test_what_was_changed_is_told_where_systemctl_fails(self):
        self.install()
        self.configured({"quarter": {"every": "30m"}})
        result = self.install("--enable", code=1, env=self.fake_systemctl(code=1))
        # A timer that may go on has its file still.
        self.assertEqual(len(self.names()), 4)
        done = result.last
        self.assertEqual((done["exitCode"], done["removed"]), (1, []))
        self.assertEqual(len(done["written"]), 1)
        self.assertEqual(
            done["commands"][0], "systemctl --user stop ossync-night.timer")
        self.assertIn("no bus", result.err)
        done = self.install("--enable", env=self.fake_systemctl()).last
        self.assertEqual((len(done["removed"]), done["commands"]), (2, []))
        self.assertEqual(
            (self.folder / "asked").read_text().splitlines()[-3:],
            ["--user stop ossync-night.timer", "--user daemon-reload",
             "--user enable --now ossync-quarter.timer"])

    def test_a_store_is_the_same_by_a_link(self):
        self.store.mkdir()
        self.install()
        (self.folder / "link").symlink_to(self.store)
        done = self.install("--store", self.folder / "link").last
        self.assertEqual((len(done["written"]), done["removed"]), (4, []))
        self.assertEqual(len(self.install("--remove").last["removed"]), 4)
        self.assertEqual(self.names(), [])

    def test_the_file_of_the_environment_must_be_there(self):
        result = self.install("--environment-file", "nowhere", code=2)
        self.assert_one_clear_line(result, "--environment-file", "nowhere", "chmod 600")
        self.assertFalse(self.units.exists())

    def test_a_configuration_of_the_environment_alone_is_none_for_a_run(self):
        (self.folder / "ossync.yaml").unlink()
        result = self.install(
            "--every", "15m", code=2, env={"OSSYNC_BASE_URL": "http://127.0.0.1:9/api"})
        self.assert_one_clear_line(result, "no such file", "ossync init")
        self.write("ossync.yaml", "api: { baseURL: http://127.0.0.1:9/api }\n")
        result = self.install("--every", "15m", code=2)
        self.assert_one_clear_line(result, "streams")
        self.assertFalse(self.units.exists())

    def test_nothing_is_installed_that_could_only_fail(self):
        (self.folder / "ossync.yaml").unlink()
        self.assert_one_clear_line(
            self.install("--every", "15m", code=2), "ossync.yaml", "ossync init")
        self.assertFalse(self.units.exists())

    def test_the_command_of_the_unit_runs(self):
        self.ready(20)
        tree = json.loads((self.folder / "ossync.yaml").read_text())
        tree["schedules"] = {"quarter": {"every": "15m"}}
        self.write("ossync.yaml", json.dumps(tree))
        self.install()
        text = (self.units / "ossync-quarter.service").read_text()
        words = re.search("^ExecStart=(.*)$", text, re.M)[1].split()
        done = subprocess.run(
            words, cwd="/", env={"HOME": str(self.folder)}, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        self.assertEqual(self.status()["records"]["withDetails"], 20)
