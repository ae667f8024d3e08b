"""Names, the order of the nodes and hybridization say nothing: the report is the same without them."""

import json
import random

import msgspec
import pytest

from pytest_mxperf import count


def zoo(name):
    from mxnet.gluon.model_zoo import vision

    return vision.get_model(name)


def exported(name):
    import mxnet as mx

    return json.loads(zoo(name)(mx.sym.var("data")).tojson()), {"data": (2, 3, 224, 224)}


def recurrent():
    """A loop over time, a begin state that is not given, a fused layer, a loss with its label."""
    import mxnet as mx

    sym = mx.sym

    def step(data, state):
        new = sym.tanh(sym.FullyConnected(data, num_hidden=4, name="in") + state)
        return new, new

    outputs, _ = sym.contrib.foreach(step, sym.var("data"), sym.var("begin"))
    outputs = sym.RNN(
        *(outputs, sym.var("parameters"), sym.var("state"), sym.var("cell")),
        state_size=3,
        num_layers=2,
        mode="lstm",
    )
    normal = sym.BatchNorm(sym.Reshape(outputs, shape=(-1, 3)), name="bn")
    loss = sym.SoftmaxOutput(sym.FullyConnected(normal, num_hidden=2, name="fc"), name="softmax")
    return json.loads(loss.tojson()), {"data": (5, 2, 3)}


MODELS = {
    "recurrent": recurrent,
    **{name: (lambda name=name: exported(name)) for name in ("resnet18_v2", "squeezenet1.1", "mobilenetv2_0.25")},
}


def renamed(graph, rng):
    """Every node has a random name, those in subgraphs too; and which name each had before."""
    names = {}
    for node in graph["nodes"]:
        names.setdefault(node["name"], "".join(rng.choice("abcdefgh_0123") for _ in range(16)))
        node["name"] = names[node["name"]]
        for subgraph in node.get("subgraphs", ()):
            renamed(subgraph, rng)
    return names


def reordered(graph, rng):
    """The nodes in another order in which each still comes behind those that it reads."""
    nodes, place = graph["nodes"], {}
    while len(place) < len(nodes):
        ready = [
            index
            for index, node in enumerate(nodes)
            if index not in place and all(source in place for source, *_ in node["inputs"])
        ]
        place[rng.choice(ready)] = len(place)
    counts = [after - before for before, after in zip(graph["node_row_ptr"], graph["node_row_ptr"][1:])]
    order = sorted(place, key=place.__getitem__)
    pointers = [0]
    for index in order:
        pointers.append(pointers[-1] + counts[index])
    return {
        **graph,
        "nodes": [
            {**nodes[index], "inputs": [[place[source], *rest] for source, *rest in nodes[index]["inputs"]]}
            for index in order
        ],
        "arg_nodes": sorted(place[index] for index in graph["arg_nodes"]),
        "heads": [[place[source], *rest] for source, *rest in graph["heads"]],
        "node_row_ptr": pointers,
    }


def counted(tmp_path, graph, inputs):
    path = tmp_path / "model-symbol.json"
    path.write_text(json.dumps(graph))
    return count(path, inputs)


def without_names(report):
    plain = msgspec.to_builtins(report)
    for layer in plain["layers"]:
        del layer["name"]
    return plain


@pytest.mark.parametrize("name", MODELS)
def test_random_names_give_the_same_report(name, tmp_path):
    graph, inputs = MODELS[name]()
    report = counted(tmp_path, graph, inputs)
    names = renamed(graph, random.Random(name))
    again = counted(tmp_path, graph, {names[given]: shape for given, shape in inputs.items()})
    assert without_names(again) == without_names(report)
    assert {layer.name for layer in again.layers}.isdisjoint(layer.name for layer in report.layers)


@pytest.mark.parametrize("name", MODELS)
def test_another_order_gives_the_same_costs(name, tmp_path):
    """Only the peak of the activations, and which of two readers of a parameter comes first, follow from the order."""
    graph, inputs = MODELS[name]()
    shuffled = reordered(graph, random.Random(name))
    report, again = counted(tmp_path, graph, inputs), counted(tmp_path, shuffled, inputs)
    costs = {layer.name: (layer.cost, layer.outputs, layer.dtype) for layer in report.layers}
    assert [node["name"] for node in shuffled["nodes"]] != [node["name"] for node in graph["nodes"]]
    assert {layer.name: (layer.cost, layer.outputs, layer.dtype) for layer in again.layers} == costs
    assert (again.params, again.param_bytes_by_dtype) == (report.params, report.param_bytes_by_dtype)


def test_a_real_checkpoint_is_counted_whatever_its_names(checkpoints, tmp_path):
    """Old attributes, labels, fix_gamma, and parameters whose shape only the weights tell."""
    import mxnet as mx

    prefix, inputs = checkpoints / "xdl_dnn" / "xdl_dnn", {"comm": (1, 450), "ncomm": (1, 450)}
    graph = json.loads(prefix.with_name("xdl_dnn-symbol.json").read_bytes())
    names = renamed(graph, random.Random(0))
    (weights,) = prefix.parent.glob("*.params")
    arrays = {tuple(name.split(":")): value for name, value in mx.nd.load(str(weights)).items()}
    # The file also holds some that the graph does not read.
    arrays = {f"{kind}:{names.get(name, name)}": value for (kind, name), value in arrays.items()}
    mx.nd.save(str(tmp_path / "model-0000.params"), arrays)
    (tmp_path / "model-symbol.json").write_text(json.dumps(graph))
    again = count(tmp_path / "model", {names[given]: shape for given, shape in inputs.items()})
    assert without_names(again) == without_names(count(prefix, inputs))


def test_a_hybridized_net_is_counted_like_any():
    plain, hybridized = zoo("squeezenet1.1"), zoo("squeezenet1.1")
    hybridized.hybridize(static_alloc=True, static_shape=True)
    inputs = {"data": (1, 3, 224, 224)}
    assert without_names(count(hybridized, inputs)) == without_names(count(plain, inputs))
