"""What only the whole run can tell: baselines that no test uses, or two tests for different models; tests left out."""

from typing import AbstractSet, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import msgspec

from pytest_mxperf.errors import listed
from pytest_mxperf.gate.finding import Finding, Verdict
from pytest_mxperf.words import Words

__all__ = ["Claim", "Claims", "Collected", "CollectedTest", "judge_deselected", "judge_unused"]


class CollectedTest(msgspec.Struct, frozen=True):
    """A test that is marked as one of ours, as it was found before anything ran."""

    test: str
    """Its node id."""
    name: Optional[str]
    """Of its model; None where only running the test would tell."""
    is_gated: bool
    is_selected: bool


class Collected(msgspec.Struct, frozen=True):
    """What a process has collected; plain data, so that it can cross from an xdist worker to the controller."""

    tests: Tuple[CollectedTest, ...] = ()
    doubt: str = ""
    """Why there may be tests that are not among these; empty if there are none."""

    def in_order(self, tests: Iterable[str]) -> List[str]:
        """Node ids in the order of collection, not in the order in which the tests finished."""
        position = {each.test: index for index, each in enumerate(self.tests)}
        return sorted(tests, key=lambda test: position.get(test, len(position)))

    def users(self, finished: Mapping[str, Optional[str]]) -> Tuple[AbstractSet[str], str]:
        """The names of the baselines that tests use, and why there may be others; empty if there are none.

        ``finished`` has for each test that got as far as having a model its baseline's name, or None if it compares
        with none. The others were skipped, deselected or stopped: they use what they would have used.
        """
        left = [each for each in self.tests if each.test not in finished]
        names = {name for name in (*finished.values(), *(each.name for each in left)) if name is not None}
        unnamed = [each.test for each in left if each.name is None]
        return names, self.doubt or (f"the model of {listed(unnamed, 1)} is known only when it runs" if unnamed else "")


class Claim(NamedTuple):
    """What a test needs of the baseline that it names."""

    costs_digest: str = ""
    """Of the model that it is compared with; empty if the test uses no baseline."""
    timed_as: str = ""
    """Of the graph, how it is run and its example, if its latency is compared."""


class Claims:
    """Which test has first used a baseline's name, and for what model."""

    def __init__(self) -> None:
        self._first: Dict[str, Tuple[str, str]] = {}
        self._first_timed: Dict[str, Tuple[str, str]] = {}

    def conflict(self, name: str, test: str, claim: Claim) -> str:
        """What is wrong, if another test uses the name for a model that differs in its inputs, layers or costs.

        If both are timed, the graph, how it is run and its example must be the same, too: there is one of each in a
        baseline. Empty if nothing is wrong.
        """
        if not claim.costs_digest:
            return ""
        other, known = self._first.setdefault(name, (test, claim.costs_digest))
        differ = "inputs or costs"
        if other == test or known == claim.costs_digest:
            timed_as = claim.timed_as
            other, known = self._first_timed.setdefault(name, (test, timed_as)) if timed_as else (test, "")
            differ = "graph, run_as or example, and are both timed"
            if other == test or known == timed_as:
                return ""
        return (
            f"{other} and {test} use one baseline, {name!r}, for models that differ in their {differ}; "
            "give one of the models another name, with name="
        )


def judge_unused(stored: Sequence[str], used: AbstractSet[str], *, words: Words, of: str = "") -> List[Finding]:
    """A finding for each baseline that no test uses, or no model ``of`` a file, if that is all that was looked at."""
    who, otherwise = (f"no model of {of}", "if no test does,") if of else ("no test", "bring its test back, or")
    return [
        Finding(
            "baseline",
            name,
            Verdict.UNUSED,
            f"{who} uses the baseline {name!r}; {otherwise} remove it with {words.prune}",
        )
        for name in stored
        if name not in used
    ]


def judge_deselected(collected: Collected) -> List[Finding]:
    """A finding if gated tests were deselected."""
    tests = [each.test for each in collected.tests if each.is_gated and not each.is_selected]
    if not tests:
        return []
    count = f"{len(tests)} gated test{'s were' if len(tests) > 1 else ' was'} deselected"
    return [Finding("session", "deselected", Verdict.UNJUDGED, f"{count}: {listed(tests, 3)}", value=len(tests))]
