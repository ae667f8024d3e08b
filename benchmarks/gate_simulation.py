"""Rules for the latency gate, side by side on simulated noise: python benchmarks/gate_simulation.py [SCALE].

Every rule sees the same log ratios, at a tolerance of 2.5%, and prints how often it fails or passes a model, and after
how many samples it ends. Then come the package's own rule with its confirmation by other workers, the same at 1.5%, and
how often a whole session fails. SCALE multiplies the number of gates. Numbers only: nothing is timed, and mxnet is not
needed. Five minutes.
"""

import sys

import numpy as np

from pytest_mxperf.latency.decide import Outcome, SequentialTest, confirm, is_undecided
from pytest_mxperf.latency.spending import alpha_of

TOLERANCE = 0.025
LIMIT = np.log1p(TOLERANCE)
SAMPLES = 48
FAIL_ALPHA, MISS_ALPHA = alpha_of(1), 0.05  # of every rule that has them
REGRESSED, PASSED, INCONCLUSIVE = 1, -1, 0


def gaussian(sd):
    return lambda chance, shape: sd * chance.standard_normal(shape)


def exponential(sd):
    """Skewed to the side of sd's sign, with a mean of 0."""
    return lambda chance, shape: sd * (chance.exponential(size=shape) - 1)


def lognormal(sd, shape_parameter=0.8):
    def noise(chance, shape):
        mean, variance = np.exp(shape_parameter**2 / 2), np.expm1(shape_parameter**2) * np.exp(shape_parameter**2)
        return sd * (np.exp(shape_parameter * chance.standard_normal(shape)) - mean) / np.sqrt(variance)

    return noise


def student_3(sd):
    return lambda chance, shape: sd * chance.standard_t(3, size=shape) / np.sqrt(3)


def spikes(sd, smallest, largest, share=0.05):
    """Gaussian, and a share of the samples is off by so much to either side."""

    def noise(chance, shape):
        sizes = chance.uniform(smallest, largest, shape) * chance.choice([-1, 1], shape)
        return gaussian(sd)(chance, shape) + np.where(chance.random(shape) < share, sizes, 0)

    return noise


def walk(sd, step):
    """Gaussian on top of a drift without aim, of so much from sample to sample."""
    return lambda chance, shape: gaussian(sd)(chance, shape) + np.cumsum(gaussian(step)(chance, shape), axis=1)


def correlated(sd, correlation=0.7):
    """Each sample is like the one before it (autoregressive)."""

    def noise(chance, shape):
        values = gaussian(sd)(chance, shape)
        for i in range(1, shape[1]):
            values[:, i] = correlation * values[:, i - 1] + np.sqrt(1 - correlation**2) * values[:, i]
        return values

    return noise


def two_speeds(sd, apart):
    """Each sample has one of two speeds, by the toss of a coin."""

    def noise(chance, shape):
        return gaussian(sd)(chance, shape) + apart / 2 * chance.choice([-1, 1], shape)

    return noise


def offset(sd, offset_sd):
    """Each worker favours one side, in all its samples alike."""
    return lambda chance, shape: gaussian(sd)(chance, shape) + gaussian(offset_sd)(chance, (shape[0], 1))


NOISES = {
    "Gaussian, sd 0.4%": gaussian(0.004),
    "Gaussian, sd 0.8%": gaussian(0.008),
    "Gaussian, sd 1.2%": gaussian(0.012),
    "Gaussian, sd 3%": gaussian(0.03),
    "Gaussian, sd 5%": gaussian(0.05),
    "exponential to slower, sd 1.2%": exponential(0.012),
    "exponential to faster, sd 1.2%": exponential(-0.012),
    "lognormal, sd 1.2%": lognormal(0.012),
    "Student's t (3), sd 1.2%": student_3(0.012),
    "sd 0.4%, 5% spikes of 10%": spikes(0.004, 0.10, 0.10),
    "sd 1.2%, 5% spikes of 10%": spikes(0.012, 0.10, 0.10),
    "sd 0.4%, 5% spikes of 5 to 30%": spikes(0.004, 0.05, 0.30),
    "sd 0.4%, drift of 0.3% a sample": walk(0.004, 0.003),
    "sd 1.2%, correlation 0.5": correlated(0.012, 0.5),
    "sd 1.2%, correlation 0.7": correlated(0.012),
    "two speeds 4% apart": two_speeds(0.002, 0.04),
    "sd 0.4%, worker off by sd 0.5%": offset(0.004, 0.005),
}


