"""What the tests of `ossync doctor` have in common."""

import os
import pathlib
import shutil
import subprocess
import tempfile

from harness import BINARY, Answer, Case, end

FOLDER = pathlib.Path(__file__).parent


class Doctors(Case):
    def doctor(self, *arguments, **options):
        """Every finding, the name first; lines without one have None."""
        result = self.ossync("doctor", "--json", *arguments, code=None, **options)
        self.assertEqual(result.last["type"], "summary", str(result))
        self.assertEqual(result.last["exitCode"], result.code, str(result))
        self.assertEqual(result.err, "", str(result))
        found = [one for one in result.objects if one["type"] == "finding"]
        errors = [one for one in found if one["level"] == "error"]
        self.assertEqual(bool(errors), result.code != 0, str(result))
        return result, found


class Findings(Doctors):
    """Tests that are each named after a finding; `appears` takes its name from the test's."""

    @classmethod
    def setUpClass(cls):
        cls.place = tempfile.mkdtemp(prefix="ossync-machine-")
        cls.addClassCleanup(shutil.rmtree, cls.place)
        cls.library = cls.built("machine")

    @classmethod
    def built(cls, name):
        """A library of a C file beside this one."""
        library = f"{cls.place}/{name}.so"
        subprocess.run(
            [shutil.which("clang") or "cc", "-O1", "-shared", "-fPIC", "-o", library,
             str(FOLDER / f"{name}.c")], check=True)
        return library

    @property
    def name(self):
        return self._testMethodName.removeprefix("test_").replace("_", "-")

    def appears(self, *words, code=0, arguments=("--offline",), mended=None, **options):
        """The finding is there, says what is wrong and how to mend it; else nothing is wrong."""
        result, found = self.doctor(*arguments, **options)
        named = [one for one in found if one["finding"] == self.name]
        self.assertTrue(named, str(result))
        self.assertEqual(
            {one["finding"] for one in found} - {None, self.name}, set(), str(result))
        self.assertEqual(result.code, code, str(result))
        for one in named:
            text = f"{one['message']}; {one['hint'] or ''}"
            for word in words:
                self.assertIn(str(word), text)
            self.assertLess(len(text), 500)
        return named[0]

    def vanishes(self, *arguments, **options):
        _, found = self.doctor(*(arguments or ("--offline",)), **options)
        self.assertNotIn(self.name, [one["finding"] for one in found])

    def away(self, **changes):
        """A configuration that needs no server."""
        self.configure("http://127.0.0.1:9/api", **{"rateLimits__requestsPerMinute": 20, **changes})

    def synced(self, *arguments, **changes):
        server = self.ready(
            5, *arguments, **{"rateLimits__requestsPerMinute": 2_000, **changes})
        self.sync()
        return server

    def answers(self, *words, code, **answer):
        server = self.serve(lambda _: Answer(**{"body": {"data": []}, **answer}))
        self.away(api__baseURL=server.url, api__id="one")
        return self.appears(*words, code=code, arguments=())

    def machine(self, **how):
        return {"LD_PRELOAD": self.library,
                **{f"MACHINE_{name.upper()}": str(value) for name, value in how.items()}}

    def as_other(self, *arguments):
        """The findings for a user who is neither root nor the owner."""
        if os.geteuid() != 0:
            self.skipTest("only root can become somebody else")
        self.folder.chmod(0o755)

        def other():
            os.setgroups([])
            os.setgid(4_711)
            os.setuid(4_711)

        try:
            process = subprocess.Popen(
                [BINARY, "doctor", "--json", "--offline", *arguments], cwd=self.folder,
                env=self.environment(), preexec_fn=other, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        except PermissionError:
            self.skipTest("others can't run the program")
        self.addCleanup(end, process)
        result = self.finish(process)
        return result, [one for one in result.objects if one["type"] == "finding"]
