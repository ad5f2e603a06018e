"""What a campaign says in the end, and what it can't have left at nothing."""

import collections

# The least share of a kind's disturbances that met something, after they were repeated.
LEAST_MET = 0.9
# The least share of the kills in each part of a sync, of so many kills that a share means much.
LEAST_OF_A_PART = 0.05
MANY_KILLS = 100
PARTS = ("list", "details", "end")


class Figures:
    """Counts by kind."""

    def __init__(self):
        self.kinds = collections.defaultdict(collections.Counter)

    def add(self, kind, counts):
        self.kinds[kind].update(counts)
        self.kinds[kind]["rounds"] += 1

    @property
    def total(self):
        return sum(self.kinds.values(), collections.Counter())

    @property
    def rounds(self):
        return self.total["rounds"]

    def told(self):
        for kind, counts in sorted(self.kinds.items()):
            rest = collections.Counter(counts)
            rounds, disturbances, met, repeated, early = (
                rest.pop(name, 0)
                for name in ("rounds", "disturbances", "met", "repeated", "early"))
            yield (
                f"{kind}: {rounds:,} rounds; {met:,} of {disturbances:,} disturbances met a sync "
                f"under way ({repeated:,} repeated), {early:,} were early")
            yield "  " + ", ".join(f"{count:,} {name}" for name, count in sorted(rest.items()))

    def lacking(self):
        """Sentences about what the rounds don't prove."""
        for kind, counts in sorted(self.kinds.items()):
            met, disturbances = counts["met"], counts["disturbances"]
            if met < LEAST_MET * disturbances:
                yield (f"{kind}: only {met} of {disturbances} disturbances met a sync under way, "
                       f"{LEAST_MET:.0%} must")
        # In the other kinds a kill comes after all else that is done to a sync.
        total = self.kinds.get("kills", collections.Counter())
        kills = total["kills that met something"]
        if kills < MANY_KILLS:
            return
        for part in PARTS:
            if total[f"kills: {part}"] < LEAST_OF_A_PART * kills:
                yield (f"only {total[f'kills: {part}']} of {kills} kills met the part {part} of a "
                       f"sync, {LEAST_OF_A_PART:.0%} must")
        for name in ("abandoned", "interrupted"):
            if total[name] < LEAST_OF_A_PART * kills:
                yield f"only {total[name]} {name} after {kills} kills"
