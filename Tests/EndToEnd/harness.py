"""What every end-to-end test stands on: the built binary, servers, temporary folders.

Nothing here knows the inside of ossync: it starts processes, sends signals, speaks HTTP and reads
what comes out.
"""

import http.server
import json
import os
import pathlib
import random
import resource
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from decimal import Decimal

# A shell that starts the tests in the background has them ignore SIGINT and SIGQUIT, and whatever
# they start would too.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
# Under `nohup` the same holds for SIGHUP. The tests still outlive their terminal: a signal that is
# caught is taken by default again in what is started. Tests that are started as a part of others
# are told so.
OUTLIVES_TERMINAL = "OSSYNC_TESTS_OUTLIVE_TERMINAL"
if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN or OUTLIVES_TERMINAL in os.environ:
    signal.signal(signal.SIGHUP, lambda *_: None)
    os.environ[OUTLIVES_TERMINAL] = "1"

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("OSSYNC_BINARY") or str(ROOT / ".build/debug/ossync")
QUICK = os.environ.get("OSSYNC_QUICK") == "1"
SEED = int(os.environ.get("OSSYNC_SEED", "20240711"))


def children(process):
    """The processes that one has started and that have not been waited for."""
    try:
        text = pathlib.Path(f"/proc/{process}/task/{process}/children").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [int(word) for word in text.split()]


def is_running(process):
    return pathlib.Path(f"/proc/{process}").exists()


class Result:
    """What a finished command left behind."""

    def __init__(self, arguments, code, out, err):
        self.arguments = arguments
        self.code = code
        self.out = out.decode("utf-8", "replace")
        self.err = err.decode("utf-8", "replace")

    @property
    def objects(self):
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def last(self):
        """The last line of stdout, which with --json is the summary or the error."""
        lines = self.out.splitlines()
        if not lines:
            raise AssertionError(f"nothing on stdout\n{self}")
        return json.loads(lines[-1])

    def __str__(self):
        return (
            f"$ ossync {shlex.join(self.arguments)}\nexit {self.code}\n"
            f"stdout: {self.out[-2000:]}\nstderr: {self.err[-2000:]}"
        )


class Case(unittest.TestCase):
    """A test with a folder of its own, in which commands run as in a user's."""

    maxDiff = 2000

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ossync-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.store = self.folder / "store"
        self.random = random.Random(f"{SEED} {self.id()}")

    def environment(self, extra=None):
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("OSSYNC_") and name not in ("NO_COLOR", "CLICOLOR_FORCE")
        }
        environment.update(HOME=str(self.folder), XDG_CONFIG_HOME=str(self.folder / "xdg"))
        environment.update(extra or {})
        return environment

    def start(self, *arguments, env=None, cwd=None, limits=None, **options):
        """Starts a command and leaves it running; it is killed at the end of the test.

        `limits` are resource limits by name: with FSIZE=1000, each write beyond so many bytes of a
        file fails.
        """
        def bound():
            for name, value in limits.items():
                resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))

        process = subprocess.Popen(
            [BINARY, *map(str, arguments)], cwd=cwd or self.folder, env=self.environment(env),
            stdin=options.get("stdin", subprocess.DEVNULL),
            stdout=options.get("stdout", subprocess.PIPE),
            stderr=options.get("stderr", subprocess.PIPE), preexec_fn=limits and bound)
        self.addCleanup(end, process)
        return process

    def finish(self, process, timeout=60):
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(
                "it did not end in time\n" + str(Result(process.args[1:], None, out, err))
            ) from None
        return Result(process.args[1:], process.returncode, out, err)

    def ossync(self, *arguments, code=0, timeout=60, env=None, cwd=None):
        """Runs a command to its end and checks its exit code; `code=None` takes any."""
        result = self.finish(self.start(*arguments, env=env, cwd=cwd), timeout)
        if code is not None:
            allowed = code if isinstance(code, (tuple, set, list)) else (code,)
            self.assertIn(result.code, allowed, str(result))
        self.assertNotIn(result.code, range(-64, 0), f"it crashed\n{result}")
        return result

    def sync(self, *arguments, code=0, **options):
        """Runs a sync and returns its summary."""
        result = self.ossync("sync", "--json", *arguments, code=code, **options)
        self.assertEqual(result.last["type"], "summary", str(result))
        self.assertEqual(result.last["exitCode"], result.code, str(result))
        return result.last

    def status(self):
        return self.ossync("status", "--json").last

    def verify(self):
        return self.ossync("log", "verify", "--json").last

    def events(self, *arguments):
        return self.ossync("log", "show", "--json", *arguments).objects

    def demo(self, *arguments):
        server = Demo(self.environment(), arguments)
        self.addCleanup(server.stop)
        return server

    def serve(self, answer):
        server = Server(answer)
        self.addCleanup(server.stop)
        return server

    def configure(self, base_url, **changes):
        """Writes ./ossync.yaml; `changes` reach into it by keys such as `detail__batch`."""
        tree = configuration(base_url)
        for name, value in changes.items():
            reach(tree, name, value)
        self.write("ossync.yaml", json.dumps(tree, indent=1))
        return tree

    def write(self, name, text, mode=0o600):
        path = self.folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        path.chmod(mode)
        return path

    def ready(self, records, *arguments, **changes):
        """A simulated ERP and a configuration for it."""
        server = self.demo("--records", records, *arguments)
        self.configure(server.url, **changes)
        return server

    def wait_for(self, condition, seconds=20, what="it"):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            value = condition()
            if value:
                return value
            time.sleep(0.01)
        raise AssertionError(f"{what} did not happen in {seconds} s")

    def assert_one_clear_line(self, result, *words):
        """Errors are short, name the place and what to do, and show nothing of the inside."""
        self.assertNotIn("Fatal error", result.err)
        self.assertNotIn("Swift", result.err)
        lines = [line for line in result.err.splitlines() if line.strip()]
        self.assertTrue(lines, f"nothing on stderr\n{result}")
        text = result.err.lower()
        for word in words:
            self.assertIn(str(word).lower(), text, str(result))
        for line in lines:
            self.assertLess(len(line), 600, str(result))

    def assert_same_as_server(self, server, ids):
        """Every record of the store is the server's, byte for byte in its numbers."""
        lines = self.ossync("export", "ndjson").out.splitlines()
        stored = {}
        for line in lines:
            record = exact(line)
            stored[record["id"]] = record
        self.assertEqual(set(stored), {str(one) for one in ids})
        headers = server.headers()
        details = server.details([int(one) for one in ids])
        for one in ids:
            record = stored[str(one)]
            self.assertEqual(record["header"], headers[int(one)])
            self.assertEqual(record["detail"], details[int(one)])
            self.assertTrue(record["details_synced"])


