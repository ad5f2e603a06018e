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
import os
import pathlib
import random
import sys
import tempfile
import time
import unittest

sys.dont_write_bytecode = True


def parsed():
    parser = argparse.ArgumentParser(
        prog="tools/torture", description=__doc__.partition("\n\n")[0],
        epilog="all: half of the rounds are kills, the others one of the further kinds")
    parser.add_argument("kind", choices=[
        "kills", "freezes", "seconds", "projections", "copies", "readers", "all"])
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, help="of all draws; by default a new one")
    parser.add_argument("--minutes", type=float, help="begin no round after so many minutes")
    parser.add_argument("--round", type=int, help="only this one of the rounds")
    parser.add_argument("--jobs", type=int, default=(os.cpu_count() or 1) + 1)
    parser.add_argument("--keep", help="where the folder of a round that fails is copied to")
    parser.add_argument("--folder", help="where the stores are; by default in memory, if possible")
    return parser.parse_args()


def play(kind, seed, number, keep):
    """One round: its counts, and what was wrong with it."""
    one = kind()
    one.seed, one.number = seed, number
    one.keep = pathlib.Path(keep, f"{kind.kind}-{seed}-{number}") if keep else None
    result = unittest.TestResult()
    one.run(result)
    problems = [text for _, text in result.failures + result.errors]
    return getattr(one, "counts", collections.Counter()), getattr(one, "plan", None), problems


def kinds_of(options, kinds):
    """The kind of each round."""
    draw = random.Random(f"{options.seed} kinds")
    others = [kind for name, kind in kinds.items() if name != "kills"]
    for number in range(1, options.rounds + 1):
        kind = kinds.get(options.kind)
        if kind is None:
            kind = kinds["kills"] if number % 2 else draw.choice(others)
        yield number, kind


def told(counts):
    order = sorted(counts.items(), key=lambda item: (item[0] != "rounds", item[0]))
    return ", ".join(f"{count:,} {name}" for name, count in order)


def missing(options, counts):
    """Figures that so many rounds can't leave at nothing, unless a kind does nothing."""
    if counts["rounds"] < 50 or options.kind not in ("kills", "all"):
        return []
    return [name for name in ("kills", "abandoned", "interrupted") if not counts[name]]


def main():
    options = parsed()
    if options.seed is None:
        options.seed = random.randrange(1, 1 << 32)
    # Kills and freezes don't depend on the disk, so it need not be worn out.
    memory = pathlib.Path("/dev/shm")
    if options.folder or (memory.is_dir() and os.access(memory, os.W_OK)):
        tempfile.tempdir = options.folder or str(memory)
    from kinds import KINDS
    started = time.monotonic()
    end = started + options.minutes * 60 if options.minutes else None
    totals, failed = collections.Counter(), []

    def one(item):
        number, kind = item
        if end and time.monotonic() > end:
            return None
        return number, kind, *play(kind, options.seed, number, options.keep)

    rounds = [
        item for item in kinds_of(options, KINDS) if options.round in (None, item[0])]
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for done in pool.map(one, rounds):
            if done is None:
                continue
            number, kind, counts, plan, problems = done
            totals.update(counts)
            if problems:
                failed.append(number)
                print(f"round {number} of {kind.kind} FAILED; {plan}\n" + "\n".join(problems))
                print(f"again: tools/torture {options.kind} --seed {options.seed} "
                      f"--rounds {options.rounds} --round {number}", flush=True)
            if number % 100 == 0:
                print(f"{number} rounds, {time.monotonic() - started:.0f} s, "
                      f"{len(failed)} failed", flush=True)
    print(f"{options.kind}, seed {options.seed}, {time.monotonic() - started:.0f} s: "
          + told(totals))
    lacking = missing(options, totals)
    for name in lacking:
        print(f"{options.kind} met no {name}: the rounds prove nothing")
    print(f"{totals['rounds'] - len(failed)} rounds passed, {len(failed)} failed")
    sys.exit(1 if failed or lacking or not totals["rounds"] else 0)


if __name__ == "__main__":
    main()
