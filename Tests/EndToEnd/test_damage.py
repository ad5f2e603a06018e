"""`log verify` finds a flipped byte wherever it is in an event, and says where."""

from harness import QUICK, Case
from lmdb_pages import Values

HEADER = 64
ALLOWED = (0, 2, 10, 12, 130, 143)


class Damage(Case):
    def setUp(self):
        super().setUp()
        server = self.ready(120, "--poison", 7, list__paging__size=50)
        self.sync(code=3)
        self.sync("--mode", "full", code=(0, 3))
        self.ossync("queue", "drop", "7")
        self.ossync("health")
        server.stop()
        self.data = self.store / "log/data.mdb"
        self.good = self.data.read_bytes()
        self.events = [
            (int.from_bytes(key, "big"), offset, size)
            for key, offset, size in Values(self.data).named("events")]
        self.types = {event["position"]: event["event"] for event in super().events()}

    def flip(self, offset, mask):
        damaged = bytearray(self.good)
        damaged[offset] ^= mask
        self.data.write_bytes(damaged)

    def check(self):
        return self.ossync("log", "verify", "--json", code=ALLOWED, timeout=30)

    def sample(self):
        """Offsets of every type of event: in the header all, in the payload a few."""
        seen, picked = {}, []
        for position, offset, size in self.events:
            kind = self.types[position]
            seen[kind] = seen.get(kind, 0) + 1
            if seen[kind] > (1 if QUICK else 2):
                continue
            inside = list(range(HEADER))
            payload = list(range(HEADER, size))
            if QUICK:
                inside = self.random.sample(inside, 2)
                payload = self.random.sample(payload, min(2, len(payload)))
            elif len(payload) > 20:
                payload = self.random.sample(payload, 20)
            picked += [(position, kind, offset, at) for at in inside + payload]
        return picked

    def test_a_flipped_byte_of_an_event_is_found_at_its_position(self):
        self.assertEqual(len(self.events), max(self.types))
        for position, kind, offset, at in self.sample():
            with self.subTest(position=position, event=kind, byte=at):
                self.flip(offset + at, self.random.randrange(1, 256))
                result = self.check()
                self.assertEqual(result.code, 12)
                named = [o["position"] for o in result.objects if o["type"] == "problem"]
                self.assertIn(position, named)
        self.data.write_bytes(self.good)
        self.assertEqual(self.check().code, 0)

    def test_every_byte_of_a_header_matters(self):
        position, offset, _ = self.events[len(self.events) // 2]
        for at in self.random.sample(range(HEADER), 20) if QUICK else range(HEADER):
            with self.subTest(byte=at):
                self.flip(offset + at, 1 << self.random.randrange(8))
                result = self.check()
                self.assertEqual(result.code, 12)
                self.assertIn(
                    position, [o.get("position") for o in result.objects if o["type"] == "problem"])

    def test_a_flipped_byte_of_a_key_chain_or_state_is_found(self):
        values = Values(self.data)
        for name in ("commits", "control", "records", "ids", "queue", "meta"):
            entries = values.named(name)
            for _ in range(3 if QUICK else 30):
                if not entries:
                    continue
                key, offset, size = self.random.choice(entries)
                if not size:
                    continue
                at = self.random.randrange(size)
                with self.subTest(database=name, key=key.hex(), byte=at):
                    self.flip(offset + at, 1 << self.random.randrange(8))
                    self.assertEqual(self.check().code, 12)

    def test_any_flipped_byte_anywhere_never_hangs_or_crashes(self):
        for _ in range(20 if QUICK else 500):
            offset = self.random.randrange(len(self.good))
            with self.subTest(offset=offset):
                self.flip(offset, self.random.randrange(1, 256))
                self.check()

    def test_scrambled_pages_never_hang_or_crash(self):
        for _ in range(10 if QUICK else 200):
            damaged = bytearray(self.good)
            page = self.random.randrange(len(damaged) // 4096) * 4096
            damaged[page:page + 4096] = self.random.randbytes(4096)
            self.data.write_bytes(damaged)
            with self.subTest(page=page):
                self.check()

    def test_a_database_whose_root_is_no_page_is_damage_to_all_commands(self):
        for name, offset in Values(self.data).records():
            # The root is the last of a database's fields; this one is beyond the file.
            damaged = bytearray(self.good)
            damaged[offset + 40:offset + 48] = (0xFFFFFF).to_bytes(8, "little")
            self.data.write_bytes(damaged)
            self.assertEqual(self.check().code, 12)
            for arguments in (
                    ["status"], ["log", "show"], ["export", "ndjson"], ["show", "3"],
                    ["queue", "list"], ["sync"]):
                with self.subTest(database=name, arguments=arguments):
                    # It may do without the database. Nobody serves: then a sync ends with 6.
                    allowed = (12, 6) if arguments == ["sync"] else (12, 0)
                    self.ossync(*arguments, "--json", code=allowed)

    def test_other_commands_do_not_crash_on_a_damaged_event(self):
        for position, offset, size in self.events[::31 if QUICK else 7]:
            self.flip(offset + self.random.randrange(size), 0x55)
            for arguments in (["log", "show"], ["status"], ["export", "ndjson"], ["show", "3"]):
                with self.subTest(position=position, arguments=arguments):
                    result = self.ossync(*arguments, "--json", code=(0, 12))
                    if result.code:
                        self.assert_one_clear_line(result, "position")

    def test_the_head_is_stable_and_printed(self):
        first, second = self.check().last, self.check().last
        self.assertEqual(first, second)
        self.assertRegex(first["head"], r"^[0-9a-f]{64}$")
        self.assertEqual(first["events"], len(self.events))
        self.assertIn(first["head"], self.ossync("log", "verify").out)


class Misplaced(Case):
    """Pages that changed places: each of them is sound, and what was asked for isn't there."""

    def test_a_record_that_is_out_of_reach_is_not_called_unknown(self):
        server = self.ready(1_500)
        self.sync("--no-details")
        server.stop()
        data = self.store / "log/data.mdb"
        good = data.read_bytes()
        size = Values(data).page
        identities = {}
        for key, offset, _ in Values(data).named("ids"):
            identities.setdefault(offset // size, []).append(key[2:].decode())
        others = [page for page in range(2, len(good) // size) if page not in identities]
        self.assert_one_clear_line(self.ossync("show", "1501", code=1), "there is no record")
        for number in range(8 if QUICK else 80):
            first, second = self.random.sample(sorted(identities), 2)
            allowed = (12,)
            if number % 2:
                # It may be an older page of the same records.
                second, allowed = self.random.choice(others), (0, 12)
            damaged = bytearray(good)
            for place, page in ((first, second), (second, first)):
                damaged[place * size:(place + 1) * size] = good[page * size:(page + 1) * size]
            data.write_bytes(damaged)
            one = self.random.choice(identities[first])
            with self.subTest(pages=(first, second), id=one):
                self.ossync("show", one, "--json", code=allowed)
