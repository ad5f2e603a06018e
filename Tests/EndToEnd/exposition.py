"""Prometheus' text exposition format, as strictly as it is meant to be read."""

import re

SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_]+="(?:[^"\\\n]|\\[\\n"])*",?)+)\})? (\S+)')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')
PARTS = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("",), "gauge": ("",)}


class Exposition:
    """The samples of a text: values by name and labels."""

    def __init__(self, text):
        self.kinds, self.samples = {}, {}
        family = helped = None
        if not text.endswith("\n"):
            raise AssertionError("the last line has no end")
        for line in text.split("\n")[:-1]:
            if line.startswith("# HELP "):
                helped = line.split(" ", 3)[2]
                continue
            if line.startswith("# TYPE "):
                _, _, family, kind = line.split(" ")
                if family != helped or family in self.kinds:
                    raise AssertionError(line)
                self.kinds[family] = kind
                continue
            match = SAMPLE.fullmatch(line)
            if not match:
                raise AssertionError(line)
            name, labels, value = match.groups()
            if name not in [family + part for part in PARTS[self.kinds[family]]]:
                raise AssertionError(line)
            key = (name, frozenset(LABEL.findall(labels or "")))
            if key in self.samples:
                raise AssertionError(f"twice: {line}")
            self.samples[key] = float(value)

    def get(self, name, **labels):
        """The value with just these labels; None where there is none."""
        return self.samples.get((name, frozenset(labels.items())))

    def sum(self, name, **labels):
        """The sum over all others."""
        return sum(value for (own, all_labels), value in self.samples.items()
                   if own == name and set(labels.items()) <= all_labels)

    @property
    def growing(self):
        """What may only grow: counters, and of histograms all."""
        return {key: value for key, value in self.samples.items()
                if self.kinds.get(key[0]) == "counter"
                or any(self.kinds.get(key[0].removesuffix(part)) == "histogram"
                       for part in PARTS["histogram"])}

    @property
    def labels(self):
        return {name for _, labels in self.samples for name, _ in labels}
