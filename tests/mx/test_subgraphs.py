"""Loops, branches and fused operators are entered, and cost what runs in them."""

import pytest

from pytest_mxperf import count
from pytest_mxperf.errors import ShapeError


@pytest.fixture
def mx():
    import mxnet

    with mxnet.name.NameManager():  # numbers what has no name from 0
        yield mxnet


def dense(mx, data, name="dense", weight=None, units=4):
    arguments = {} if weight is None else {"weight": weight}
    return mx.sym.FullyConnected(data, num_hidden=units, no_bias=True, flatten=False, name=name, **arguments)


def by_layer(report):
    return {layer.name: (layer.executions, layer.macs, layer.flops) for layer in report.layers}


def test_a_foreach_runs_its_body_once_per_slice(mx):
    """5 slices of 2 x 3: 2 x 3 x 4 = 24 MACs each; an addition and a doubling of 2 x 4 numbers each."""
    weight = mx.sym.var("weight")

    def body(data, states):
        total = dense(mx, data, weight=weight) + states[0]
        return total, [total * 2]

    outputs, states = mx.sym.contrib.foreach(body, mx.sym.var("data"), [mx.sym.var("state")])
    report = count(mx.sym.Group([outputs, states[0]]), {"data": (5, 2, 3), "state": (2, 4)})
    assert report.macs == 120
    assert by_layer(report)["_foreach0/dense"] == (5, 120, 240)
    assert report.cost.elementwise == 5 * 8 + 5 * 8
    assert (report.params.trainable, report.notes) == (12, ())


def test_a_while_loop_counts_at_its_maximum_and_says_so(mx):
    """10 steps of 2 x 4 x 4 = 32 MACs; then a dense layer on the 10 x 2 x 4 stacked outputs: 20 x 4 x 7 = 560."""
    weight = mx.sym.var("weight")
    outputs, _ = mx.sym.contrib.while_loop(
        lambda step, state: step < 5,
        lambda step, state: (dense(mx, state, weight=weight), [step + 1, state * 2]),
        [mx.sym.var("step"), mx.sym.var("state")],
        max_iterations=10,
    )
    report = count(dense(mx, outputs[0], name="after", units=7), {"step": (1,), "state": (2, 4)})
    assert (report.macs, report.params.trainable) == (320 + 560, 16 + 28)
    assert report.notes == ("_while_loop '_while_loop0': counted at its maximum of 10 iterations",)


@pytest.mark.parametrize(("then_units", "else_units", "heavier"), [(5, 2, "then"), (2, 5, "else")])
def test_a_cond_counts_its_heavier_branch_and_says_so(mx, then_units, else_units, heavier):
    """The branch with 5 units: 2 x 3 x 5 = 30 MACs, sliced to 1 column; then 2 x 1 x 4 = 8 MACs. Both have weights."""
    flag, data = mx.sym.var("flag"), mx.sym.var("data")

    def branch(name, units):
        return lambda: mx.sym.slice_axis(dense(mx, data, name, units=units), axis=1, begin=0, end=1)

    chosen = mx.sym.contrib.cond(flag < 3, branch("then", then_units), branch("else", else_units))
    report = count(dense(mx, chosen, "after"), {"flag": (1,), "data": (2, 3)})
    assert (report.macs, report.params.trainable) == (38, 3 * 5 + 3 * 2 + 4)
    assert report.notes == (f"_cond '_cond0': counted with its heavier branch, '{heavier}'",)


def test_loops_before_and_behind_one_that_mxnet_infers_nothing_of(mx):
    """Slices of 2 x 3 in, each into 4: 5 x 24 = 120 MACs, and 5 x 6 x 4 = 120 of 2 x 3 in too.

    Then 3 steps of 2 x 4 x 4 = 32 MACs, and 3 slices of 2 x 4 into 6: 3 x 48 = 144.
    """

    def each(name, data, units):
        weight = mx.sym.var(f"{name}_weight")
        body = lambda data, states: (dense(mx, data, name, weight=weight, units=units), states)  # noqa: E731
        return mx.sym.contrib.foreach(body, data, [])[0]

    weight = mx.sym.var("weight")
    first, twin = each("first", mx.sym.var("data"), 4), each("twin", mx.sym.var("data"), 4)
    state = mx.sym.slice_axis(first + twin, axis=0, begin=0, end=1)
    steps, _ = mx.sym.contrib.while_loop(
        lambda step, state: step < 5,
        lambda step, state: (dense(mx, state, "inside", weight=weight), [step + 1, state * 2]),
        [mx.sym.var("step"), mx.sym.reshape(state, shape=(2, 4))],
        max_iterations=3,
    )
    report = count(each("last", steps[0], 6), {"data": (5, 2, 3), "step": (1,)})
    macs = {layer.name.rpartition("/")[2]: layer.macs for layer in report.layers if layer.macs}
    assert macs == {"first": 120, "twin": 120, "inside": 96, "last": 144}
    assert report.params.trainable == 12 + 12 + 16 + 24


