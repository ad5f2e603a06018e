#!/usr/bin/env python3
"""Tortures the built binary: syncs that are killed, frozen, disturbed; then store and server must
be alike. `tools/torture` builds it and calls this.

    run.py KIND [--rounds N] [--seed S] [--minutes M] [--round R] [--jobs J] [--keep FOLDER]

KIND is kills, freezes, seconds, projections, copies, readers, or all (half of its rounds are
kills). A round's draws are repeatable; real processes meet them at slightly different moments.
"""

import argparse
import collections
import concurrent.futures
import math
import os
import pathlib
import random
import signal
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True


class Parser(argparse.ArgumentParser):
    """Usage errors are one line and exit 2."""

    def error(self, message):
        self.exit(2, f"torture: {message}\n")


def count(text):
    """A whole number from 1."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from 1")
    return int(text)


def minutes(text):
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"'{text}' is no number above 0")
    return value


def folder(text):
    if not (os.path.isdir(text) and os.access(text, os.W_OK | os.X_OK)):
        raise argparse.ArgumentTypeError(f"'{text}' is no folder that can be written")
    return os.path.abspath(text)


def new_folder(text):
    try:
        os.makedirs(text, exist_ok=True)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"'{text}': {error.strerror}") from None
    return folder(text)


def parsed():
    parser = Parser(
        prog="tools/torture", description=__doc__.partition("\n\n")[0], allow_abbrev=False,
        epilog="all: half of the rounds are kills, the others one of the further kinds")
    parser.add_argument("kind", choices=[
        "kills", "freezes", "seconds", "projections", "copies", "readers", "all"])
    parser.add_argument("--rounds", type=count, default=50)
    parser.add_argument("--seed", type=int, help="of all draws; by default a new one")
    parser.add_argument("--minutes", type=minutes, help="begin no round after so many minutes")
    parser.add_argument("--round", type=count, help="only this one of the rounds")
    parser.add_argument("--jobs", type=count, default=(os.cpu_count() or 1) + 1)
    parser.add_argument(
        "--keep", type=new_folder, help="where the folder of a round that fails is copied to")
    parser.add_argument(
        "--folder", type=folder, help="where the stores are; by default in memory, if possible")
    options = parser.parse_args()
    if options.round and options.round > options.rounds:
        parser.error(f"--round {options.round}: there are {options.rounds} rounds")
    if options.seed is None:
        options.seed = random.randrange(1, 1 << 32)
    # Kills and freezes don't depend on the disk, so it need not be worn out.
    memory = "/dev/shm"
    if options.folder or (os.path.isdir(memory) and os.access(memory, os.W_OK)):
        tempfile.tempdir = options.folder or memory
    try:
        import harness  # noqa: F401 (it looks for the program)
    except SystemExit as missing:
        parser.error(str(missing))
    return options


def outlive_interrupts():
    """Lets the rounds under way remove their folders and end their processes.

    To ignore the signal would have whatever they start ignore it too.
    """
    signal.signal(signal.SIGINT, lambda *_: None)


def play(kind, seed, number, keep, end):
    """One round: its counts, its plan, and what was wrong with it; None when it is too late."""
    from kinds import KINDS
    if end and time.monotonic() > end:
        return None
    one = KINDS[kind]()
    one.seed, one.number = seed, number
    one.keep = pathlib.Path(keep, f"{kind}-{seed}-{number}") if keep else None
    result = unittest.TestResult()
    one.run(result)
    problems = [text for _, text in result.failures + result.errors]
    return getattr(one, "counts", collections.Counter()), str(getattr(one, "plan", "")), problems


def kinds_of(options, kinds):
    """The kind of each round."""
    draw = random.Random(f"{options.seed} kinds")
    others = [name for name in kinds if name != "kills"]
    for number in range(1, options.rounds + 1):
        kind = options.kind
        if kind == "all":
            kind = "kills" if number % 2 else draw.choice(others)
        yield number, kind


class Campaign:
    """Rounds, some at the same time, each in a process of its own."""

    def __init__(self, options, kinds, figures):
        self.options, self.figures = options, figures
        self.rounds = [item for item in kinds_of(options, kinds)
                       if options.round in (None, item[0])]
        self.started = time.monotonic()
        self.failed = 0

    @property
    def seconds(self):
        return time.monotonic() - self.started

    def run(self):
        options = self.options
        end = self.started + options.minutes * 60 if options.minutes else None
        with concurrent.futures.ProcessPoolExecutor(
                options.jobs, initializer=outlive_interrupts) as pool:
            rounds = [
                (item, pool.submit(play, item[1], options.seed, item[0], options.keep, end))
                for item in self.rounds]
            try:
                for (number, kind), future in rounds:
                    done = future.result()
                    if done is not None:
                        self.judge(number, kind, *done)
            except KeyboardInterrupt:
                pool.shutdown(cancel_futures=True)
                raise

    def judge(self, number, kind, counts, plan, problems):
        self.figures.add(kind, counts)
        if problems:
            self.failed += 1
            print(f"round {number} of {kind} FAILED; {plan}\n" + "\n".join(problems))
            print(f"again: tools/torture {self.options.kind} --seed {self.options.seed} "
                  f"--rounds {self.options.rounds} --round {number}", flush=True)
        if self.figures.rounds % 100 == 0:
            print(f"{self.figures.rounds} rounds, {self.seconds:.0f} s, {self.failed} failed",
                  flush=True)

    def tell(self):
        """The summary; false when it is nothing to be content with."""
        rounds, wanted = self.figures.rounds, len(self.rounds)
        print(f"{self.options.kind}, seed {self.options.seed}, {self.seconds:.0f} s")
        for line in self.figures.told():
            print(line)
        lacking = list(self.figures.lacking()) if self.options.round is None else []
        for line in lacking:
            print(f"LACKING {line}")
        cut = f"; {rounds} of {wanted}, cut short by --minutes" if rounds < wanted else ""
        print(f"{rounds - self.failed} rounds passed, {self.failed} failed{cut}")
        return rounds > 0 and not self.failed and not lacking


def main():
    options = parsed()
    from figures import Figures
    from kinds import KINDS
    campaign = Campaign(options, KINDS, Figures())
    try:
        campaign.run()
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0 if campaign.tell() else 1)


if __name__ == "__main__":
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "EndToEnd"))
    main()
