"""MACs, parameters and time of six counters for PyTorch beside ours: python benchmarks/comparison.py.

The networks are those that one author has published for both frameworks, pytorchcv and gluoncv2; the small blocks are
written here twice, and counted by hand. All tools run in one process, in turns. A tool that is missing is left out:

    pip install torch fvcore ptflops thop calflops transformers torchinfo onnx onnxscript onnx-tool pytorchcv
    pip install --no-deps gluoncv2

Writes benchmarks/results/comparison.md. Two minutes.
"""

import contextlib
import io
import logging
import statistics
import tempfile
import time
import warnings
from pathlib import Path

from pytest_mxperf import count  # first: it makes `import mxnet` work

import mxnet as mx  # isort: skip
import torch
from torch import nn
from torch.nn import functional

RESULTS = Path(__file__).parent / "results" / "comparison.md"
TURNS = 5

# Name in both packages, and the MACs and parameters that torchvision or the network's paper publishes.
NETWORKS = {
    "resnet18": (1_814_073_344, 11_689_512),
    "resnet50b": (4_089_184_256, 25_557_032),
    "densenet121": (2_834_161_664, 7_978_856),
    "mobilenetv2_w1": (300_774_272, 3_504_960),
}
SHAPE = (1, 3, 224, 224)


# Small blocks whose MACs are counted by hand.


class Attention(nn.Module):
    """Four heads over 64 positions of 128 channels, written with matrix products."""

    def __init__(self):
        super().__init__()
        self.projections, self.output = nn.Linear(128, 384), nn.Linear(128, 128)

    def forward(self, x):
        query, key, value = (
            part.reshape(1, 64, 4, 32).transpose(1, 2) for part in self.projections(x).chunk(3, dim=-1)
        )
        scores = torch.softmax(torch.matmul(query, key.transpose(-1, -2)), dim=-1)
        return self.output(torch.matmul(scores, value).transpose(1, 2).reshape(1, 64, 128))


class Fused(Attention):
    """The same with PyTorch's own attention function."""

    def forward(self, x):
        parts = (part.reshape(1, 64, 4, 32).transpose(1, 2) for part in self.projections(x).chunk(3, dim=-1))
        return self.output(functional.scaled_dot_product_attention(*parts).transpose(1, 2).reshape(1, 64, 128))


