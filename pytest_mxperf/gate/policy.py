"""What a verdict does: it fails the test, warns, or is only in the report."""

from typing import Dict, Literal, Mapping, NamedTuple, Tuple, get_args

from pytest_mxperf.errors import UsageError, did_you_mean, either, shown
from pytest_mxperf.gate.finding import Verdict

__all__ = ["ACTIONS", "OCCASIONS", "OF_THE_RUN", "Policy", "PolicyAction", "parse_policies", "parse_policy"]

PolicyAction = Literal["fail", "warn", "ignore"]
"""What a verdict does."""
ACTIONS: Tuple[PolicyAction, ...] = get_args(PolicyAction)

_RULES: Dict[Verdict, Tuple[PolicyAction, str]] = {
    Verdict.MISSING: ("fail", "a test's baseline does not exist"),
    Verdict.INCOMPARABLE: ("fail", "a baseline has other inputs or another convention, or cannot be read"),
    Verdict.OTHER_MXNET: ("warn", "a baseline was recorded under another MXNet, or is timed in another way"),
    Verdict.UNCOUNTED: ("fail", "a gated model has operators without a counting rule"),
    Verdict.UNMEASURED: ("fail", "a latency budget or gate was set and nothing was measured"),
    Verdict.INCONCLUSIVE: (
        "warn",
        "latency is unclear: too much noise, too little time, or weights that are slow on other processors",
    ),
    Verdict.UNUSED: ("fail", "all tests were collected and none uses the baseline"),
    Verdict.IMPROVED: ("warn", "a model is lighter or faster than its baseline"),
    Verdict.UNJUDGED: (
        "warn",
        "a gated test was skipped, deselected or expected to fail, or lacks the weights that its baseline had",
    ),
    Verdict.UNGATED: ("warn", "a marked test has no gate, and does not use its model"),
    Verdict.FLAKY: ("warn", "a gate failed before its test was run again"),
}
"""By verdict: its default action, and when it is given. All other verdicts always fail."""

_USUAL = {verdict: action for verdict, (action, _) in _RULES.items()}
OCCASIONS = {verdict: occasion for verdict, (_, occasion) in _RULES.items()}
OF_THE_RUN = (Verdict.UNUSED,)
"""Verdicts on the whole run. A test's own marker cannot set their action."""

_GOOD = (Verdict.PASSED, Verdict.ADVICE)


class Policy(NamedTuple):
    """The action for each verdict that leaves a choice."""

    actions: Mapping[Verdict, PolicyAction] = _USUAL

    @classmethod
    def strict(cls) -> "Policy":
        """Every verdict but PASSED fails."""
        return cls(dict.fromkeys(_RULES, "fail"))

    def updated(self, actions: Mapping[Verdict, PolicyAction]) -> "Policy":
        """The same policy with these actions changed."""
        return Policy({**self.actions, **actions})

    def action(self, verdict: Verdict) -> PolicyAction:
        return "ignore" if verdict in _GOOD else self.actions.get(verdict, "fail")

    def deviations(self) -> str:
        """The actions that differ from the default, as the user would write them."""
        changed = (item for item in self.actions.items() if _USUAL[item[0]] != item[1])
        return " ".join(f"{verdict.value.lower()}={action}" for verdict, action in changed)


def parse_policy(text: str, *, where: str) -> Tuple[Verdict, PolicyAction]:
    """``missing=warn``. Raises ``UsageError`` that begins with ``where``."""
    name, equals, action = text.partition("=")
    if "," in text and "=" in text.partition(",")[2]:
        raise UsageError(f"{where}: {text!r} has a comma; policies are separated by spaces or lines")
    if not equals:
        raise UsageError(f"{where}: {text!r} is not VERDICT=ACTION, as in missing=warn")
    return _verdict(name.strip(), where), _action(action.strip(), name.strip(), where)


def parse_policies(arguments: Mapping[str, object], *, where: str) -> Dict[Verdict, PolicyAction]:
    """``{"missing": "warn"}``, as a marker has it. Raises ``UsageError`` that begins with ``where``."""
    actions = {_verdict(name, where): _action(action, name, where) for name, action in arguments.items()}
    for verdict in OF_THE_RUN:
        if verdict in actions:
            name = verdict.value.lower()
            raise UsageError(f"{where}: {name} is about the whole run; set it for the run, not for one model")
    return actions


def _verdict(name: str, where: str) -> Verdict:
    verdict = Verdict.__members__.get(name.upper())
    if verdict in _RULES:
        return verdict
    choices = [each.value.lower() for each in _RULES]
    hint = did_you_mean(name.lower(), choices)
    problem = "is not a verdict" if verdict is None else "never fails" if verdict in _GOOD else "always fails"
    raise UsageError(f"{where}: {name!r} {problem}; {hint}a policy can set: {', '.join(choices)}")


def _action(given: object, name: str, where: str) -> PolicyAction:
    for action in ACTIONS:
        if action == given:
            return action
    if isinstance(given, str) and given.endswith(","):
        raise UsageError(f"{where}: {name}={shown(given)} ends with a comma; policies are separated by spaces or lines")
    raise UsageError(f"{where}: {name}={shown(given)} is not an action; use {either(ACTIONS)}")
