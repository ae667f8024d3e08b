"""Options for the messages of tests that run neither pytest nor a command."""

from pytest_mxperf.words import Words

WORDS = Words(
    record="--update",
    record_missing="--update=new",
    record_this="--update net",
    prune="--prune",
    baselines="--folder",
    policy="--policy",
    latency="--latency",
    latency_seconds="--seconds",
    latency_wait="--wait",
)
