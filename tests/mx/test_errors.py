"""Bad models: one clear message each, with what to do next."""

import re

import pytest

from pytest_mxperf import ModelSpec, MxperfError, count

IMAGE = {"data": (1, 1, 8, 8)}


def load(spec):
    from pytest_mxperf.mx.analysis import analyse
    from pytest_mxperf.mx.model import open_model
    from pytest_mxperf.mx.weights import load_weights

    return load_weights(analyse(open_model(spec)))


def test_a_missing_symbol_says_what_the_folder_has(digits):
    with pytest.raises(MxperfError, match=r"digitz-symbol.json: cannot read .*; the folder has digits-symbol.json"):
        count(digits.with_name("digitz"), IMAGE)


def test_a_missing_epoch_says_which_exist(digits):
    with pytest.raises(MxperfError, match=r"digits-0007.params: the weights are missing; epochs that exist: 0"):
        load(ModelSpec.parse(digits, IMAGE, epoch=7))


def test_a_symbol_alone_counts_but_does_not_load(digits, tmp_path):
    (tmp_path / "m-symbol.json").write_bytes(digits.with_name("digits-symbol.json").read_bytes())
    assert count(tmp_path / "m", IMAGE).macs == 607_552
    with pytest.raises(MxperfError, match=r"m-0000\.params: the weights are missing; counting works without"):
        load(ModelSpec.parse(tmp_path / "m", IMAGE))


def test_an_unknown_input_suggests_the_right_one(digits):
    with pytest.raises(MxperfError, match="digits: the graph has no input 'date'; did you mean 'data'"):
        count(digits, {"date": (1, 1, 8, 8)})


def test_an_input_that_does_not_fit_the_weights_names_the_parameter(digits):
    with pytest.raises(
        MxperfError,
        match=r"^digits: data is \(1, 3, 8, 8\), the graph needs \(\?, 1, \?, \?\); with data=\(1, 3, 8, 8\) the graph "
        r"does not fit its weights: conv1_weight \(graph \(16, 3, 3, 3\), weights",
    ):
        count(digits, {"data": (1, 3, 8, 8)})


@pytest.mark.parametrize(
    ("given", "guess"), [((1, 8, 8), "is the batch missing"), ((1, 8, 8, 1), "is the layout NHWC")]
)
def test_a_shape_mistake_is_named_before_what_mxnet_says(digits, given, guess):
    with pytest.raises(MxperfError) as caught:
        count(digits, {"data": given})
    told = f"digits: data is {given}, the graph needs (?, 1, ?, ?): {guess}? "
    assert str(caught.value).startswith(told)
    assert re.search("^(shapes or dtypes do|with .* the graph does) not fit ", str(caught.value)[len(told) :])


def test_a_fault_of_the_hint_does_not_hide_what_mxnet_says(digits, monkeypatch):
    def fail(*arguments):
        raise ValueError

    monkeypatch.setattr("pytest_mxperf.mx.unknown.contradictions", fail)
    with pytest.raises(MxperfError, match=r"^digits: shapes or dtypes do not fit together for data="):
        count(digits, {"data": (1, 64)})


def test_weights_of_another_export_are_suspected_if_several_differ(digits, tmp_path):
    import mxnet as mx

    weights = mx.nd.load(str(digits) + "-0000.params")
    several = "; graph and weights may be of two different exports"
    (tmp_path / "m-symbol.json").write_bytes(digits.with_name("digits-symbol.json").read_bytes())
    for name, end in (("arg:conv2_weight", ""), ("arg:conv3_weight", several)):
        weights[name] = mx.nd.ones((1, 1, 3, 3))
        mx.nd.save(str(tmp_path / "m-0000.params"), weights)
        with pytest.raises(MxperfError) as caught:
            count(tmp_path / "m", IMAGE)
        assert str(caught.value).endswith(f"weights (1, 1, 3, 3)){end}")


def test_an_input_of_another_rank_is_told_without_a_stack_trace(digits):
    expected = r"digits: data is \(1, 64\), the graph needs \(\?, 1, \?, \?\); shapes or dtypes do not fit together"
    with pytest.raises(MxperfError, match=expected) as caught:
        count(digits, {"data": (1, 64)})
    assert "\n" not in str(caught.value)


def test_a_custom_operator_that_is_not_registered_is_named(tmp_path):
    path = tmp_path / "m-symbol.json"
    path.write_text(
        '{"nodes": [{"op": "null", "name": "data", "inputs": []},'
        ' {"op": "Custom", "name": "rois", "attrs": {"op_type": "my_target"}, "inputs": [[0, 0, 0]]}],'
        ' "arg_nodes": [0], "heads": [[1, 0, 0]], "attrs": {"mxnet_version": ["int", 10901]}}'
    )
    with pytest.raises(
        MxperfError, match=r"load the symbol: Cannot find custom operator my_target; import the module that registers"
    ):
        count(path, {"data": (1, 2)})


