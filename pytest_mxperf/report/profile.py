"""The times of layers, as a table for a terminal or a file of text."""

from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple

from rich.console import Console

from pytest_mxperf.profile.attribution import Pairing
from pytest_mxperf.profile.layers import ModelProfile, TimedLayer
from pytest_mxperf.quantities import Quantity, format_growth, format_quantity
from pytest_mxperf.report.console import new_console, plain, printed, shortened, wrapped

__all__ = ["SORTS", "gigas", "headline", "leads", "peaks_line", "percent", "print_profile", "render", "render_two"]

SORTS: Dict[str, Callable[[TimedLayer], float]] = {
    "time": lambda layer: layer.cpu_seconds,
    "macs": lambda layer: layer.macs,
    "bytes": lambda layer: layer.bytes_moved,
}
"""The figures by which layers can be sorted, the largest first."""

_LEADS = 3
_LEAST_LEAD = 0.05
"""A layer that loses a smaller fraction of the forward is no lead."""
_INDENT = 4
_GAP = "  "


def render(
    name: str, profile: ModelProfile, *, width: int, color: bool, sort: str = "time", top: Optional[int] = None
) -> str:
    """One model's layers, or the first ``top`` ones, with times, rates and leads."""
    console = new_console(width=width, color=color)
    console.print(plain(name, "bold"))
    print_profile(console, profile, sort=sort, top=top)
    return printed(console)


def print_profile(console: Console, profile: ModelProfile, *, sort: str = "time", top: Optional[int] = None) -> None:
    layers = sorted(profile.layers, key=SORTS[sort], reverse=True)[:top]
    shown = "" if len(layers) == len(profile.layers) else f"; {len(layers)} of {len(profile.layers)} layers"
    wrapped(console, f"{headline(profile)}{shown}", indent=2)
    _print_table(console, _HEADINGS, [_cells(layer, profile) for layer in layers])
    for line in (profile.doubt, peaks_line(profile), *leads(profile)):
        if line:
            wrapped(console, line, indent=2, hang=4)


def headline(profile: ModelProfile) -> str:
    """``layers: 2.31 ms per forward, as a Module, with its own weights``"""
    weights = "its own" if profile.own_weights else "synthetic"
    return f"layers: {_time(profile.forward_cpu_seconds)} per forward, as a {profile.run_as}, with {weights} weights"


def peaks_line(profile: ModelProfile) -> str:
    """The processor's peak rates; empty if they were not measured."""
    if profile.peaks is None:
        return ""
    rates = [f"{gigas(rate)} GFLOP/s in {dtype}" for dtype, rate in profile.peaks.flops_per_second.items()]
    return f"one core does {', '.join(rates)}, and moves {gigas(profile.peaks.bytes_per_second)} GB/s"


def leads(profile: ModelProfile) -> List[str]:
    """The layers that lose the most time compared with the processor's peak rates. None if the times are in doubt."""
    if profile.doubt:
        return []
    worst = sorted(profile.layers, key=profile.lost_seconds, reverse=True)[:_LEADS]
    worst = [layer for layer in worst if profile.lost_seconds(layer) > _LEAST_LEAD * profile.forward_cpu_seconds]
    return [
        f"{layer.name} loses {_time(profile.lost_seconds(layer))}: it attains {percent(profile.attained(layer))} of "
        "what the processor can do"
        for layer in worst
    ]


_HEADINGS = ("layer", "operator", "time", "share", "GFLOP/s", "GB/s", "attained")


def _cells(layer: TimedLayer, profile: ModelProfile) -> Tuple[str, ...]:
    return (
        layer.name,
        layer.operator,
        _time(layer.cpu_seconds),
        percent(profile.share(layer)),
        gigas(layer.flops_per_second),
        gigas(layer.bytes_per_second),
        percent(profile.attained(layer)),
    )


def render_two(
    names: Tuple[str, str],
    profiles: Tuple[ModelProfile, ModelProfile],
    pairings: Sequence[Pairing],
    reasons: Sequence[str],
    *,
    width: int,
    color: bool,
    top: Optional[int] = None,
) -> str:
    """Two models side by side: the largest changes first, and why the second model is slower, if so."""
    console = new_console(width=width, color=color)
    for name, profile in zip(names, profiles):
        wrapped(console, f"{name}: {headline(profile)}", hang=4)
    old, new = (profile.forward_cpu_seconds for profile in profiles)
    console.print(f"{_time(old)} -> {_time(new)} per forward, {format_growth(old, new)}")
    pairs = sorted(pairings, key=lambda each: -abs(each.growth))[:top]
    _print_table(console, ("layer", "operator", "before", "now", "change"), [_pair(each) for each in pairs])
    for line in reasons:
        wrapped(console, line, indent=2, hang=4)
    return printed(console)


def _pair(pairing: Pairing) -> Tuple[str, ...]:
    before, now = ([row.layer for row in rows] for rows in (pairing.old, pairing.new))
    main = max(now or before, key=lambda layer: layer.cpu_seconds)
    more = len(now or before) - 1
    change = "new" if not before else "gone" if not now else format_growth(pairing.before, pairing.now)
    name = f"{main.name} +{more}" if more else main.name
    return name, main.operator, _time(pairing.before), _time(pairing.now), change


class _Column(NamedTuple):
    width: int
    is_text: bool


def _print_table(console: Console, headings: Sequence[str], rows: Sequence[Tuple[str, ...]]) -> None:
    """Prints two columns of text and then figures. A name that is too long loses its middle."""
    cells = [tuple(headings), *rows]
    widths = [max(map(len, column)) for column in zip(*cells)]
    room = console.width - _INDENT - sum(width + len(_GAP) for width in widths[1:])
    columns = [_Column(max(8, min(widths[0], room)), True), _Column(widths[1], True)]
    columns += [_Column(width, False) for width in widths[2:]]
    for row in cells:
        texts = [
            shortened(cell, column.width).ljust(column.width) if column.is_text else cell.rjust(column.width)
            for cell, column in zip(row, columns)
        ]
        line = plain(" " * _INDENT + _GAP.join(texts), "bold" if row is cells[0] else "")
        console.print(line, no_wrap=True, overflow="crop")


def _time(seconds: float) -> str:
    return format_quantity(seconds, Quantity.SECONDS)


def gigas(rate: float) -> str:
    """The rate in 1e9 per second, such as ``98.3``; empty for 0."""
    value = rate / 1e9
    return (
        "" if not rate else f"{value:.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
    )


def percent(share: Optional[float]) -> str:
    return "" if share is None else f"{share:.1%}"