def log_ratios(noise, growth, gates, seed):
    return np.log1p(growth) + NOISES[noise](np.random.default_rng(seed), (gates, SAMPLES))


def running(values):
    """Number, mean and squared deviations of the samples so far."""
    number = np.arange(1, values.shape[1] + 1)
    mean = np.cumsum(values, axis=1) / number
    return number, mean, np.maximum(np.cumsum(values**2, axis=1) - number * mean**2, 0)


def first_decision(fails, passes):
    """Outcome, and number of samples, of each gate: the first sample that decides, or else the last."""
    decided = fails | passes
    last = np.where(decided.any(axis=1), decided.argmax(axis=1), decided.shape[1] - 1)
    row = np.arange(len(last))
    return np.where(fails[row, last], REGRESSED, np.where(passes[row, last], PASSED, INCONCLUSIVE)), last + 1


def three_sd(values):
    """The prototype: mean +- 3 max(sd, 1.2%) / sqrt(k) after 2 to 10 samples, and then on which side the mean is."""
    number, mean, squares = running(values[:, :10])
    margin = 3 * np.maximum(np.sqrt(squares / np.maximum(number - 1, 1)), 0.012) / np.sqrt(number)
    fails, passes = mean - margin > LIMIT, mean + margin < LIMIT
    fails[:, 0] = passes[:, 0] = False
    fails[:, -1], passes[:, -1] = mean[:, -1] > LIMIT, mean[:, -1] <= LIMIT
    return first_decision(fails, passes)


def sign(values):
    """E-value of how many samples lie beyond the tolerance: the binomial likelihood ratio, uniform over p > 1/2.

    Free of any assumption on the noise but independence and its median; with alpha = 5% on both sides, since at 0.1%
    it would need 13 samples that all agree.
    """
    number = np.arange(1, values.shape[1] + 1)
    above = np.cumsum(values > LIMIT, axis=1)
    table = np.full((SAMPLES + 1, SAMPLES + 1), np.nan)
    grid = (np.arange(20000) + 0.5) / 40000 + 0.5
    for k in number:
        for s in range(k + 1):
            table[k, s] = np.mean(2.0**k * grid**s * (1 - grid) ** (k - s))
    return first_decision(table[number, above] >= 20, table[number, number - above] >= 20)


def normal_mixture(values, prior_sd=0.02, floor=0.012):
    """Anytime-valid for a known sd (Robbins 1970), for which max(sd of the samples, 1.2%) is put in."""
    number, mean, squares = running(values)
    variance = np.maximum(squares / np.maximum(number - 1, 1), floor**2)
    ratio = 1 + number * prior_sd**2 / variance

    def margin(alpha):
        return np.sqrt(variance * ratio / (number**2 * prior_sd**2) * 2 * variance * np.log(np.sqrt(ratio) / alpha))

    fails, passes = mean - margin(FAIL_ALPHA) > LIMIT, mean + margin(MISS_ALPHA) <= LIMIT
    fails[:, 0] = passes[:, 0] = False
    return first_decision(fails, passes)


def t_mixture(values, effect=1.0):
    """Anytime-valid for an unknown sd: the e-process of the t test (Lai 1976; Wang and Ramdas 2024), N(0, 1) effect."""
    beyond = values - LIMIT
    number, total, squares = np.arange(1, SAMPLES + 1), np.cumsum(beyond, axis=1), np.cumsum(beyond**2, axis=1)
    ratio = 1 + number * effect**2
    inner = np.maximum(1 - effect**2 / ratio * total**2 / squares, 1e-300)
    with np.errstate(over="ignore"):
        evidence = ratio**-0.5 * inner ** (-number / 2)
    fails, passes = (evidence >= 1 / FAIL_ALPHA) & (total > 0), (evidence >= 1 / MISS_ALPHA) & (total < 0)
    fails[:, 0] = passes[:, 0] = False
    return first_decision(fails, passes)


def decision_of(test, values):
    return next(decision for decision in map(test.add, values) if decision)


def chosen(values):
    """The package's own."""
    decisions = [decision_of(SequentialTest(TOLERANCE), row) for row in values.tolist()]
    codes = {Outcome.REGRESSED: REGRESSED, Outcome.PASSED: PASSED, Outcome.INCONCLUSIVE: INCONCLUSIVE}
    return np.array([codes[d.outcome] for d in decisions]), np.array([d.samples for d in decisions])


