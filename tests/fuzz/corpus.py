"""The checkpoints to mutate: the example's, public ones where they are, and small ones of delicate operators."""

import tempfile
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

from tests.checkpoints import INPUTS
from tests.fuzz.mutate import Files

__all__ = ["corpus"]

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "checkpoints"

# All that MXNet loads, without those that are too large, with smaller inputs for speed; and two that it refuses.
PUBLIC: Dict[str, Dict[str, Any]] = {
    **{name: inputs for name, inputs in INPUTS.items() if name not in ("djl_simple_pose_r18", "ldpe_fcn8s")},
    "int8_mobilenet1.0": {"data": (1, 3, 64, 64)},
    "lffd_head_17L": {"data": (1, 3, 128, 128)},
    "crnn_digit": {"data": (1, 1, 32, 256)},
    "mxnet_save_000800_c": {"data": (32, 100)},
}


def corpus(*, public: bool) -> List[Files]:
    """All of them, in the same order always."""
    digits = _read(ROOT / "examples" / "digits" / "digits", {"data": (1, 1, 8, 8)})
    files = [digits, digits, *_delicate()]
    if public and SHARED.is_dir():
        files += [_read(SHARED / name / name, inputs) for name, inputs in sorted(PUBLIC.items())]
    return files


def _read(prefix: Path, inputs: Dict[str, Any]) -> Files:
    params = sorted(prefix.parent.glob(f"{prefix.name}-*.params"))
    symbol = prefix.with_name(f"{prefix.name}-symbol.json").read_bytes()
    return Files(symbol, params[0].read_bytes() if params else b"", inputs)


def _delicate() -> List[Files]:
    """Saved by MXNet with parameters of 0.5."""
    import mxnet as mx

    files = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (symbol, inputs) in enumerate(_symbols(mx)):
            shapes, _, auxiliary = symbol.infer_shape(**inputs)
            arguments = {name: mx.nd.full(shape, 0.5) for name, shape in zip(symbol.list_arguments(), shapes)}
            states = {name: mx.nd.ones(shape) for name, shape in zip(symbol.list_auxiliary_states(), auxiliary)}
            prefix = Path(folder) / f"m{number}"
            weights = {name: value for name, value in arguments.items() if name not in inputs}
            mx.model.save_checkpoint(str(prefix), 0, symbol, weights, states)
            files.append(_read(prefix, inputs))
    return files


def _symbols(mx: Any) -> "Iterator[Tuple[Any, Dict[str, Any]]]":
    sym, data = mx.sym, mx.sym.var("data")
    image = {"data": (1, 4, 8, 8)}
    net = sym.Deconvolution(data, kernel=(4, 4), stride=(2, 2), pad=(1, 1), num_filter=4, num_group=2, name="up")
    net = sym.LeakyReLU(net, act_type="prelu", name="prelu")
    yield sym.Crop(sym.LRN(net, nsize=3), offset=(1, 1), h_w=(6, 6), num_args=1), image
    net = sym.UpSampling(data, scale=2, sample_type="bilinear", num_filter=4, num_args=2, name="bilinear")
    yield sym.Pad(net, mode="reflect", pad_width=(0, 0, 0, 0, 1, 1, 2, 2)), image
    state = sym.var("state", shape=(2, 1, 5))
    net = sym.RNN(data, state=state, state_size=5, num_layers=1, mode="gru", bidirectional=True, name="rnn")
    yield sym.SequenceReverse(net), {"data": (3, 1, 4), "state": (2, 1, 5)}
    net = sym.Embedding(data, input_dim=10, output_dim=4, name="embedding")
    yield sym.topk(sym.batch_dot(net, net, transpose_b=True), k=2, ret_typ="both"), {"data": (2, 3)}
    rois = sym.var("rois")
    pooled = sym.ROIPooling(data, rois, pooled_size=(2, 2), spatial_scale=1.0, name="pool")
    aligned = sym.contrib.ROIAlign(data, rois, pooled_size=(2, 2), spatial_scale=1.0, name="align")
    yield sym.Group([pooled, aligned]), {**image, "rois": (2, 5)}
    anchors = sym.contrib.MultiBoxPrior(data, sizes=(0.2, 0.3), ratios=(1, 2), name="anchors")
    classes, boxes = sym.var("classes"), sym.var("boxes")
    net = sym.contrib.MultiBoxDetection(classes, boxes, anchors, name="detection")
    yield net, {**image, "classes": (1, 3, 192), "boxes": (1, 768)}
    scores = sym.softmax(sym.slice_axis(sym.reshape(data, shape=(1, -1, 8)), axis=1, begin=0, end=6))
    yield sym.contrib.box_nms(scores, id_index=0, name="nms"), image
    net = sym.depth_to_space(sym.tile(sym.transpose(data, axes=(0, 2, 3, 1)), reps=(1, 1, 1, 2)), block_size=2)
    yield sym.take(net, sym.var("index", shape=(3,)), axis=1), {**image, "index": (3,)}
    yield sym.Correlation(data, data, kernel_size=1, max_displacement=2, name="correlation"), image
    net = sym.GroupNorm(data, sym.var("gamma"), sym.var("beta"), num_groups=2)
    yield sym.contrib.AdaptiveAvgPooling2D(sym.contrib.BilinearResize2D(net, height=5, width=5), output_size=2), image
    # Of operators that are vouched for, and no others: nothing of these is tried in a child.
    net = sym.Pad(data, mode="reflect", pad_width=(0, 0, 0, 0, 1, 2, 3, 1))
    yield sym.Crop(net * 0.5, data, num_args=2, center_crop=True), image
    half = sym.Pooling(data, kernel=(2, 2), stride=(2, 2), pool_type="max")
    net = sym.UpSampling(data, half, scale=2, sample_type="nearest", num_args=2)
    yield sym.Crop(sym.Pad(net, mode="edge", pad_width=(0, 0, 0, 0, 1, 1, 0, 2)), num_args=1, h_w=(9, 7)), image
    net = sym.contrib.AdaptiveAvgPooling2D(sym.depth_to_space(data, block_size=2), output_size=(3, 5))
    yield sym.UpSampling(net, scale=3, sample_type="nearest", num_args=1) + 1, image
    step = lambda item, states: (sym.FullyConnected(item, num_hidden=4, name="step"), states)  # noqa: E731
    yield sym.contrib.foreach(step, data, [])[0], {"data": (3, 2, 4)}