def test_a_shape_that_stays_unknown_inside_a_branch_is_named(mx):
    """Around it all shapes are known: each branch ends in one number."""
    data, chosen = mx.sym.var("data"), mx.sym.var("chosen")

    def masked():
        return mx.sym.sum(mx.sym.contrib.boolean_mask(data, chosen, name="masked")).reshape((1, 1))

    branch = mx.sym.contrib.cond(mx.sym.sum(data) > 0, lambda: mx.sym.sum(data).reshape((1, 1)), masked)
    with pytest.raises(
        ShapeError, match=r"inside _cond '_cond0' the shape of _contrib_boolean_mask 'masked' cannot be"
    ):
        count(branch, {"data": (2, 3), "chosen": (2,)})


def test_the_graph_can_end_before_a_branch_whose_shapes_stay_unknown(mx):
    """2 x 3 x 3 MACs up to the layer that the branches read. A graph cannot end within one."""
    data, chosen = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=3, name="fc"), mx.sym.var("chosen")

    def masked():
        twice = mx.sym.elemwise_add(data, data, name="twice")
        return mx.sym.sum(mx.sym.contrib.boolean_mask(twice, chosen, name="masked")).reshape((1, 1))

    branch = mx.sym.contrib.cond(mx.sym.sum(chosen) > 0, lambda: mx.sym.sum(data).reshape((1, 1)), masked)
    with pytest.raises(ShapeError, match=r"depends on the data; to end the graph before it, give output='fc'$"):
        count(branch, {"data": (2, 3), "chosen": (2,)})
    assert count(branch, {"data": (2, 3)}, output="fc").macs == 18


def test_a_loop_in_a_loop_multiplies(mx):
    """3 x 5 slices of 2 numbers into 4 units: 15 x 8 MACs."""
    weight = mx.sym.var("weight")

    def inner(data, states):
        return dense(mx, data, weight=weight), states

    def outer(data, states):
        outputs, _ = mx.sym.contrib.foreach(inner, data, [])
        return outputs, states

    outputs, _ = mx.sym.contrib.foreach(outer, mx.sym.var("data"), [])
    assert count(outputs, {"data": (3, 5, 1, 2)}).macs == 120


def test_running_statistics_inside_a_loop_are_auxiliary(mx):
    norm = [mx.sym.var(name) for name in ("gamma", "beta", "mean", "var")]

    def body(data, states):
        return mx.sym.BatchNorm(data, *norm, fix_gamma=False), states

    outputs, _ = mx.sym.contrib.foreach(body, mx.sym.var("data"), [])
    params = count(outputs, {"data": (5, 2, 3)}).params
    assert (params.trainable, params.auxiliary) == (6, 6)


@pytest.mark.needs_operator("_sg_mkldnn_conv")
def test_a_fused_convolution_costs_what_its_parts_do(mx):
    """1 x 3 x 8 x 8 with 4 filters of 3 x 3, padded: 4 x 64 x 27 = 6912 MACs; BatchNorm 2 x 256, ReLU 256."""
    data = mx.sym.Convolution(mx.sym.var("data"), num_filter=4, kernel=(3, 3), pad=(1, 1), no_bias=True, name="conv")
    plain = mx.sym.Activation(mx.sym.BatchNorm(data, name="norm"), act_type="relu")
    fused = plain.get_backend_symbol("MKLDNN")
    inputs = {"data": (1, 3, 8, 8)}
    assert [layer.op for layer in count(fused, inputs).layers] == ["_sg_mkldnn_conv"]
    assert count(fused, inputs).cost == count(plain, inputs).cost
    assert count(fused, inputs).params == count(plain, inputs).params
    assert (count(fused, inputs).macs, count(fused, inputs).flops) == (6912, 13824 + 512 + 256)


@pytest.mark.needs_operator("_sg_mkldnn_conv")
def test_an_int8_network_has_the_macs_of_its_float_twin(checkpoints):
    """mobilenet1.0: 27 convolutions and a dense layer, 568,740,352 MACs in float32 too; all but the last in int8."""
    report = count(checkpoints / "int8_mobilenet1.0" / "int8_mobilenet1.0", {"data": (1, 3, 224, 224)})
    assert (report.macs, report.uncounted) == (568_740_352, {})
    macs_by_dtype = {}
    for layer in report.layers:
        macs_by_dtype[layer.dtype] = macs_by_dtype.get(layer.dtype, 0) + layer.macs
    assert macs_by_dtype == {"float32": 1_024_000, "int8": 10_838_016, "uint8": 556_878_336}


def test_a_graph_without_subgraphs_is_not_searched_for_what_they_need(digits, monkeypatch):
    from pytest_mxperf.mx import subgraphs

    monkeypatch.setattr(subgraphs, "_State", None)
    assert count(digits, {"data": (1, 1, 8, 8)}).macs == 607_552