RULES = {
    "prototype": three_sd,
    "sign e-value": sign,
    "normal mixture": normal_mixture,
    "t mixture": t_mixture,
    "**SequentialTest**": chosen,
}


def compare(gates):
    print("| noise | rule | 0%: failed | passed | samples | 2.5%: failed", end=" | ")
    print("4.5%: failed | passed | samples | 6%: failed |")
    print("|---|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for noise in NOISES:
        for name, rule in RULES.items():
            same, same_samples = rule(log_ratios(noise, 0, 4 * gates, seed=1))
            edge, _ = rule(log_ratios(noise, TOLERANCE, gates, seed=2))
            slow, slow_samples = rule(log_ratios(noise, 0.045, gates, seed=3))
            slower, _ = rule(log_ratios(noise, 0.06, gates, seed=4))
            print(
                f"| {noise} | {name} | {np.mean(same == REGRESSED):.3%} | {np.mean(same == PASSED):.1%}"
                f" | {same_samples.mean():.1f} | {np.mean(edge == REGRESSED):.1%} | {np.mean(slow == REGRESSED):.1%}"
                f" | {np.mean(slow == PASSED):.2%} | {slow_samples.mean():.1f} | {np.mean(slower == REGRESSED):.1%} |",
                flush=True,
            )


def confirmed(noise, tolerance, growth, gates):
    """The shares of gates that fail on a first worker, and of those that another one confirms."""
    runs = zip(*(log_ratios(noise, growth, gates, seed).tolist() for seed in (5, 6, 7)))
    failed = both = 0
    for first, *others in runs:
        decision = decision_of(SequentialTest(tolerance), first)
        if decision.outcome is Outcome.REGRESSED:
            failed += 1
            both += is_confirmed(decision, tolerance, others)
    return failed / gates, both / gates


def is_confirmed(first, tolerance, others):
    for values in others:
        again = decision_of(SequentialTest(tolerance), values)
        if not is_undecided(again, tolerance):
            break
    return confirm(first, again).outcome is Outcome.REGRESSED


def print_confirmations(tolerance, growths, gates):
    print(f"\nTolerance {tolerance:.1%}: failed on a first worker, confirmed by a second\n")
    print("| noise |" + "|".join(f" {growth:+.1%} " for growth in growths) + "|")
    print("|---|" + "--:|" * len(growths))
    for noise in NOISES:
        shares = [confirmed(noise, tolerance, growth, gates) for growth in growths]
        print(f"| {noise} |" + "|".join(f" {first:.2%}, {both:.2%} " for first, both in shares) + "|", flush=True)


def false_failures(noise, comparison, gates):
    """How often a session's comparison of this number fails, if the growth equals the tolerance and workers differ."""
    values = log_ratios(noise, TOLERANCE, gates, seed=8).tolist()
    decisions = [decision_of(SequentialTest(TOLERANCE, alpha=alpha_of(comparison)), row) for row in values]
    fails = sum(decision.outcome is Outcome.REGRESSED for decision in decisions) / gates
    undecided = sum(is_undecided(decision, TOLERANCE) for decision in decisions) / gates
    return fails * (fails + undecided * fails)


def print_sessions(noises, gates, numbers=(1, 3, 10, 30, 100)):
    """All models are exactly at the tolerance. Between the numbers that are simulated it interpolates."""
    print("\nSessions of 1, 10 and 100 models that are exactly at the tolerance: how many fail\n")
    print("| noise | 1 | 10 | 100 |\n|---|--:|--:|--:|")
    for noise in noises:
        shares = [max(false_failures(noise, number, gates), 1e-9) for number in numbers]
        logs = np.interp(np.log(np.arange(1, 101)), np.log(numbers), np.log(shares))
        failing = 1 - np.cumprod(1 - np.exp(logs))
        print(f"| {noise} | " + " | ".join(f"{failing[models - 1]:.3%}" for models in (1, 10, 100)) + " |", flush=True)


if __name__ == "__main__":
    scale = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    print("Tolerance 2.5%: shares of gates, and samples on average\n")
    compare(int(4000 * scale))
    print_confirmations(0.025, (0, 0.025, 0.045, 0.05, 0.06), int(4000 * scale))
    print_confirmations(0.015, (0, 0.015, 0.03, 0.035), int(4000 * scale))
    steady = ("Gaussian, sd 1.2%", "Gaussian, sd 3%", "sd 1.2%, correlation 0.5", "two speeds 4% apart")
    print_sessions(steady, int(20000 * scale))
