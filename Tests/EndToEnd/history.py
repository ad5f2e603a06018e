"""What the log of a store says about the requests that were made, held against the server."""

import collections


class History:
    """What the log says about requests, by its own events."""

    def __init__(self, events):
        self.intents, self.outcomes, self.abandoned = {}, {}, []
        self.found = collections.Counter()
        self.pages, self.kinds = collections.Counter(), collections.Counter()
        for event in events:
            data, kind = event["data"], event["event"]
            self.kinds[kind] += 1
            if kind == "RequestIntended":
                self.intents[event["position"]] = event
            elif kind == "RequestAbandoned":
                self.abandoned.append(data["intent"])
            elif "intent" in data and kind in (
                    "PageFetched", "DetailsFetched", "RequestFailed", "RateLimited",
                    "HealthChecked"):
                self.outcomes.setdefault(data["intent"], []).append(event)
        for intent, outcomes in self.outcomes.items():
            for outcome in outcomes:
                if outcome["event"] == "DetailsFetched":
                    for record in self.intents[intent]["data"]["records"]:
                        self.found[record["id"]] += 1
                if outcome["event"] == "PageFetched":
                    cursor = self.intents[intent]["data"]["cursor"]
                    self.pages[(outcome["data"]["pass"], cursor)] += 1

    def count(self, endpoint, intents):
        return sum(1 for one in intents if self.intents[one]["data"]["endpoint"] == endpoint)


def assert_asked_once(case, server, changed=None):
    """No committed outcome was asked for again; at most what was in flight at a kill.

    `changed` says how often the header of a record changed since it was new, by its id: its details
    may have been fetched so many times more.
    """
    changed = changed or {}
    history = History(case.events())
    case.assertEqual(
        [one for one, outcomes in history.outcomes.items() if len(outcomes) > 1], [])
    case.assertEqual(set(history.intents), set(history.outcomes) | set(history.abandoned))
    case.assertFalse(set(history.outcomes) & set(history.abandoned))
    case.assertEqual(len(set(history.abandoned)), len(history.abandoned))
    case.assertEqual(
        [one for one, times in history.found.items() if times > 1 + changed.get(one, 0)], [])
    case.assertEqual([one for one, times in history.pages.items() if times > 1], [])
    arrivals = server.arrivals()
    for endpoint in ("list", "detail"):
        intended = history.count(endpoint, history.intents)
        # Without a path of its own a check of the health is a request for the list.
        if endpoint == "list":
            intended += history.count("health", history.intents)
        case.assertLessEqual(arrivals["endpoints"][endpoint], intended)
        case.assertGreaterEqual(
            arrivals["endpoints"][endpoint], history.count(endpoint, history.outcomes))
    return history
