"""What stands between a sync and the simulated ERP."""

import contextlib
import threading
import urllib.error
import urllib.request

from harness import Answer

# No test holds an answer for so long; whoever forgot about it is let go.
LONGEST_HOLD_SECONDS = 20


class Relay:
    """Hands requests on and answers back; it can hold the answers, and tell the sync's secrets."""

    def __init__(self, server, canary, tells_secrets):
        self.server, self.canary, self.tells_secrets = server, canary, tells_secrets
        self.said = 0
        self.is_open = threading.Event()
        self.is_open.set()

    @contextlib.contextmanager
    def held(self):
        """No answer arrives meanwhile: a sync with a request in flight can't come to its end."""
        self.is_open.clear()
        try:
            yield
        finally:
            self.is_open.set()

    def __call__(self, request):
        answer = self.answer(request)
        self.is_open.wait(LONGEST_HOLD_SECONDS)
        return answer

    def answer(self, request):
        headers = {"Authorization": request.headers["Authorization"]}
        sent = f"{headers['Authorization']} {request.headers['X-Canary']}"
        told = {"X-Echo": sent, "Set-Cookie": f"session={self.canary.token}"}
        self.said += self.tells_secrets
        target = self.server.url.removesuffix("/api") + request.target
        try:
            onward = urllib.request.Request(target, headers=headers)
            with urllib.request.urlopen(onward, timeout=20) as answer:
                body = answer.read()
            if not self.tells_secrets:
                return Answer(body)
            # The records stay as they are, byte for byte.
            return Answer(body.replace(b"{", f'{{"echo":"{sent}",'.encode(), 1), 200, told)
        except urllib.error.HTTPError as error:
            if not self.tells_secrets:
                return Answer(error.read(), error.code)
            return Answer({"error": f"you sent {sent}"}, error.code, told)
        except OSError:
            return Answer(drop=True)
