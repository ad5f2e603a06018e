"""Secrets that a round's sync can't do without, and that must turn up nowhere but in requests."""

import os


class Canary:
    """A token and a further header, both from the environment."""

    TOKEN, HEADER = "TORTURE_TOKEN", "TORTURE_HEADER"

    def __init__(self, random):
        self.token = f"canary-{random.getrandbits(128):032x}"
        self.header = f"canary-{random.getrandbits(128):032x}"
        # Without the word: whatever is cut off at its beginning is told from chance all the same.
        self.needles = [one.removeprefix("canary-").encode() for one in (self.token, self.header)]

    @property
    def environment(self):
        return {self.TOKEN: self.token, self.HEADER: self.header}

    @property
    def configuration(self):
        return {
            "api__auth": {"type": "bearer", "token": {"env": self.TOKEN}},
            "api__headers": {"X-Canary": {"env": self.HEADER}},
        }

    def is_in(self, data):
        return any(needle in data for needle in self.needles)

    def files(self, folder):
        """The files below a folder that hold a secret, and how many bytes were searched."""
        found, searched = [], 0
        for base, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(base, name)
                try:
                    with open(path, "rb") as file:
                        data = file.read()
                except FileNotFoundError:
                    continue
                searched += len(data)
                if self.is_in(data):
                    found.append(os.path.relpath(path, folder))
        return found, searched