def end(process):
    if process.poll() is None:
        process.kill()
    for pipe in (process.stdout, process.stderr):
        if pipe:
            pipe.close()
    process.wait()


def exact(text):
    """JSON whose numbers keep their literal."""
    return json.loads(text, parse_float=lambda t: ("n", t), parse_int=lambda t: ("n", t))


def configuration(base_url):
    return {
        "store": "./store",
        "rateLimits": {"requestsPerMinute": None, "requestsPerHour": None, "cooldownMs": 200},
        "api": {"baseURL": base_url},
        "streams": {
            "os": {
                "list": {
                    "path": "/os",
                    "paging": {
                        "type": "page", "pageParam": "page", "sizeParam": "per_page",
                        "size": 1000, "first": 1},
                    "records": "/data", "id": "/id", "total": "/total", "order": "ascending",
                    "incremental": {"type": "idAfter", "param": "id_gt"},
                },
                "detail": {
                    "path": "/os/details?ids={ids}", "batch": {"size": 5, "join": ","},
                    "records": "/data", "id": "/id", "concurrency": 5,
                },
                "columns": {
                    "customer": {"pointer": "/customer/name"},
                    "status": {"pointer": "/status"},
                    "expense_total": {"sum": "/expenses/*/amount", "type": "decimal"},
                },
                "retry": {"attempts": 3, "baseMs": 20, "multiplier": 2, "maxMs": 200},
            }
        },
    }


def reach(tree, name, value):
    """Sets one key, named by its path below the top level, the API or the stream `os`."""
    path = name.split("__")
    place = tree
    if path[0] in ("list", "detail", "columns", "retry"):
        place = tree["streams"]["os"]
    for key in path[:-1]:
        place = place.setdefault(key, {})
    if value is ABSENT:
        place.pop(path[-1], None)
    else:
        place[path[-1]] = value


ABSENT = object()


