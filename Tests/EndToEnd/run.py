#!/usr/bin/env python3
"""Runs the end-to-end tests: the built binary, real processes, real HTTP.

    run.py [--quick] [--jobs N] [name ...]

A name is a module (`kills`), or part of a test's name. Without any, all are run. OSSYNC_BINARY
names the executable (the debug build by default), OSSYNC_SEED the seed of what is drawn.
"""

import argparse
import concurrent.futures
import io
import os
import pathlib
import subprocess
import sys
import time
import unittest

FOLDER = pathlib.Path(__file__).resolve().parent
# What measures time runs while nothing else does: these tests mostly wait.
ALONE = ("test_limits",)


def cases(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from cases(item)
        else:
            yield item


def child(names):
    """Runs test classes in this process."""
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    stream = io.StringIO()
    result = unittest.TextTestRunner(stream=stream, verbosity=2).run(suite)
    found = [test for test, _ in result.failures + result.errors] + result.unexpectedSuccesses
    # A test with several failed subtests has failed once.
    failed = len({getattr(test, "test_case", test).id() for test in found})
    if failed:
        print(stream.getvalue())
    for test, reason in result.skipped:
        print(f"skipped {test.id()}: {reason}")
    print(f"@{result.testsRun - failed - len(result.skipped)} {failed} {len(result.skipped)}")
    return 1 if failed else 0


def run_group(names, environment):
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, __file__, "--child", *names], cwd=FOLDER, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    body, _, tail = done.stdout.rpartition("@")
    try:
        passed, failed, skipped = map(int, tail.split())
    except ValueError:
        body, passed, failed, skipped = done.stdout, 0, 1, 0
    return names, body, passed, failed, skipped, time.monotonic() - started


def chosen(wanted):
    """Names of tests by class, those that `wanted` names."""
    groups = {}
    suite = unittest.defaultTestLoader.discover(str(FOLDER), "test_*.py")
    for test in cases(suite):
        if type(test).__name__ == "_FailedTest":
            sys.exit(str(test._exception))
        if not wanted or any(word in test.id() for word in wanted):
            groups.setdefault(type(test).__module__ + "." + type(test).__name__, []).append(
                test.id())
    return groups


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: what tools/test runs")
    parser.add_argument("--jobs", type=int, default=min(3, (os.cpu_count() or 1) + 1))
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        sys.exit(child(options.names))
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    environment["OSSYNC_QUICK"] = "1" if options.quick else "0"
    os.environ.update(environment)
    sys.dont_write_bytecode = True
    groups = chosen(options.names)
    together = [names for key, names in groups.items() if not key.startswith(ALONE)]
    alone = [names for key, names in groups.items() if key.startswith(ALONE)]
    totals = [0, 0, 0]
    started = time.monotonic()

    def told(group):
        names, body, passed, failed, skipped, seconds = group
        for index, count in enumerate((passed, failed, skipped)):
            totals[index] += count
        if body.strip():
            print(body.rstrip())
        name = names[0].rpartition(".")[0]
        print(f"{'FAILED' if failed else 'ok':6} {seconds:6.1f} s {passed:3} passed  {name}",
              flush=True)

    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for group in pool.map(lambda names: run_group(names, environment), together):
            told(group)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for group in pool.map(lambda names: run_group(names, environment), alone):
            told(group)
    passed, failed, skipped = totals
    print(f"seed {os.environ.get('OSSYNC_SEED', 'default')}, "
          f"{time.monotonic() - started:.0f} s, {skipped} skipped")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
