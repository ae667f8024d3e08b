"""A slowdown in words: a line for each layer."""

from typing import Callable, Dict, List, Sequence

from pytest_mxperf.profile.causes import Cause, block_of
from pytest_mxperf.profile.slowdown import Slowdown, SlowLayer

__all__ = ["lines"]

_MOST_NAMES = 3


def lines(slowdown: Slowdown) -> List[str]:
    """Lines like this:

    ``conv2 (Convolution): 1.21 ms -> 2.35 ms, 91% of the growth: the same MACs, slower: num_group 1 -> 64``

    A layer that is slower only because it reads a changed one is indented below that.
    """
    if slowdown.unknown_because:
        return [f"cannot say which layers are slower: {slowdown.unknown_because}"]
    shown = [_line(layer) for layer in slowdown.layers]
    if slowdown.is_spread:
        count = len(slowdown.layers) + slowdown.more
        return [f"spread evenly over {count} layers; the largest part is", *shown]
    rest = 1 - sum(layer.part for layer in slowdown.layers)
    if round(100 * rest) < 0:
        shown.append(f"other layers became faster, {-rest:.0%} of the growth")
    if slowdown.more and rest >= 0.1:
        shown.append(f"and {slowdown.more} more layer{'s' if slowdown.more > 1 else ''}, {rest:.0%} of the growth")
    return shown


def _line(layer: SlowLayer) -> str:
    times = " -> ".join(_milliseconds(layer))
    why = _WORDS[layer.cause.kind](layer.cause)
    indent = "  " if layer.is_behind else ""
    return f"{indent}{layer.name} ({layer.operator}): {times}, {layer.part:.0%} of the growth: {why}"


def _milliseconds(layer: SlowLayer) -> List[str]:
    """Both times, with as many decimals as the longer one needs."""
    longest = 1e3 * max(layer.before_seconds, layer.now_seconds)
    decimals = 2 if longest >= 0.1 else 3 if longest >= 0.01 else 4
    return [f"{1e3 * seconds:.{decimals}f} ms" for seconds in (layer.before_seconds, layer.now_seconds)]


def _more_work(cause: Cause) -> str:
    figures = (("MACs", cause.macs), ("bytes", cause.bytes), ("parameters", cause.param_bytes))
    grown = [f"{_growth(*counts)} {what}" for what, counts in figures if counts[1] > counts[0]]
    return f"more work: {_listed([*map(str, cause.details), *grown[:1]])}"


def _slower_kernel(cause: Cause) -> str:
    return f"{_work(cause)}, slower: {_listed([str(detail) for detail in cause.details])}"


def _left_blocked_layout(cause: Cause) -> str:
    (counts,) = cause.details
    fast = " and ".join(map(str, cause.fast_counts))
    are = "are" if len(cause.fast_counts) > 1 else "is"
    return f"{_work(cause)}, slower: {counts}, which is no multiple of {block_of(int(counts.now))}; {fast} {are} fast"


def _no_longer_fused(cause: Cause) -> str:
    return f"no longer fused with {_some(cause.layers)}{_attributes(cause)}"


def _fused_with_more(cause: Cause) -> str:
    return f"{_some(cause.layers)} {'runs' if len(cause.layers) == 1 else 'run'} in it now"


def _new(cause: Cause) -> str:
    return "new" if len(cause.layers) < 2 else f"{len(cause.layers)} new layers together: {_some(cause.layers)}"


def _replaced(cause: Cause) -> str:
    return f"replaced by {_layers(cause)}"


def _own_weights(cause: Cause) -> str:
    return "the same work, slower with its own weights"


def _unchanged(cause: Cause) -> str:
    behind = f", behind {_some(cause.layers)}" if cause.layers else ""
    return f"itself unchanged{behind}{_attributes(cause)}"


_WORDS: Dict[str, Callable[[Cause], str]] = {
    "more work": _more_work,
    "slower kernel": _slower_kernel,
    "left blocked layout": _left_blocked_layout,
    "no longer fused": _no_longer_fused,
    "fused with more": _fused_with_more,
    "new": _new,
    "replaced": _replaced,
    "own weights": _own_weights,
    "unchanged": _unchanged,
}


def _work(cause: Cause) -> str:
    """``the same MACs`` or ``6% more MACs``; for a layer without MACs ``the same work`` or ``6% more bytes``."""
    what, (before, now) = ("MACs", cause.macs) if cause.macs[0] else ("bytes", cause.bytes)
    if not before or round(100 * (now / before - 1)) == 0:
        return f"the same {'MACs' if what == 'MACs' and before else 'work'}"
    return f"{abs(now / before - 1):.0%} {'more' if now > before else 'fewer'} {what}"


def _growth(before: int, now: int) -> str:
    """``+6%``, or ``9.0x the`` from twice as much on."""
    if before and now < 2 * before:
        return f"{now / before - 1:+.0%}"
    return f"{now / before:.1f}x the" if before else f"{now:,}"


def _attributes(cause: Cause) -> str:
    """``: act_type relu -> softsign``, to go behind the names of other layers."""
    return f": {_listed([str(detail) for detail in cause.details])}" if cause.details else ""


def _layers(cause: Cause) -> str:
    count = len(cause.layers)
    return f"{f'{count} layers: ' if count > 1 else ''}{_some(cause.layers)}"


def _some(names: Sequence[str]) -> str:
    shown = list(names[:_MOST_NAMES])
    more = len(names) - len(shown)
    return ", ".join([*shown, *([f"{more} more"] if more else [])])


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts)