class Demo:
    """`ossync demo --serve-only`, and what its admin calls tell."""

    def __init__(self, environment, arguments):
        arguments = [str(argument) for argument in arguments]
        if "--limit" not in arguments:
            arguments += ["--limit", "none"]
        self.process = subprocess.Popen(
            [BINARY, "demo", "--serve-only", "--json", *arguments], env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        ready, _, _ = select.select([self.process.stdout], [], [], 20)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            self.stop()
            raise AssertionError("the simulated ERP did not start")
        self.url = json.loads(line)["baseURL"]
        self.token = arguments[arguments.index("--token") + 1] if "--token" in arguments else None

    def stop(self):
        end(self.process)

    def admin(self, path, method="GET"):
        request = urllib.request.Request(self.url.removesuffix("/api") + path, method=method)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def append(self, count):
        return self.admin(f"/admin/append?count={count}", "POST")

    def touch(self, one):
        return self.admin(f"/admin/touch?id={one}", "POST")

    def arrivals(self, window=None):
        return self.admin("/admin/arrivals" + (f"?window={window}" if window else ""))

    def forget(self):
        self.admin("/admin/arrivals/forget", "POST")

    def counts(self):
        endpoints = self.arrivals()["endpoints"]
        return endpoints["list"], endpoints["detail"]

    def text(self, path):
        """An answer of the API as it is."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        request = urllib.request.Request(self.url + path, headers=headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.read().decode()

    def get(self, path):
        return exact(self.text(path))

    def headers(self):
        found, page = {}, 1
        while rows := self.get(f"/os?page={page}&per_page=1000")["data"]:
            found.update((int(row["id"][1]), row) for row in rows)
            page += 1
        return found

    def details(self, ids):
        found = {}
        for start in range(0, len(ids), 500):
            part = ",".join(map(str, ids[start:start + 500]))
            rows = self.get(f"/os/details?ids={part}")["data"]
            found.update((int(row["id"][1]), row) for row in rows)
        return found

    def expenses(self, ids):
        """The exact sum over the server's own records."""
        return sum(
            (Decimal(line["amount"][1] if isinstance(line["amount"], tuple) else line["amount"])
             for row in self.details(ids).values() for line in row["expenses"]), Decimal(0))


class Answer:
    """What a scripted server says to one request."""

    def __init__(self, body=b"", status=200, headers=None, drop=False, delay=0.0, cut=None):
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status = status
        self.headers = {"Content-Type": "application/json", **(headers or {})}
        self.drop = drop
        self.delay = delay
        self.cut = cut


class Server:
    """A small HTTP server on a free port of loopback that says what a test wants said.

    `answer(request)` gets `path`, `query` (a dict), `headers` and `number` (from 1), and returns an
    Answer. Every arrival is remembered with its time.
    """

    def __init__(self, answer):
        self.arrivals = []
        lock = threading.Lock()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self):
                with lock:
                    request = Request(self.path, self.headers, len(owner.arrivals) + 1)
                    owner.arrivals.append(request)
                reply = answer(request)
                if reply.delay:
                    time.sleep(reply.delay)
                if reply.drop:
                    self.close_connection = True
                    return
                body = reply.body if reply.cut is None else reply.body[:reply.cut]
                head = [f"HTTP/1.1 {reply.status} X"]
                head += [f"{name}: {value}" for name, value in reply.headers.items()]
                head += [f"Content-Length: {len(reply.body)}", "", ""]
                try:
                    self.wfile.write("\r\n".join(head).encode("latin-1") + body)
                except OSError:
                    self.close_connection = True
                if reply.cut is not None:
                    self.close_connection = True

            def log_message(self, *_):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, *_):
                pass

        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/api"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def stop(self):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def paths(self):
        return [arrival.path for arrival in self.arrivals]


class Request:
    def __init__(self, target, headers, number):
        parts = urllib.parse.urlsplit(target)
        self.target = target
        self.path = parts.path
        self.query = dict(urllib.parse.parse_qsl(parts.query))
        self.headers = headers
        self.number = number
        self.time = time.monotonic()


def orders(count, **extra):
    """A scripted server's answers for `count` well-behaved records with details."""
    def answer(request):
        if request.path == "/api/os":
            above = int(request.query.get("id_gt", 0))
            size = int(request.query.get("per_page", 1000))
            page = int(request.query.get("page", 1))
            ids = list(range(above + 1, count + 1))
            rows = [{"id": one, **extra} for one in ids[(page - 1) * size:page * size]]
            return Answer({"total": len(ids), "data": rows})
        if request.path == "/api/os/details":
            ids = [int(one) for one in request.query["ids"].split(",")]
            return Answer({"data": [detail(one) for one in ids]})
        return Answer({"error": "unknown path"}, 404)
    return answer


def detail(one):
    return {"id": one, "customer": {"name": f"c{one}"}, "expenses": [{"amount": "1.10"}]}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if not os.access(BINARY, os.X_OK):
    sys.exit(f"{BINARY} is not there: build it by `swift build --product ossync`")
