"""What is drawn for a round: the server, the configuration, how often the sync is disturbed."""

# Events of a run's first commit, the intent of its first request being the last.
HEAD = 7


class Plan:
    def __init__(self, random, least_seconds=0):
        draw = random.choice
        self.batch = draw((1, 3, 5, 5, 10))
        self.concurrency = draw((1, 2, 5, 5, 8))
        self.size = draw((10, 25, 40, 1000))
        self.records = random.randrange(20, 40 + 14 * self.batch)
        self.latency_ms = draw((0, 1, 2, 5, 10))
        self.keyset = random.random() < 0.3
        self.total = random.random() < 0.75
        self.faults = random.random() < 0.2
        self.poison = random.random() < 0.2
        # Small enough that the limit decides how long the round takes.
        self.window = random.randrange(12, 30) if random.random() < 0.2 else None
        self.disturbances = random.randrange(2, 6)
        self.changes = random.random() < 0.5
        # Whether the server says the secrets that it was sent.
        self.echo = self.window is None and random.random() < 0.25
        if least_seconds:
            self.lengthen(least_seconds)

    def lengthen(self, least_seconds):
        """Has a sync take so long, without its start, that another process can be beside it."""
        if self.window:
            # So many that the limit makes it wait, in the syncs of what is new as well.
            self.records = max(self.records, 4 * self.window * self.batch)
            return
        self.latency_ms = max(5, self.latency_ms)
        if self.seconds < least_seconds:
            self.records = round(self.records * least_seconds / self.seconds)

    @property
    def seconds(self):
        """About how long a sync takes that nobody disturbs, without its start."""
        requests = self.records / self.batch + self.records / self.size
        return requests * (self.latency_ms * 1.25 + 1.5) / 1000 / min(self.concurrency, 3)

    def __str__(self):
        return ", ".join(f"{name}={value}" for name, value in vars(self).items())


class Moment:
    """When a sync is disturbed: at an event of its list or details, or after its last one."""

    # By what share each is drawn; after its last event a sync is soon gone.
    SHARES = {"list": 1, "details": 2, "end": 1}
    SHARES_BESIDE = {"list": 3, "details": 6, "end": 1}

    def __init__(self, random, plan, left, shares):
        """`left` is how many records have no header, and how many no details yet."""
        self.part, = random.choices(list(shares), weights=list(shares.values()))
        lists = 2 * (1 + left[0] / plan.size)
        details = 2 * left[1] / plan.batch
        first, last = {
            "list": (1, HEAD + lists), "details": (HEAD + lists, HEAD + lists + details),
            "end": (HEAD + lists + details,) * 2,
        }[self.part]
        self.events = random.uniform(first, last)
        # A while after a commit, so that what comes between commits is met too.
        between = 0.012 if self.part == "end" else (plan.latency_ms * 1.25 + 1.5) / 1000
        self.delay = random.uniform(0, between)

    def __lt__(self, other):
        return (self.part == "end", self.events) < (other.part == "end", other.events)
