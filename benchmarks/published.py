"""Counts of public Gluon networks beside what their authors publish, as a page: python benchmarks/published.py.

Networks come from packages, as they install; no weights are fetched. Each package that is missing is left out:

    pip install --no-deps gluoncv2==0.0.64 gluoncv==0.10.5.post0 gluonnlp==0.10.0 gluonts==0.11.12 sockeye==2.3.24

Of gluoncv2 the published numbers are read from the package's own description. All others stand here with their source.
"""

import collections
import inspect
import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from math import prod
from pathlib import Path
from typing import NamedTuple

from pytest_mxperf import count  # first: it makes `import mxnet` work

import mxnet as mx  # isort: skip
import numpy as np

from pytest_mxperf.errors import ModelError

np.int = int  # as it was when these packages were written
PAGE = Path(__file__).parent.parent / "docs" / "published.md"


class Row(NamedTuple):
    network: str
    inputs: str
    published_params: str
    params: int
    published: str
    macs: int
    difference: str
    """How the published numbers come about from ours."""


# --- gluoncv2: its description lists parameters, and FLOPs / 2 as its script model_stats.py measures them.


def described():
    """Name, parameters and FLOPs / 2 of each network in the description; a name is in the address of its log."""
    text = distribution("gluoncv2").read_text("METADATA") or ""
    rows = {}
    for line in text[text.index("### ImageNet-1K") : text.index("### CIFAR-10\n")].splitlines():
        found = re.search(r"/download/[^/]+/(\w+?)-\d+-[0-9a-f]+\.params", line)
        if line.startswith("|") and found:
            *_, params, halved, _ = (cell.strip() for cell in line.strip("|").split("|"))
            rows.setdefault(found.group(1), (params, halved))
    return rows


def gluoncv2_rows(untraceable):
    from gluoncv2.model_provider import get_model

    for name, (params, halved) in described().items():
        net = get_model(name)
        shape = (1, getattr(net, "in_channels", 3), *getattr(net, "in_size", (224, 224)))
        try:
            report = count(net, {"data": shape})
        except ModelError:
            untraceable.append(name)
            continue
        attributes = net(mx.sym.var("data")).attr_dict()
        rebuilt = sum(halved_flops(layer, attributes.get(layer.name, {})) for layer in report.layers)
        why = difference(name, params, report.params.trainable, halved, rebuilt)
        yield Row(name, shown(shape), params, report.params.trainable, halved, report.macs, why)


def difference(name, published_params, params, halved, rebuilt):
    """``=`` if ours, counted their way, are the published numbers to the last digit; otherwise how far off."""
    stated = float(halved.replace(",", "").rstrip("M"))
    rebuilt /= 1_000_000
    note = OFF.get(re.match("[a-z]+", name).group(), "not explained")
    off = "=" if abs(stated - rebuilt) < 0.0051 else f"{100 * (rebuilt / stated - 1):+.4f}% [{note}]"
    return off if published_params == f"{params:,}" else f"{off}, parameters [a]"


# By family, the note on what is left.
OFF = {"fishnet": "b", "proxylessnas": "b", "scnet": "b", "scneta": "b", "resnesta": "c", "polynet": "c"}


def shown(shape):
    return " x ".join(map(str, shape))


def halved_flops(layer, attributes):
    """Half of what model_stats.py counts for a Gluon block that becomes this layer."""
    size = prod(layer.outputs[0])
    if layer.op in ("Convolution", "FullyConnected"):
        return layer.macs - (0 if layer.cost.bias else connections(layer, attributes) / 2)
    if layer.op in ("BatchNorm", "InstanceNorm"):
        return 2 * size
    if layer.op == "Activation":
        return {"relu": 0.5, "sigmoid": 2}.get(attributes["act_type"], 0) * size
    if layer.op == "LeakyReLU":
        return (1 if attributes.get("act_type", "leaky") == "leaky" else 1.5) * size
    if layer.op == "sigmoid":
        return 2.5 * size if "swish" in layer.name else 0
    if layer.op == "clip":  # ReLU6 and hard sigmoid; hard swish counts double
        return (1 if "hswish" in layer.name else 0.5) * size
    if layer.op == "SwapAxis":
        return size / 2 if "channelshuffle" in layer.name else 0
    if layer.op == "Pooling":  # a global one counts as its kernel of 1 x 1 does
        return size * prod(numbers(attributes.get("kernel", "(1, 1)"))) / 2
    return 0


