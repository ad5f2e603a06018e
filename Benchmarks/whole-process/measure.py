#!/usr/bin/env python3
"""Measures `ossync` as a whole process against the simulated ERP on loopback: time, processor time,
durable transactions, memory, start-up. Prints a table, or JSON; exits 1 when a bound is missed.

The server is a process of its own (`ossync demo --serve-only`), without limits and without latency.
Only Python's standard library is used."""

import argparse
import http.client
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

CONFIGURATION = """\
store: {folder}/store
rateLimits: {{ requestsPerMinute: null, requestsPerHour: null }}
api:
  baseURL: {url}
  id: benchmark
  auth: {{ type: none }}
streams:
  os:
    list:
      path: /os
      paging: {{ type: page, pageParam: page, sizeParam: per_page, size: {size}, first: 1 }}
      records: /data
      id: /id
      total: /total
      order: ascending
      incremental: {{ type: idAfter, param: id_gt }}
    detail:
      path: /os/details?ids={{ids}}
      batch: {{ size: {batch}, join: "," }}
      records: /data
      id: /id
      concurrency: {concurrency}
    columns:
      customer: {{ pointer: /customer/name }}
      status: {{ pointer: /status }}
      opened_at: {{ pointer: /opened_at }}
      expense_total: {{ sum: /expenses/*/amount, type: decimal }}
"""


