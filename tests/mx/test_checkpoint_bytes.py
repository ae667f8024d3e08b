"""Parameters that a file holds and the graph does not read."""

from fractions import Fraction

import pytest

from pytest_mxperf import count
from pytest_mxperf.baseline.record import Baseline
from pytest_mxperf.errors import MxperfWarning
from pytest_mxperf.gate.baseline import judge_baseline
from pytest_mxperf.gate.budget import judge_budget
from pytest_mxperf.gate.finding import Verdict
from pytest_mxperf.gate.limits import Ceiling
from tests.words import WORDS

DATA = {"data": (1, 3)}


@pytest.fixture
def net(tmp_path):
    """Two units of 3 weights, 24 bytes, and a head of 1,000 numbers, 4,000 bytes, that it does not read."""
    import mxnet as mx

    symbol = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, no_bias=True, name="fc")
    symbol.save(str(tmp_path / "net-symbol.json"))
    weights = {"arg:fc_weight": mx.nd.ones((2, 3)), "arg:head_weight": mx.nd.ones((10, 100))}
    mx.nd.save(str(tmp_path / "net-0000.params"), weights)
    return tmp_path / "net"


def test_they_are_told_and_counted_in_a_metric_of_their_own(net):
    with pytest.warns(
        MxperfWarning, match=r"^net: the graph does not read head_weight of net-0000\.params, 4,000 bytes"
    ):
        report = count(net, DATA)
    assert (report.params.bytes, report.checkpoint_bytes) == (24, 4_024)


def test_what_only_the_part_behind_output_reads_is_no_surprise(net, recwarn):
    """A head of 2 x 5 numbers, 40 bytes, behind fc: a graph that ends at fc leaves it out on purpose."""
    import mxnet as mx

    fc = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, no_bias=True, name="fc")
    mx.sym.FullyConnected(fc, num_hidden=5, no_bias=True, name="head").save(f"{net}-symbol.json")
    weights = {"arg:fc_weight": mx.nd.ones((2, 3)), "arg:head_weight": mx.nd.ones((5, 2))}
    mx.nd.save(f"{net}-0000.params", weights)
    report = count(net, DATA, output="fc")
    assert (report.params.bytes, report.checkpoint_bytes) == (24, 64)
    assert [str(each.message) for each in recwarn if each.category is MxperfWarning] == []

    mx.nd.save(f"{net}-0000.params", {**weights, "arg:stray_weight": mx.nd.ones(2)})
    with pytest.warns(MxperfWarning, match=r"^net: the graph does not read stray_weight of net-0000\.params, 8 bytes"):
        count(net, DATA, output="fc")


@pytest.mark.filterwarnings("ignore::pytest_mxperf.errors.MxperfWarning")
@pytest.mark.parametrize(("ceiling", "verdict"), [(4_024, Verdict.PASSED), (4_023, Verdict.OVER_BUDGET)])
def test_a_budget_limits_the_whole_file(net, ceiling, verdict):
    (finding,) = judge_budget(
        {"checkpoint_bytes": Ceiling(Fraction(ceiling))}, count(net, DATA), None, unmeasured_because=""
    )
    assert (finding.verdict, finding.value) == (verdict, 4_024)


def test_without_a_file_there_is_nothing_to_limit(net):
    net.with_name("net-0000.params").unlink()
    (finding,) = judge_budget({"checkpoint_bytes": Ceiling(Fraction(1))}, count(net, DATA), None, unmeasured_because="")
    assert finding.verdict is Verdict.UNMEASURED
    assert finding.message == "checkpoint_bytes was not measured: the model has no .params file that can be read"


@pytest.mark.parametrize(
    ("before", "now", "verdict"),
    [
        (4_000, 4_024, "REGRESSED"),
        (4_024, 4_024, "PASSED"),
        (None, 4_024, "INCOMPARABLE"),
        (4_024, None, "UNMEASURED"),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest_mxperf.errors.MxperfWarning")
def test_a_tolerance_compares_the_whole_file(net, before, now, verdict):
    """Even when the graph is the same: it is of the file, and only where it is asked for."""
    import msgspec

    counted = Baseline.of(count(net, DATA), {})
    old, new = [msgspec.structs.replace(counted, checkpoint_bytes=nbytes) for nbytes in (before, now)]
    (finding,) = judge_baseline({"checkpoint_bytes": Fraction(0)}, new, old, words=WORDS)
    assert finding.verdict.value == verdict
    assert old.costs_digest() == new.costs_digest()
    assert judge_baseline({"macs": Fraction(0)}, new, old, words=WORDS)[0].verdict is Verdict.PASSED
