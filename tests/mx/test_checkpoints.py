"""Real public checkpoints, from loading to the outputs. Expected costs were derived from each graph by hand."""

import pytest

from pytest_mxperf import ModelSpec, count
from tests.checkpoints import INPUTS, OPERATORS

LOADED = [
    pytest.param(name, marks=[pytest.mark.needs_operator(OPERATORS[name])] if name in OPERATORS else [])
    for name in INPUTS
]


def module_of(spec):
    from pytest_mxperf.mx.analysis import analyse
    from pytest_mxperf.mx.bind import bind
    from pytest_mxperf.mx.model import open_model
    from pytest_mxperf.mx.weights import load_weights

    analysis = analyse(open_model(spec))
    return bind(analysis, load_weights(analysis))


def forward(module):
    """Shapes of the outputs, and whether all numbers are finite."""
    import numpy as np

    from pytest_mxperf.mx.sync import example_batch

    module.forward(example_batch(module), is_train=False)
    outputs = [output.asnumpy() for output in module.get_outputs()]
    return [output.shape for output in outputs], all(np.isfinite(output).all() for output in outputs)


@pytest.mark.parametrize(
    ("name", "inputs", "macs", "trainable", "outputs"),
    [
        ("mobileface_ident_v3", {"data": (1, 3, 112, 112)}, 9_037_376, 545_664, [(1, 256)]),
        (
            "lffd_head_17L",
            {"data": (1, 3, 480, 640)},
            6_797_380_544,
            1_027_544,
            # A score and a box map at each of four scales.
            [(1, depth, *size) for size in ((119, 159), (59, 79), (29, 39), (14, 19)) for depth in (1, 4)],
        ),
        ("ldpe_ndarray_test", {"data": (1, 1, 3, 3)}, 90, 20, [(1, 1)]),
        # Label inputs: softmax_label, out_label.
        ("sagemaker_onnx_module", {"data": (1, 1, 28, 28)}, 109_184, 109_386, [(1, 10)]),
        # Two inputs; six parameters whose shape only the .params file tells; fix_gamma on 6 BatchNorms.
        ("xdl_dnn", {"comm": (1, 450), "ncomm": (1, 450)}, 980_200, 985_006, [(1, 2)]),
    ],
)
def test_a_checkpoint_is_counted_bound_and_run(checkpoints, name, inputs, macs, trainable, outputs):
    prefix = checkpoints / name / name
    report = count(prefix, inputs)
    assert (report.macs, report.params.trainable, report.uncounted) == (macs, trainable, {})
    assert forward(module_of(ModelSpec.parse(prefix, inputs))) == (outputs, True)


def test_an_epoch_other_than_0_is_found_and_a_label_can_be_given(checkpoints):
    """10 x 1 inputs, 10 hidden: 10 x 1 x 10 MACs; 10 weights and 10 biases. A reshape hides the label's shape."""
    prefix, inputs = checkpoints / "go_test" / "go_test", {"data": (10, 1), "softmax_label": (10,)}
    spec = ModelSpec.parse(prefix, inputs, epoch=1)
    report = count(prefix, inputs, epoch=1)
    assert (report.macs, report.params.trainable) == (100, 20)
    assert forward(module_of(spec)) == ([(10, 10)], True)


@pytest.mark.parametrize(
    ("name", "inputs", "macs", "params"),
    [
        # 2015: attributes under "param", and operators that MXNet upgrades when it loads them.
        ("neuralart_squeezenet", {"data": (1, 3, 224, 224)}, 803_845_152, (1_248_424, 0, 0)),
        ("mxnet_save_000800_a", {"data": (32, 100)}, 692_224, (21_844, 10, 20)),
        ("squeezenet_v1.2", {"data": (1, 3, 224, 224)}, 349_151_936, (1_235_496, 0, 0)),
        ("djl_simple_pose_r18", {"data": (1, 3, 256, 192)}, 2_897_215_488, (15_376_721, 0, 11_136)),
        ("ldpe_fcn8s", {"data": (1, 3, 500, 500)}, 175_639_850_016, (134_489_759, 0, 0)),
    ],
)
def test_a_symbol_is_counted_without_weights(checkpoints, name, inputs, macs, params):
    report = count(checkpoints / name / f"{name}-symbol.json", inputs)
    assert report.macs == macs
    assert (report.params.trainable, report.params.frozen, report.params.auxiliary) == params


def test_anchors_are_frozen_parameters(checkpoints):
    """98,328 constants: 2 x 3 to scale the input, 3 x 6 anchors, and offsets of 3 x 128 x 128 x 2."""
    prefix = checkpoints / "mobilefacedet_v1_yolo3" / "mobilefacedet_v1_yolo3"
    report = count(prefix, {"data": (1, 256, 256, 3)})
    assert report.macs == 1_764_687_872
    assert (report.params.frozen, report.params.trainable) == (98_328, 7_788_222 - 98_328)


@pytest.mark.slow
@pytest.mark.parametrize("name", LOADED)
def test_every_operator_is_counted_from_the_shapes_that_a_real_forward_has(checkpoints, name, monkeypatch):
    monkeypatch.setenv("MXNET_SUBGRAPH_BACKEND", "NONE")  # what is fused has no outputs in between
    import msgspec
    import mxnet as mx

    from pytest_mxperf.cost.walk import walk
    from pytest_mxperf.mx.analysis import analyse
    from pytest_mxperf.mx.model import open_model
    from pytest_mxperf.mx.shapes import Outputs, by_node, visible_output_counts

    spec = ModelSpec.parse(checkpoints / name / f"{name}-symbol.json", INPUTS[name], epoch="latest")
    analysis = analyse(open_model(spec))
    assert analysis.cost().uncounted == {}

    shapes = {name: spec.shape for name, spec in spec.inputs.items()}
    shapes.update(analysis.parameter_shapes())
    types = {node.name: dtypes[0] for node, dtypes in zip(analysis.graph.nodes, analysis.inference.dtypes)}
    internals = analysis.model.symbol.get_internals()
    bound = internals.simple_bind(mx.cpu(), grad_req="null", type_dict={name: types[name] for name in shapes}, **shapes)
    try:
        arrays = [output.asnumpy() for output in bound.forward(is_train=False)]
    except mx.MXNetError as error:
        if "x2APIC is not supported" in str(error):
            pytest.skip("the int8 kernels of this MXNet do not know this processor")
        raise
    executed = Outputs([array.shape for array in arrays], [array.dtype.name for array in arrays])
    counts = visible_output_counts(analysis.graph)
    by_execution = msgspec.structs.replace(analysis.inference, shapes=by_node(executed, counts).shapes)
    of_the_graph = msgspec.structs.replace(analysis.cost(), checkpoint_bytes=None)
    assert walk(analysis.graph, by_execution, analysis.roles) == of_the_graph


@pytest.mark.parametrize("name", LOADED)
def test_mxnet_makes_the_same_of_what_was_checked_as_of_the_file(checkpoints, name):
    import mxnet as mx

    from pytest_mxperf.graph import Graph

    text = (checkpoints / name / f"{name}-symbol.json").read_text()
    checked = Graph.parse_untrusted(text, where=name)
    assert mx.sym.load_json(checked.json).tojson() == mx.sym.load_json(text).tojson()


@pytest.mark.parametrize("name", LOADED)
def test_a_graph_that_mxnet_need_not_write_is_the_same(checkpoints, name, from_the_file_and_from_mxnet):
    path = checkpoints / name / f"{name}-symbol.json"
    kept, written = from_the_file_and_from_mxnet(ModelSpec.parse(path, INPUTS[name], epoch="latest"))
    assert kept in (None, written)