class Functional(nn.Module):
    """A convolution of 8 to 16 channels, 3 x 3, over 32 x 32 pixels, called as a function."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(16, 8, 3, 3))

    def forward(self, x):
        return functional.conv2d(x, self.weight, padding=1)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells = nn.LSTM(128, 128, batch_first=True)

    def forward(self, x):
        return self.cells(x)[0]


def attention_symbol():
    x = mx.sym.var("data")
    dense = {"flatten": False, "no_bias": False}
    parts = mx.sym.split(mx.sym.FullyConnected(x, num_hidden=384, name="projections", **dense), 3, axis=-1)
    query, key, value = (
        mx.sym.reshape(mx.sym.transpose(mx.sym.reshape(part, (1, 64, 4, 32)), (0, 2, 1, 3)), (4, 64, 32))
        for part in parts
    )
    mixed = mx.sym.batch_dot(mx.sym.softmax(mx.sym.batch_dot(query, key, transpose_b=True)), value)
    mixed = mx.sym.reshape(mx.sym.transpose(mx.sym.reshape(mixed, (1, 4, 64, 32)), (0, 2, 1, 3)), (1, 64, 128))
    return mx.sym.FullyConnected(mixed, num_hidden=128, name="output", **dense)


def recurrent_block():
    return mx.gluon.rnn.LSTM(128, layout="NTC")


def convolution(**more):
    return lambda: mx.sym.Convolution(mx.sym.var("data"), kernel=(3, 3), pad=(1, 1), num_filter=16, no_bias=True)


def transposed():
    options = {"kernel": (4, 4), "stride": (2, 2), "pad": (1, 1), "num_filter": 16, "no_bias": True}
    return mx.sym.Deconvolution(mx.sym.var("data"), **options)


# By name: the PyTorch block, ours, the input's shape, and the MACs with their derivation.
BLOCKS = {
    # 64 x 128 x 384 of the projections, 2 x 64 x 64 x 128 of the products, 64 x 128 x 128 of the output
    "attention, as matrix products": (Attention, attention_symbol, (1, 64, 128), 5_242_880),
    "attention, PyTorch's own function": (Fused, attention_symbol, (1, 64, 128), 5_242_880),
    # 32 steps of 4 gates, each 128 x (128 + 128)
    "LSTM of 128 cells over 32 steps": (Recurrent, recurrent_block, (1, 32, 128), 4_194_304),
    # 32 x 32 x 16 outputs of 8 x 9
    "convolution, called as a function": (Functional, convolution(), (1, 8, 32, 32), 1_179_648),
    # 16 x 16 x 8 inputs, each into 16 x 16 outputs
    "transposed convolution": (
        lambda: nn.ConvTranspose2d(8, 16, 4, stride=2, padding=1, bias=False),
        transposed,
        (1, 8, 16, 16),
        524_288,
    ),
}


# The tools: each takes a network and its input, and returns MACs and parameters.


def by_fvcore(net, x):
    from fvcore.nn import FlopCountAnalysis, parameter_count

    logging.getLogger("fvcore").setLevel(logging.ERROR)
    return FlopCountAnalysis(net, x).unsupported_ops_warnings(False).total(), parameter_count(net)[""]


def by_ptflops(net, x):
    from ptflops import get_model_complexity_info

    options = {"as_strings": False, "print_per_layer_stat": False, "verbose": False}
    return get_model_complexity_info(net, tuple(x.shape[1:]), **options)


def by_thop(net, x):
    from thop import profile

    return profile(net, inputs=(x,), verbose=False)


def by_calflops(net, x):
    from calflops import calculate_flops

    options = {"output_as_string": False, "print_results": False, "print_detailed": False}
    _, macs, params = calculate_flops(model=net, input_shape=tuple(x.shape), **options)
    return macs, params


def by_torchinfo(net, x):
    from torchinfo import summary

    found = summary(net, input_data=x, verbose=0)
    return found.total_mult_adds, found.total_params


def by_onnx_tool(net, x):
    import onnx_tool

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "net.onnx")
        torch.onnx.export(net, (x,), path, dynamo=False)
        model = onnx_tool.Model(path)
        model.graph.shape_infer(None)
        model.graph.profile()
        return model.graph.macs[0], model.graph.params


TOOLS = {
    "fvcore": by_fvcore,
    "ptflops": by_ptflops,
    "thop": by_thop,
    "calflops": by_calflops,
    "torchinfo": by_torchinfo,
    "onnx-tool": by_onnx_tool,
}


def quietly(tool, net, x):
    """MACs, parameters and seconds, or what it raises."""
    start = time.perf_counter()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(
        io.StringIO()
    ):
        warnings.simplefilter("ignore")
        try:
            with torch.no_grad():
                macs, params = tool(net, x)
        except Exception as error:
            return type(error).__name__, None, None
    return int(macs), int(params), time.perf_counter() - start


def ours(source, shape):
    start = time.perf_counter()
    report = count(source, {"data": shape})
    return report.macs, report.params.trainable, time.perf_counter() - start


def network_rows():
    from gluoncv2.model_provider import get_model as gluon_net
    from pytorchcv.model_provider import get_model as torch_net

    for name, (macs, params) in NETWORKS.items():
        net, x = torch_net(name).eval(), torch.zeros(SHAPE)
        symbol = gluon_net(name)(mx.sym.var("data"))
        found = {tool: [] for tool in ("pytest-mxperf", *TOOLS)}
        for _ in range(TURNS):
            found["pytest-mxperf"].append(ours(symbol, SHAPE))
            for tool, counted in TOOLS.items():
                found[tool].append(quietly(counted, net, x))
        base = statistics.median(seconds for _, _, seconds in found["pytest-mxperf"])
        for tool, runs in found.items():
            counted, numbers, _ = runs[-1]
            times = [seconds for _, _, seconds in runs if seconds is not None]
            ratio = f"{statistics.median(times) / base:.1f}" if times else "-"
            yield f"| {name} | {tool} | {share(counted, macs)} | {share(numbers, params)} | {ratio} |"


def share(found, true):
    """``1,814,073,344``, with its difference from what is true."""
    if not isinstance(found, int):
        return str(found or "-")
    if found == true:
        return f"{found:,} (exact)"
    return f"{found:,} ({100 * (found / true - 1):+.2f}%)"


def block_rows():
    for name, (block, source, shape, macs) in BLOCKS.items():
        net, x = block().eval(), torch.zeros(shape)
        cells = [share(ours(source(), shape)[0], macs)]
        cells += [share(quietly(tool, net, x)[0], macs) for tool in TOOLS.values()]
        yield f"| {name} | {macs:,} | {' | '.join(cells)} |"


def main():
    from importlib.metadata import version

    packages = ("torch", *TOOLS)
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    lines = ["# Counters, side by side", "", f"Written by `benchmarks/comparison.py`, with {versions}.", ""]
    lines += ["| network, 224 x 224 | tool | MACs | params | time |", "|---|---|--:|--:|--:|", *network_rows()]
    lines += ["", f"Time is relative to ours, the median of {TURNS} turns.", ""]
    lines += [f"| block | MACs by hand | pytest-mxperf | {' | '.join(TOOLS)} |", f"|---|{'--:|' * (len(TOOLS) + 2)}"]
    lines += block_rows()
    RESULTS.write_text("\n".join(lines) + "\n")
    print(RESULTS.read_text())


if __name__ == "__main__":
    main()