def connections(layer, attributes):
    """Pairs of an input and an output channel: model_stats.py leaves out one addition for each without a bias."""
    if layer.op == "FullyConnected":
        return prod(layer.outputs[0])
    return layer.macs // (prod(numbers(attributes["kernel"])) * prod(layer.outputs[0][2:]))


def numbers(text):
    return [int(number) for number in re.findall(r"\d+", text)]


# --- The others, from what their authors write.

IMAGE_NETS = [
    # gluoncv's name, parameters, MACs and how they are explained
    ("hrnet_w18_c", "21.3 M", "3.99 G", "d"),
    ("hrnet_w30_c", "37.7 M", "7.55 G", "d"),
    ("hrnet_w32_c", "41.2 M", "8.31 G", "d"),
    ("hrnet_w40_c", "57.6 M", "11.8 G", "d"),
    ("hrnet_w44_c", "67.1 M", "13.9 G", "d"),
    ("hrnet_w48_c", "77.5 M", "16.1 G", "d"),
    ("mobilenet1.0", "4.2 M", "569 M", "e"),
    ("mobilenet0.75", "2.6 M", "325 M", "e"),
    ("mobilenet0.5", "1.3 M", "149 M", "e"),
    ("mobilenet0.25", "0.5 M", "41 M", "e"),
    ("mobilenetv2_1.0", "3.4 M", "300 M", "f"),
    ("mobilenetv3_large", "5.4 M", "219 M", "g"),
    ("mobilenetv3_small", "2.5 M", "56 M", "g"),
    ("resnext50_32x4d", "25.0 M", "4.2 G", "e"),
]


def gluoncv_rows():
    from gluoncv.model_zoo import get_model

    for name, params, macs, note in IMAGE_NETS:
        report = count(get_model(name, pretrained=False), {"data": (1, 3, 224, 224)})
        yield Row(
            f"gluoncv {name}", "1 x 3 x 224 x 224", params, report.params.trainable, macs, report.macs, f"[{note}]"
        )


def text_rows():
    import gluonnlp
    from gluonnlp.model.bert import BERTEncoder, BERTModel

    def bert(layers, units, heads):
        encoder = BERTEncoder(
            num_layers=layers, units=units, hidden_size=4 * units, max_length=512, num_heads=heads, dropout=0.1
        )
        return BERTModel(encoder, 30522, 2, units, units, use_decoder=False, use_classifier=False)

    def awd(tokens):
        words = gluonnlp.Vocab(collections.Counter(map(str, range(tokens - 4))))
        return gluonnlp.model.get_model("awd_lstm_lm_1150", dataset_name=None, vocab=words, pretrained=False)[0]

    sentence = {"inputs": (1, 128), "token_types": (1, 128), "valid_length": (1,)}
    for name, arguments, params in (("base", (12, 768, 12), "110 M"), ("large", (24, 1024, 16), "340 M")):
        report = count(bert(*arguments), sentence)
        yield Row(f"gluonnlp BERT {name}", "128 tokens", params, report.params.trainable, "-", report.macs, "[h]")
    for tokens, params in ((10_000, "24 M"), (33_278, "33 M")):
        report = count(awd(tokens), {"inputs": (35, 1)})
        name = f"gluonnlp AWD-LSTM, {tokens:,} words"
        yield Row(name, "35 words", params, report.params.trainable, "-", report.macs, "[e]")


def sockeye_rows():
    words = {"source": (1, 32, 1), "source_length": (1,), "target": (1, 32, 1)}
    for name, arguments, params in (("base", (512, 8), "65 M"), ("big", (1024, 16), "213 M")):
        report = count(transformer(*arguments), words)
        yield Row(
            f"sockeye transformer {name}", "32 + 32 tokens", params, report.params.trainable, "-", report.macs, "[i]"
        )