class Server:
    """The simulated ERP with a number of records, for a `with` statement."""

    def __init__(self, binary, records):
        self.process = subprocess.Popen(
            [binary, "demo", "--serve-only", "--json", "--limit", "none", "--latency-ms", "0",
             "--records", str(records)],
            stdout=subprocess.PIPE, text=True)
        self.url = json.loads(self.process.stdout.readline())["baseURL"]
        self.port = int(re.search(r":(\d+)/", self.url).group(1))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def ask(self, method, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request(method, path)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        return answer

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class AnonymousMemory(threading.Thread):
    """Samples the anonymous memory of a process until it ends; file pages are LMDB's map."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.path = f"/proc/{pid}/status"
        self.peak_kib = 0
        self.start()

    def run(self):
        while True:
            try:
                with open(self.path) as file:
                    found = re.search(r"RssAnon:\s+(\d+)", file.read())
            except OSError:
                return
            if not found:
                return
            self.peak_kib = max(self.peak_kib, int(found.group(1)))
            time.sleep(0.004)


def run(arguments, with_memory=False):
    """Runs a command; returns its output, wall and processor seconds, and peak memory."""
    start = time.perf_counter()
    process = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    memory = AnonymousMemory(process.pid) if with_memory else None
    output = process.stdout.read()
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(arguments)}: exit {process.returncode}\n{output}{errors}")
    if memory:
        memory.join()
    return {
        "output": output, "wall": wall, "cpu": usage.ru_utime + usage.ru_stime,
        "anonymousMiB": memory.peak_kib / 1024 if memory else None,
    }


class Bench:
    def __init__(self, binary, folder, is_json):
        self.binary = binary
        self.folder = folder
        self.is_json = is_json
        self.figures = []

    def add(self, name, value, unit, bound=None, note=""):
        self.figures.append(
            {"name": name, "value": value, "unit": unit, "bound": bound, "note": note})
        is_missed = bound is not None and value > bound
        if self.is_json:
            return
        shown = f"{value:.2f}" if isinstance(value, float) else str(value)
        limit = "" if bound is None else f"at most {bound:g}" + ("  MISSED" if is_missed else "")
        print(f"{name:<64}{shown:>9} {unit:<4} {limit} {note}".rstrip(), flush=True)

    def configure(self, name, server, batch, concurrency, size=1000):
        folder = os.path.join(self.folder, name)
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, "ossync.yaml")
        with open(path, "w") as file:
            file.write(CONFIGURATION.format(
                folder=folder, url=server.url, batch=batch, concurrency=concurrency, size=size))
        return path

    def sync(self, config, *options, with_memory=False):
        result = run(
            [self.binary, "sync", "--json", "--config", config, *options], with_memory)
        result["summary"] = json.loads(result["output"].strip().splitlines()[-1])
        return result

    def whole_job(self, records):
        """Many small detail requests without limits: what it costs, and how commits are shared."""
        with Server(self.binary, records) as server:
            config = self.configure("job", server, batch=5, concurrency=32)
            result = self.sync(config, with_memory=True)
            summary = result["summary"]
            requests = summary["requests"]["total"]
            title = f"{records} records by 5, 32 at once"
            self.add(f"{title}: wall", result["wall"], "s", 15)
            self.add(f"{title}: processor", result["cpu"], "s")
            self.add(f"{title}: processor of the server", server.cpu_seconds(), "s")
            self.add(f"{title}: durable transactions", summary["commits"], "", requests + 4,
                     f"{requests} outcomes")
            self.add(f"{title}: peak anonymous memory", result["anonymousMiB"], "MiB")
            self.nothing_new(config, title)

    def nothing_new(self, config, title):
        results = [self.sync(config) for _ in range(5)]
        self.add(f"{title}, nothing new: requests",
                 results[-1]["summary"]["requests"]["total"], "", 1)
        self.add(f"{title}, nothing new: wall, median",
                 1000 * statistics.median(r["wall"] for r in results), "ms")
        self.add(f"{title}, nothing new: processor, median",
                 1000 * statistics.median(r["cpu"] for r in results), "ms")

    def memory(self, few, many):
        """Anonymous memory must not grow with the records."""
        peaks = []
        for records in (few, many):
            with Server(self.binary, records) as server:
                # Peaks differ from run to run by half a mebibyte: the middle one of three counts.
                runs = []
                for number in range(3):
                    config = self.configure(
                        f"memory-{records}-{number}", server, batch=500, concurrency=5)
                    runs.append(self.sync(config, with_memory=True))
                result = sorted(runs, key=lambda run: run["anonymousMiB"])[1]
                peaks.append(result["anonymousMiB"])
                title = f"{records} records by 500"
                is_last = records == many
                self.add(f"{title}: wall", result["wall"], "s")
                self.add(f"{title}: processor", result["cpu"], "s")
                self.add(f"{title}: peak anonymous memory", result["anonymousMiB"], "MiB",
                         60 if is_last else None)
                if is_last:
                    self.add("memory of the larger run over that of the smaller",
                             peaks[1] / peaks[0], "", 1.2 if many >= 100_000 else None)
                    self.after(config, server, title)

    def million(self, few, many):
        """A sync that is killed half-way and resumed, a rebuild, an export: anonymous memory may
        grow by a fifth and a byte a record."""
        peaks = {}
        for records in (few, many):
            with Server(self.binary, records) as server:
                config = self.configure(f"million-{records}", server, batch=500, concurrency=5)
                title = f"{records} records by 500"
                results = {}
                if records == many:
                    self.kill_half_way(config, records)
                    results["sync"] = self.sync(config, "--mode", "resume", with_memory=True)
                else:
                    results["sync"] = self.sync(config, with_memory=True)
                results["rebuild"] = run(
                    [self.binary, "projections", "rebuild", "os", "--quiet", "--config", config],
                    with_memory=True)
                table = os.path.join(self.folder, "table.csv")
                results["export"] = run(
                    [self.binary, "export", "csv", "--quiet", "--output", table, "--config",
                     config], with_memory=True)
                rows = sum(1 for _ in open(table)) - 1
                if rows != records:
                    sys.exit(f"the export has {rows} rows of {records}")
                for what, result in results.items():
                    bound = None
                    if records == many:
                        bound = 1.2 * peaks[what] + records / (1 << 20)
                    peaks[what] = result["anonymousMiB"]
                    self.add(f"{title}, {what}: wall", result["wall"], "s")
                    self.add(f"{title}, {what}: processor", result["cpu"], "s")
                    self.add(f"{title}, {what}: peak anonymous memory", peaks[what], "MiB", bound)

    def kill_half_way(self, config, records):
        process = subprocess.Popen(
            [self.binary, "sync", "--quiet", "--config", config], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        while process.poll() is None:
            time.sleep(1)
            status = json.loads(subprocess.run(
                [self.binary, "status", "--json", "--config", config], stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL).stdout or b"{}")
            if status.get("records", {}).get("withDetails", 0) > records / 2:
                break
        else:
            sys.exit("the sync ended before it was half-way")
        process.kill()
        process.wait()

    def after(self, config, server, title):
        data = os.path.join(os.path.dirname(config), "store", "log", "data.mdb")
        self.add(f"{title}: log", os.path.getsize(data) / (1 << 20), "MiB")
        times = [run([self.binary, "status", "--json", "--config", config]) for _ in range(10)]
        self.add(f"{title}: status, best", 1000 * min(t["wall"] for t in times), "ms", 50)
        self.add(f"{title}: status, median",
                 1000 * statistics.median(t["wall"] for t in times), "ms", 50)
        self.add(f"{title}: status, processor, median",
                 1000 * statistics.median(t["cpu"] for t in times), "ms")
        self.nothing_new(config, title)
        self.first_request(config, server, title)

    def first_request(self, config, server, title):
        """From the start of the process to the first request on the wire, as a server sees it."""
        server.ask("POST", "/admin/append?count=2000")
        # Paused after one record, so that there is something to resume.
        self.sync(config, "--max", "1", "--no-details")
        server.stop()
        delays = [self.delay(config, server.port) for _ in range(10)]
        self.add(f"{title}: resume, first request, best", 1000 * min(delays), "ms", 100)
        self.add(f"{title}: resume, first request, median",
                 1000 * statistics.median(delays), "ms", 100)

    def delay(self, config, port):
        """Takes the server's place, notes when the first byte comes in, and answers nothing."""
        with socket.create_server(("127.0.0.1", port)) as listener:
            listener.settimeout(20)
            start = time.perf_counter()
            process = subprocess.Popen(
                [self.binary, "sync", "--mode", "resume", "--json", "--config", config],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(20)
                connection.recv(1)
                delay = time.perf_counter() - start
                # What the run would do next is of no interest; a kill is what it must stand.
                process.kill()
                process.wait()
        return delay


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", required=True)
    parser.add_argument("--folder", help="where stores are made; default: a temporary folder")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="a tenth of the records")
    parser.add_argument("--only", choices=["job", "memory", "million"],
                        help="million takes minutes, and is run only when named")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="ossync-bench-", dir=options.folder)
    scale = 10 if options.quick else 1
    bench = Bench(options.binary, folder, options.json)
    try:
        if options.only in (None, "job"):
            bench.whole_job(10_000 // scale)
        if options.only in (None, "memory"):
            bench.memory(10_000 // scale, 100_000 // scale)
        if options.only == "million":
            bench.million(10_000, 1_000_000 // scale)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        print(json.dumps({"v": 1, "type": "wholeProcess", "figures": bench.figures}))
    missed = [f for f in bench.figures if f["bound"] is not None and f["value"] > f["bound"]]
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
