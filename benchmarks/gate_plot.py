"""Draws docs/latency-gate.svg from benchmarks/results/gate.jsonl: python benchmarks/gate_plot.py (needs matplotlib)."""

import json
import random
from pathlib import Path

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot

ROOT = Path(__file__).parents[1]
SAME, SLOWER = "#1f77b4", "#d62728"
LIMITS = (-12, 18)  # percent; what lies beyond is drawn at the edge


def stored(lines, kind):
    """Growth of the stored mean, in percent, from each session to the next one."""
    means = {(line["turn"], line["network"], line["kind"]): line["mean"] for line in lines if line["part"] == "stored"}
    for (turn, network, of), mean in means.items():
        before = means.get((turn - 1, network, "same"))
        if of == kind and before is not None:
            yield 100 * (mean / before - 1)


def gated(lines, kind):
    """Growth as the gate measured it, in percent: by its last rule, of networks run as a Module at any load."""
    rule = max(line.get("rule", 0) for line in lines)
    of_a_module = [line for line in lines if line["part"] in ("same", "slower", "busy") and line.get("rule") == rule]
    return [100 * line["growth"] for line in of_a_module if line["kind"] == kind]


def draw(axes, title, threshold, same, slower):
    chance = random.Random(0)
    for row, values, colour in ((1, same, SAME), (0, slower, SLOWER)):
        shown = [min(max(value, LIMITS[0]), LIMITS[1]) for value in values]
        heights = [row + chance.uniform(-0.32, 0.32) for _ in shown]
        axes.plot(shown, heights, ".", color=colour, markersize=4, alpha=0.6)
    axes.axvline(threshold, color="black", linewidth=1, linestyle="--")
    axes.text(threshold, 1.47, f" fails beyond {threshold:g}%", fontsize=8, verticalalignment="bottom")
    axes.set_yticks([1, 0], [f"same network ({len(same)})", f"4.5 to 6% slower ({len(slower)})"])
    axes.set_ylim(-0.5, 1.5)
    axes.set_title(title, loc="left", fontsize=10, pad=14)


def main():
    text = (ROOT / "benchmarks" / "results" / "gate.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    pyplot.rcParams.update({"svg.hashsalt": "gate", "font.size": 9})
    figure, (above, below) = pyplot.subplots(2, 1, figsize=(8, 4.6), sharex=True, layout="constrained")
    title = "Stored: pytest-benchmark's mean, two processes minutes apart"
    draw(above, title, 5.0, list(stored(lines, "same")), list(stored(lines, "slower")))
    draw(below, "Paired: the latency gate", 2.5, gated(lines, "same"), gated(lines, "slower"))
    below.set_xlim(LIMITS[0] - 0.5, LIMITS[1] + 0.5)
    below.set_xlabel("measured growth of the time per forward, in percent")
    figure.savefig(ROOT / "docs" / "latency-gate.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