def test_an_input_that_was_forgotten_is_named():
    """MXNet only says that "First input must have specified type"; the label's shape it infers."""
    import mxnet as mx

    users, items = (mx.sym.Embedding(mx.sym.var(name), input_dim=9, output_dim=4) for name in ("user", "item"))
    score = mx.sym.LinearRegressionOutput(mx.sym.sum(users * items, axis=1), mx.sym.var("score"))
    with pytest.raises(
        MxperfError, match=r"the shape of variable 'item' cannot be inferred; give its shape in inputs$"
    ):
        count(score, {"user": (3,)})
    assert count(score, {"user": (3,), "item": (3,)}).params.trainable == 2 * 9 * 4


def test_an_operator_that_this_mxnet_lacks_is_named(tmp_path):
    path = tmp_path / "m-symbol.json"
    path.write_text(
        '{"nodes": [{"op": "null", "name": "data", "inputs": []},'
        ' {"op": "WarpCTC", "name": "loss", "inputs": [[0, 0, 0]]}], "arg_nodes": [0], "heads": [[1, 0, 0]]}'
    )
    with pytest.raises(
        MxperfError, match=r"m-symbol\.json: MXNet cannot load the symbol: .*Operator WarpCTC is not registered"
    ):
        count(path, {"data": (1, 2)})


def test_an_attribute_that_this_mxnet_lacks_is_named_with_its_operator(tmp_path):
    """MXNet lists all that it has instead."""
    path = tmp_path / "m-symbol.json"
    path.write_text(
        '{"nodes": [{"op": "null", "name": "data", "inputs": []}, {"op": "Activation", "name": "act",'
        ' "attrs": {"act_type": "relu", "new_in_2": "1"}, "inputs": [[0, 0, 0]]}], "arg_nodes": [0],'
        ' "heads": [[1, 0, 0]]}'
    )
    with pytest.raises(
        MxperfError,
        match=r"MXNet cannot load the symbol: Cannot find argument 'new_in_2', which Activation 'act' has: another "
        r"MXNet saved the graph; remove the attribute from the file$",
    ):
        count(path, {"data": (1, 2)})


def test_a_label_that_cannot_be_inferred_must_be_given():
    import mxnet as mx

    label = mx.sym.Reshape(mx.sym.var("label"), shape=(-1,))
    symbol = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, name="fc"), label)
    with pytest.raises(MxperfError, match="the shape of variable 'label' cannot be inferred; give its shape in inputs"):
        count(symbol, {"data": (4, 3)})
    assert count(symbol, {"data": (4, 3), "label": (4, 1)}).macs == 4 * 3 * 2


def test_an_operator_without_a_rule_is_named_and_counted():
    import mxnet as mx

    class Mine(mx.operator.CustomOpProp):
        pass

    mx.operator.register("mine")(Mine)
    symbol = mx.sym.Custom(mx.sym.Custom(mx.sym.var("data"), op_type="mine"), op_type="mine")
    assert count(symbol, {"data": (1, 2)}).uncounted == {"Custom": 2}


def test_weights_without_names_are_refused(digits, tmp_path):
    import mxnet as mx

    (tmp_path / "m-symbol.json").write_bytes(digits.with_name("digits-symbol.json").read_bytes())
    mx.nd.save(str(tmp_path / "m-0000.params"), [mx.nd.zeros((1,))])
    with pytest.raises(MxperfError, match=r"m-0000\.params: the weights have no names"):
        load(ModelSpec.parse(tmp_path / "m", IMAGE))


def test_an_input_that_was_forgotten_is_no_parameter_and_is_named_when_it_is_needed(tmp_path):
    """The file tells that ``size`` is none: 3 x 2 + 2 parameters."""
    import mxnet as mx

    symbol = mx.sym.broadcast_mul(
        mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, name="fc"), mx.sym.var("size")
    )
    weights = {"fc_weight": mx.nd.ones((2, 3)), "fc_bias": mx.nd.ones((2,))}
    mx.model.save_checkpoint(str(tmp_path / "m"), 0, symbol, weights, {})
    spec = ModelSpec.parse(tmp_path / "m", {"data": (4, 3), "size": (1, 2)})
    assert count(tmp_path / "m", spec.inputs).params.trainable == 8
    assert load(spec).arg_params.keys() == weights.keys()


def test_a_dimension_beyond_what_mxnet_has_is_a_usage_error():
    with pytest.raises(MxperfError, match=r"inputs\['data'\]: expected a shape"):
        count("nowhere", {"data": (2**31, 3)})
