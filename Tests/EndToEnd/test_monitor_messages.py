"""What `ossync monitor` says of the commands that its keys start."""

import unittest

from harness import Answer, orders
from screen import MonitorCase


class Messages(MonitorCase):
    def test_what_a_failed_sync_said_is_shown(self):
        self.ready_with_store(5)
        self.configure("http://127.0.0.1:1/api", store="./ossync-store", retry__attempts=1)
        screen = self.monitor(columns=200, rows=60)
        screen.see("idle")
        screen.press("3")
        text = screen.see("exit 6: ", "(`ossync sync --mode incremental`)", seconds=60)
        self.assertIn("os incremental failed", text)
        screen.press("Tab", "Tab", "Tab")
        screen.see("RequestFailed")
        # `health` says why on standard output.
        screen.press("2")
        text = screen.see("(`ossync health`)", seconds=60)
        self.assertRegex(text, r"exit 6: \S+.* \(`ossync health`\)")

    def test_a_long_reason_is_read_whole_and_before_the_command(self):
        server = self.ready_with_store(5)
        screen = self.monitor()
        screen.see("idle")
        self.configure(
            server.url, store="./ossync-store", aKeyThatThereIsNotAndWhoseNameIsRatherLong=1)
        said = self.ossync("sync", code=2).err.strip().split("\n")[-1]
        reason = said.removeprefix("ossync: ")
        self.assertGreater(len(reason), 80)
        screen.press("3")
        text = screen.see("exit 2: ossync.yaml", "incremental`)")
        # Wherever its lines end.
        self.assertIn("".join(f"exit 2: {reason} (`ossync sync --mode incremental`)".split()),
                      "".join(text.split()))

    def test_some_records_that_failed_are_no_failure_of_the_sync(self):
        good = orders(12)

        def answer(request):
            if request.path.endswith("details") and "7" in request.query["ids"].split(","):
                return Answer({"error": "kaputt"}, 500)
            return good(request)
        server = self.serve(answer)
        self.ossync("init")
        self.configure(server.url, store="./ossync-store")
        screen = self.monitor()
        screen.see("idle")
        screen.press("3")
        screen.see("incremental`: done, but some records failed: see Queue", seconds=60)


if __name__ == "__main__":
    unittest.main()