def transformer(size, heads, layers=6, vocabulary=37_000):
    """Sockeye's parts in a HybridBlock: its own model is a Block, which calls ``mx.nd``."""
    from sockeye import constants, encoder, model
    from sockeye.transformer import TransformerConfig

    config = TransformerConfig(
        *(size, heads, 4 * size, constants.RELU, layers, 0.0, 0.0, 0.0),
        *(constants.FIXED_POSITIONAL_EMBEDDING, "n", "dr", 33, 33),
        depth_key_value=size,
    )
    words = [encoder.EmbeddingConfig(vocab_size=vocabulary, num_embed=size, dropout=0.0) for _ in range(2)]
    net = model.SockeyeModel(model.ModelConfig(None, vocabulary, vocabulary, *words, config, config))

    class Whole(mx.gluon.HybridBlock):
        def __init__(self):
            super().__init__()
            self.parts = mx.gluon.nn.HybridSequential()
            self.parts.add(net.embedding_source, net.embedding_target, net.encoder, net.decoder, net.output_layer)

        def hybrid_forward(self, F, source, source_length, target):
            embedded, length = net.embedding_source(source, source_length)
            encoded, length = net.encoder(embedded, length)
            wanted, _ = net.embedding_target(target, length)
            steps = F.expand_dims(F.contrib.arange_like(wanted, axis=1), axis=0)
            states = [steps, F.transpose(encoded, axes=(1, 0, 2)), length, *[None] * layers]
            return net.output_layer(net.decoder(wanted, states)[0], None)

    return Whole()


def gluonts_rows():
    from gluonts.mx.model.deepar import DeepAREstimator
    from gluonts.mx.model.simple_feedforward import SimpleFeedForwardEstimator
    from gluonts.mx.model.transformer import TransformerEstimator

    plain = SimpleFeedForwardEstimator(prediction_length=24, context_length=48).create_training_network()
    inputs = {"past_target": (1, 48), "future_target": (1, 24), "future_observed_values": (1, 24)}
    yield unpublished("gluonts SimpleFeedForward", plain, inputs)
    for estimator in (DeepAREstimator, TransformerEstimator):
        net = estimator(freq="H", prediction_length=24, context_length=48).create_training_network()
        yield unpublished(f"gluonts {estimator.__name__[:-9]}", net, series(net))


def series(net, hours=24, features=5):
    """An hourly series with the time features that GluonTS makes for it, as far as the net takes them."""
    past = net.history_length
    inputs = {"feat_static_cat": (1, 1), "feat_static_real": (1, 1), "past_time_feat": (1, past, features)}
    inputs.update(dict.fromkeys(["past_target", "past_observed_values", "past_is_pad"], (1, past)))
    inputs["future_time_feat"] = (1, hours, features)
    inputs.update(dict.fromkeys(["future_target", "future_observed_values"], (1, hours)))
    taken = inspect.signature(net.hybrid_forward).parameters
    return {name: shape for name, shape in inputs.items() if name in taken}


def unpublished(name, net, inputs):
    report = count(net, inputs)
    return Row(name, "48 + 24 hours", "-", report.params.trainable, "-", report.macs, "[j]")


# --- The page.


def table(rows, published):
    yield f"| network | input | parameters, published | counted | {published} | MACs, counted | difference |"
    yield "|---|---|---:|---:|---:|---:|---|"
    for row in rows:
        numbers = (row.published_params, f"{row.params:,}", row.published, f"{row.macs:,}")
        yield "| " + " | ".join((row.network, row.inputs, *numbers, row.difference)) + " |"


def others():
    for package, rows in (
        ("gluoncv", gluoncv_rows),
        ("gluonnlp", text_rows),
        ("sockeye", sockeye_rows),
        ("gluonts", gluonts_rows),
    ):
        try:
            distribution(package)
        except PackageNotFoundError:
            print(f"{package} is not installed: left out", file=sys.stderr)
        else:
            yield from rows()


def page():
    untraceable = []
    rows = list(gluoncv2_rows(untraceable))
    more = list(others())
    equal = sum(row.difference.startswith("=") for row in rows)
    same = sum(row.published_params == f"{row.params:,}" for row in rows)
    facts = {"networks": len(rows) + len(more), "rows": len(rows), "same": same, "equal": equal}
    text = (Path(__file__).parent / "published.md.in").read_text()
    facts.update(untraceable=", ".join(untraceable), more="\n".join(table(more, "MACs, published")))
    return text.format(**facts, gluoncv2="\n".join(table(rows, "FLOPs / 2, published")))


if __name__ == "__main__":
    PAGE.write_text(page())
