"""Formulas against naive implementations that run on numbers which count what is done with them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pytest_mxperf.cost.walk  # noqa: F401  registers the rules
from pytest_mxperf.cost.registry import Call, rule_for
from pytest_mxperf.cost.result import OpCost

SIZES = st.integers(1, 6)


class Number:
    """A number that counts: every operation, comparison and function of one is a FLOP."""

    flops = 0

    def __init__(self, value):
        self.value = value

    def _count(self, value):
        Number.flops += 1
        return Number(value)

    def __add__(self, other):
        return self._count(self.value + getattr(other, "value", other))

    def __sub__(self, other):
        return self._count(self.value - getattr(other, "value", other))

    def __mul__(self, other):
        return self._count(self.value * getattr(other, "value", other))

    def __truediv__(self, other):
        return self._count(self.value / getattr(other, "value", other))

    def __neg__(self):
        return self._count(-self.value)

    def __lt__(self, other):
        Number.flops += 1
        return self.value < other.value

    def apply(self, function):
        return self._count(function(self.value))


def numbers(count):
    return [Number(1.0 + index % 7) for index in range(count)]


def counted(run):
    """The FLOPs that ``run`` takes."""
    Number.flops = 0
    run()
    return Number.flops


def total(values):
    result = values[0]
    for value in values[1:]:
        result = result + value
    return result


def flops_of(operator, shape, attrs=None, outputs=None):
    cost = rule_for(operator).formula(Call(operator, attrs or {}, (shape,), (outputs or shape,)))
    assert cost.macs == 0
    return cost.flops


def softmax(row, temperature=None, negate=False, log=False):
    row = [-value for value in row] if negate else row
    largest = max(row)
    row = [value - largest for value in row]
    row = row if temperature is None else [value / temperature for value in row]
    exponentials = [value.apply(math.exp) for value in row]
    if log:
        logarithm = total(exponentials).apply(math.log)
        return [value - logarithm for value in row]
    divisor = total(exponentials)
    return [value / divisor for value in exponentials]


@given(rows=SIZES, length=SIZES, temperature=st.sampled_from([None, 2.0]))
@pytest.mark.parametrize("operator", ["softmax", "softmin", "log_softmax"])
def test_softmax(operator, rows, length, temperature):
    def run():
        for _ in range(rows):
            softmax(numbers(length), temperature, operator == "softmin", operator == "log_softmax")

    attrs = {} if temperature is None else {"temperature": str(temperature)}
    assert flops_of(operator, (rows, length), attrs) == counted(run)


def standardize(group, gamma=2.0, beta=3.0):
    n = len(group)
    mean = total(group) / n
    centred = [value - mean for value in group]
    variance = total([value * value for value in centred]) / n
    deviation = (variance + 1e-5).apply(math.sqrt)
    return [value / deviation * gamma + beta for value in centred]


@given(batch=SIZES, groups=SIZES, per_group=SIZES, positions=SIZES)
def test_layer_instance_and_group_norm(batch, groups, per_group, positions):
    channels = groups * per_group
    shape = (batch, channels, positions)

    def run(group_count, group_size):
        return counted(lambda: [standardize(numbers(group_size)) for _ in range(group_count)])

    assert flops_of("LayerNorm", shape) == run(batch * channels, positions)
    assert flops_of("LayerNorm", shape, {"axis": "1"}) == run(batch * positions, channels)
    assert flops_of("InstanceNorm", shape) == run(batch * channels, positions)
    assert flops_of("GroupNorm", shape, {"num_groups": str(groups)}) == run(batch * groups, per_group * positions)


@given(batch=SIZES, channels=SIZES, positions=SIZES)
@pytest.mark.parametrize("mode", ["instance", "channel", "spatial"])
def test_l2_normalization(mode, batch, channels, positions):
    groups, size = {
        "instance": (batch, channels * positions),
        "channel": (batch * positions, channels),
        "spatial": (batch * channels, positions),
    }[mode]

    def run():
        for _ in range(groups):
            group = numbers(size)
            norm = (total([value * value for value in group]) + 1e-10).apply(math.sqrt)
            assert len([value / norm for value in group]) == size

    assert flops_of("L2Normalization", (batch, channels, positions), {"mode": mode}) == counted(run)


@given(batch=SIZES, channels=SIZES, window=st.sampled_from([1, 3, 5]))
def test_local_response_norm(batch, channels, window):
    def run():
        for _ in range(batch):
            data = numbers(channels)
            padding = [Number(0.0)] * (window // 2)
            squares = [*padding, *(value * value for value in data), *padding]
            for channel, value in enumerate(data):
                norm = total(squares[channel : channel + window]) * 1e-4 + 2.0
                assert (value * norm.apply(lambda norm: norm**-0.75)).value

    assert flops_of("LRN", (batch, channels, 1, 1), {"nsize": str(window)}) == counted(run)


@given(rows=SIZES, length=SIZES)
def test_variance(rows, length):
    def run():
        for _ in range(rows):
            values = numbers(length)
            mean = total(values) / length
            centred = [value - mean for value in values]
            assert (total([value * value for value in centred]) / length).value >= 0

    assert flops_of("_npi_var", (rows, length), outputs=(rows,)) == counted(run)
    assert flops_of("_npi_std", (rows, length), outputs=(rows,)) == counted(run) + rows


@given(rows=SIZES, left=SIZES, passes=st.integers(0, 7))
def test_differences(rows, left, passes):
    length = left + passes

    def run():
        for _ in range(rows):
            values = numbers(length)
            for _ in range(passes):
                values = [after - before for before, after in zip(values, values[1:])]

    assert flops_of("_npi_diff", (rows, length), {"n": str(passes)}, (rows, left)) == counted(run)


@given(rows=SIZES, length=SIZES)
def test_cumulative_sums(rows, length):
    def run():
        for _ in range(rows):
            values = numbers(length)
            for index in range(1, length):
                values[index] = values[index - 1] + values[index]

    assert flops_of("_np_cumsum", (rows, length), {"axis": "1"}) == counted(run)


@given(height=SIZES, width=SIZES, top=st.integers(0, 2), right=st.integers(0, 2))
def test_padding_with_the_maximum(height, width, top, right):
    def run():
        rows = [numbers(width) for _ in range(height)]
        if right:
            rows = [row + [max(row)] * right for row in rows]
        if top:
            rows = [[max(column) for column in zip(*rows)]] * top + rows
        assert (len(rows), len(rows[0])) == (height + top, width + right)

    outputs = (height + top, width + right)
    assert flops_of("_npi_pad", (height, width), {"mode": "maximum"}, outputs) == counted(run)


@given(vectors=SIZES, length=SIZES)
def test_dirichlet_densities(vectors, length):
    def run():
        for _ in range(vectors):
            sample, alpha = numbers(length), numbers(length)
            weighted = total([(a - 1) * x.apply(math.log) for x, a in zip(sample, alpha)])
            beta = total([a.apply(math.lgamma) for a in alpha])
            assert (weighted + (total(alpha).apply(math.lgamma) - beta)).apply(math.exp).value

    assert flops_of("_random_pdf_dirichlet", (vectors, length), outputs=(vectors,)) == counted(run)


@given(values=st.permutations(range(12)), length=st.integers(0, 12))
def test_a_merge_sort_takes_no_more_comparisons_than_counted(values, length):
    def sort(row):
        if len(row) < 2:
            return row
        left, right = sort(row[: len(row) // 2]), sort(row[len(row) // 2 :])
        merged = []
        while left and right:
            merged.append((right if right[0] < left[0] else left).pop(0))
        return merged + left + right

    row = [Number(value) for value in values[:length]]
    assert counted(lambda: sort(row)) <= flops_of("sort", (length,))


@pytest.mark.parametrize(
    ("operator", "attrs", "shape", "flops"),
    [
        # MXNet does not infer the shape of what depends on values, so no whole model can be counted with these.
        ("_npi_unique", {}, (2, 4), 8 * 3 + 7),
        ("_npi_unique", {"axis": "1"}, (2, 4), 2 * (4 * 2 + 3)),
        ("_npi_bincount", {}, (6,), 12),
        ("_npi_unique", {}, (0,), 0),
        ("softmax", {}, (5, 0), 0),
        ("softmax", {}, (0, 5), 0),
        ("sort", {"axis": "None"}, (0, 5), 0),
        ("_np_cumsum", {}, (0,), 0),
        ("_npi_ediff1d", {}, (0,), 0),
    ],
)
def test_what_depends_on_values_and_what_is_empty(operator, attrs, shape, flops):
    assert flops_of(operator, shape, attrs) == flops


@pytest.mark.parametrize("operator", ["_np_sum", "nansum"])
def test_a_reduction_of_nothing_costs_nothing(operator):
    assert rule_for(operator).formula(Call(operator, {}, ((0, 3),), ((),))) == OpCost()
