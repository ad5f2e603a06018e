"""Stores that earlier releases wrote: read, checked, replayed, rebuilt, and gone on with."""

import lzma
import pathlib

from harness import Case

FIXTURES = pathlib.Path(__file__).resolve().parent / "fixtures"


class Earlier(Case):
    """60 records, of which 13 fails and 57 is missing; refusals, a pause, then record 7 changed."""

    def setUp(self):
        super().setUp()
        self.server = self.ready(60, "--poison", 13, "--missing", 57, api__id="fixture")
        self.server.touch(7)
        self.data = self.store / "log" / "data.mdb"
        self.data.parent.mkdir(parents=True)
        self.bytes = lzma.decompress((FIXTURES / "format-2.mdb.xz").read_bytes())
        self.data.write_bytes(self.bytes)

    def test_format_2_is_read_as_it_is(self):
        status = self.status()
        self.assertEqual(status["records"]["total"], 60)
        self.assertEqual(status["queue"]["parked"], 2)
        summary = self.ossync("replay", "--verify", "--json").last
        self.assertEqual(summary["verification"]["divergences"], 0)
        self.assertEqual(summary["position"], status["position"])
        self.assertTrue(self.ossync("log", "verify", "--json").last["ok"])
        self.assertEqual(self.ossync("why", "13", "--json").last["state"], "parked")
        self.ossync("projections", "rebuild", "os")
        self.assertTrue(self.ossync("projections", "verify", "--json").last["ok"])
        self.assertEqual(len(self.ossync("export", "csv").out.splitlines()), 61)
        self.assertEqual(self.data.read_bytes(), self.bytes, "nothing was written to it")

    def test_a_sync_goes_on_with_it(self):
        before = self.events()
        self.server.append(5)
        self.sync(code=(0, 3))
        self.assertEqual(self.status()["records"]["total"], 65)
        self.assertEqual(self.events()[: len(before)], before)
        self.assertTrue(self.ossync("log", "verify", "--json").last["ok"])
        self.assertEqual(
            self.ossync("replay", "--verify", "--json").last["verification"]["divergences"], 0)
        self.assertEqual(self.status()["records"]["withDetails"], 63)
