"""The error if MXNet cannot infer a graph's shapes and dtypes: what is missing, and how to give it."""

from contextlib import suppress
from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple

from pytest_mxperf import traits
from pytest_mxperf.cost.fixed import Fixed, first_sizes
from pytest_mxperf.cost.inputs import GraphInput, contradictions, data_of_layers, find_inputs
from pytest_mxperf.cost.params import INPUT_ROLES, Role, assign_roles
from pytest_mxperf.cost.walk import Inference
from pytest_mxperf.errors import ModelError, ParamsError, ShapeError, listed
from pytest_mxperf.graph import Graph, Node
from pytest_mxperf.mx.lacking import of_another_model, of_the_weights, unread, without_weights
from pytest_mxperf.mx.opened import Model
from pytest_mxperf.mx.runtime import array_semantics, json_of, mx, reason
from pytest_mxperf.stored import warn_of

__all__ = ["check_dtypes", "does_not_fit", "held_batch", "inputs_of", "is_incomplete", "misfits", "not_given"]

_BY_DATA = ("_contrib_boolean_mask", "_npx_nonzero", "_npi_unique")
"""Operators whose number of output rows depends on the data."""

_HOLDS_A_BATCH = "does the graph hold a batch size other than that of the inputs?"


def inputs_of(model: Model) -> List[GraphInput]:
    """The inputs that the model's graph needs, also those that the user gives, with all that is known of their shapes.

    If the graph says nothing of a shape, MXNet may infer some of it from the weights and the other inputs.
    """
    if model.checkpoint is not None and model.warning:
        warn_of(model.checkpoint, model.warning)
    inputs = _wanted(model)
    if model.suspects or all(each.shape is not None for each in inputs):
        return inputs  # MXNet infers a suspect only in a child
    unknown_size = -1 if model.numpy_shapes else 0
    known = {name: array.shape for name, array in (model.stored or {}).items() if name in model.symbol.list_arguments()}
    for each in inputs:
        # Without an image's sides nothing can be inferred of it, and some operators refuse it.
        if each.shape is not None and None not in each.shape[1:]:
            known[each.name] = tuple(unknown_size if size is None else size for size in each.shape)
    with array_semantics(numpy_shapes=model.numpy_shapes):
        shapes = _partial_shapes(model, {**known, **model.shapes})
    return [each._replace(shape=each.shape or shapes.get(each.name)) for each in inputs]


def _wanted(model: Model) -> List[GraphInput]:
    """The inputs, with what the graph and the weights say of each."""
    graph = Graph.parse(json_of(model.symbol), where=model.name)
    stored = None if model.stored is None else {name: array.shape for name, array in model.stored.items()}
    if model.net is not None:
        stored = dict.fromkeys(model.parameter_names or (), ())
    auxiliary = model.symbol.list_auxiliary_states()
    names = {name for pointer in model.pointers for name in pointer.stand_ins}
    found = find_inputs(graph, auxiliary=auxiliary, stored=stored, given=model.inputs)
    return [each for each in found if each.name not in names and each.name not in model.shapes]


def not_given(model: Model) -> List[GraphInput]:
    """The inputs that the user has not given, with the shapes that MXNet infers for them from the others."""
    shapes = _partial_shapes(model, {**{name: spec.shape for name, spec in model.inputs.items()}, **model.shapes})
    missing = [each for each in _wanted(model) if each.name not in model.inputs]
    return [each._replace(shape=shapes.get(each.name) or each.shape) for each in missing]


def _partial_shapes(model: Model, known: Mapping[str, Tuple[int, ...]]) -> Dict[str, Tuple[Optional[int], ...]]:
    try:
        found, _, _ = model.symbol.infer_shape_partial(**known)
    except mx.MXNetError:
        return {}
    names = model.symbol.list_arguments()
    return {name: tuple(size if size > 0 else None for size in shape) for name, shape in zip(names, found) if shape}


def does_not_fit(model: Model, error: Exception, completed: Sequence[str]) -> ShapeError:
    """The error for an ``MXNetError`` that says that shapes or dtypes contradict each other, or are too few.

    ``completed`` are the variables whose shapes are from the weights.
    """
    given = ", ".join(f"{name}={spec.shape} {spec.dtype}" for name, spec in model.inputs.items())
    problem = reason(error)
    hint = held_batch(model, problem) or (f"; {_HOLDS_A_BATCH}" if "Target shape size is different" in problem else "")
    graph = Graph.parse(json_of(model.symbol), where=model.name)
    hint = hint or of_the_weights(model, graph, problem, completed)
    missing = [str(each) for each in not_given(model)]
    hint += f"; not given: {listed(sorted(missing), 20)}" if missing else ""
    beginning = f"{of_another_model(model, graph) if completed else ''}{misfits(model)}"
    return ShapeError(f"{model.name}: {beginning}shapes or dtypes do not fit together for {given}: {problem}{hint}")


def held_batch(model: Model, problem: str = "") -> str:
    """The operator that holds another batch size than the inputs have, as the end of a message; empty if none does.

    ``problem`` is what MXNet says of the shapes.
    """
    batches = {spec.shape[0] for spec in model.inputs.values() if spec.shape}
    found = [] if len(batches) != 1 else _holding(model, batches.pop(), problem)
    return f"; {found[0].node.op} {found[0].node.name!r} has {found[0].text}: {_HOLDS_A_BATCH}" if found else ""


def _holding(model: Model, batch: int, problem: str) -> List[Fixed]:
    others = first_sizes(Graph.parse(json_of(model.symbol), where=model.name))
    others.pop(batch, None)
    if model.suspects:  # they may crash MXNet with shapes that no child has tried
        return [fixed for size, fixed in others.items() if f"[{size}," in problem]
    if not others or _would_fit(model, batch):  # what does not fit is then a dtype
        return []
    return [fixed for size, fixed in others.items() if _would_fit(model, size)]


def _would_fit(model: Model, batch: int) -> bool:
    """Whether the shapes of graph and weights fit together if all inputs have this batch."""
    names = model.symbol.list_arguments()
    stored = {name: array.shape for name, array in (model.stored or {}).items() if name in names}
    given = {name: (batch, *spec.shape[1:]) for name, spec in model.inputs.items() if spec.shape}
    with array_semantics(numpy_shapes=model.numpy_shapes):
        return bool(_partial_shapes(model, {**stored, **given, **model.shapes}))


def misfits(model: Model) -> str:
    """The given inputs that contradict the graph, as the beginning of a message; empty if none is known to."""
    found: List[str] = []
    with suppress(Exception):  # whatever this finds, MXNet's own message is what matters
        found = contradictions(_wanted(model), {name: spec.shape for name, spec in model.inputs.items()})
    text = listed(found)
    return text and (f"{text} " if text.endswith("?") else f"{text}; ")


def is_incomplete(model: Model, graph: Graph, inference: Inference) -> Optional[ModelError]:
    """The error that lists all unknown shapes and how to give them; None if all are known."""
    shapes = inference.shapes
    stand_ins = {name for pointer in model.pointers for name in pointer.stand_ins}
    unknown = {index for index, outputs in enumerate(shapes) if None in outputs}
    unknown -= {index for index in unknown if graph.nodes[index].is_variable and graph.nodes[index].name in stand_ins}
    if not unknown:
        return _incomplete_inside(model, graph, inference)
    weights = _read_as_weights(model, graph)
    culprit = next((index for index in sorted(unknown) if _is_culprit(graph, index, unknown - weights)), None)
    variables = [graph.nodes[index].name for index in sorted(unknown) if graph.nodes[index].is_variable]
    if culprit is None and variables:
        return _blamed(model, graph, _of_variables(model, variables), _perhaps_stored(model, graph, variables))
    place = min(unknown) if culprit is None else culprit
    what = _of_operator(model, graph, place, shapes, _before(graph, place))
    read = [graph.nodes[source].name for source, _ in graph.nodes[place].inputs if source in unknown]
    return _blamed(model, graph, what, read)


def _blamed(model: Model, graph: Graph, what: str, names: Sequence[str]) -> ModelError:
    """The error for what cannot be inferred. It begins with what is wrong with the weights if they may have it.

    ``names`` are the variables of unknown shape that may be parameters.
    """
    if not names:
        return ShapeError(f"{model.name}: {what}")
    other = of_another_model(model, graph, names)
    if other:
        return ParamsError(f"{model.name}: {other}Without what it lacks, {what}")
    strange = unread(model, graph)
    more = f"; the weights have {listed(strange)}, which the graph does not read" if strange else ""
    return ShapeError(f"{model.name}: {without_weights(model, what)}{more}")


def _perhaps_stored(model: Model, graph: Graph, unknown: Sequence[str]) -> List[str]:
    """Those of the variables that may be parameters, or all of them if no input is among them."""
    wanted = [each.name for each in not_given(model) if each.name in unknown and each.role is Role.INPUT]
    data = data_of_layers(graph)
    return [name for name in wanted or unknown if name not in data]


def _incomplete_inside(
    model: Model, graph: Graph, inference: Inference, before: Optional[str] = None
) -> Optional[ShapeError]:
    """The error for an unknown shape in a loop, a branch or its condition, though all around it are known.

    ``before`` is the operator before the outermost of them: a graph cannot end within one.
    """
    for index, inferred in inference.subgraphs.items():
        outer = graph.nodes[index]
        end = _before(graph, index) if before is None else before
        for subgraph, inner in zip(outer.subgraphs, inferred):
            unknown = {place for place, outputs in enumerate(inner.shapes) if None in outputs}
            if unknown:
                places = sorted(unknown)
                culprit = next((place for place in places if _is_culprit(subgraph, place, unknown)), places[0])
                what = _of_operator(model, subgraph, culprit, inner.shapes, end)
                return ShapeError(f"{model.name}: inside {outer.op} {outer.name!r} {what}")
            deeper = _incomplete_inside(model, subgraph, inner, end)
            if deeper is not None:
                return deeper
    return None


def _read_as_weights(model: Model, graph: Graph) -> Set[int]:
    auxiliary = model.symbol.list_auxiliary_states()
    roles = assign_roles(graph, inputs=model.inputs, auxiliary=auxiliary, stored=())
    return {index for index, role in roles.items() if role not in INPUT_ROLES}


def _is_culprit(graph: Graph, index: int, unknown: Set[int]) -> bool:
    """Whether the node is an operator with known input shapes and unknown output shapes."""
    node = graph.nodes[index]
    return not node.is_variable and not any(source in unknown for source, _ in node.inputs)


def _before(graph: Graph, index: int) -> str:
    """The operator whose output the node reads, the first of several; empty if it reads variables only."""
    node = graph.nodes[index]
    entries = (*node.inputs[1:], *node.inputs[:1]) if node.op == "_cond" else node.inputs  # the condition is its first
    sources = [graph.nodes[source] for source, _ in entries]
    return next((source.name for source in sources if not source.is_variable), "")


def _of_operator(model: Model, graph: Graph, index: int, shapes: Sequence[Sequence[Any]], before: str) -> str:
    node = graph.nodes[index]
    return f"the shape of {node.op} {node.name!r} cannot be inferred; {_remedy(model, node, shapes, before)}"


def _remedy(model: Model, node: Node, shapes: Sequence[Sequence[Any]], before: str) -> str:
    if node.op in _BY_DATA:
        end = f"; to end the graph before it, give output={before!r}" if before else ""
        return f"its number of output rows depends on the data{end}"
    if model.pointers:
        hidden = listed([str(pointer) for pointer in model.pointers], 3)
        return f"only the process that saved it knew the output shapes of {hidden}"
    read = [shapes[source][output] for source, output in node.inputs]
    attrs = ", ".join(f"{name}={value}" for name, value in node.attrs.items() if not name.startswith("__"))
    if node.op in traits.RESHAPES and read and read[0] is not None:
        return f"it makes {attrs} of {read[0]}: {_HOLDS_A_BATCH}"
    if read and None not in read:
        return f"MXNet infers nothing from {attrs or 'it'} for {', '.join(map(str, read))}"
    return "give the shapes of all inputs and labels"


def _of_variables(model: Model, unknown: Sequence[str]) -> str:
    """The message for the variables whose shapes the user must give. The shapes of layers' weights follow from them."""
    wanted = {each.name: each for each in not_given(model)}
    inputs = [wanted[name] for name in unknown if name in wanted]
    names = [_quoted(each) for each in inputs] or [repr(name) for name in unknown]
    is_sure = _fed(model).issuperset(each.name for each in inputs)
    one = len(names) == 1
    subject = f"the shape of variable {names[0]}" if one else f"the shapes of {listed(names, 20)}"
    whose, it_is = ("its shape", "it is a parameter") if one else ("their shapes", "one is a parameter")
    where = f"give {whose} in shapes" if not inputs else f"give {whose} in inputs"
    return f"{subject} cannot be inferred; {where}{'' if is_sure or not inputs else f', or in shapes if {it_is}'}"


def _quoted(wanted: GraphInput) -> str:
    return str(wanted._replace(name=repr(wanted.name)))


def _fed(model: Model) -> Set[str]:
    """Names of the variables that operators read as inputs, labels or states."""
    graph = Graph.parse(json_of(model.symbol), where=model.name)
    auxiliary = model.symbol.list_auxiliary_states()
    roles = assign_roles(graph, inputs=model.inputs, auxiliary=auxiliary, stored=model.parameter_names)
    return {graph.nodes[index].name for index, role in roles.items() if role in INPUT_ROLES}


def check_dtypes(model: Model, dtypes: Mapping[str, str]) -> None:
    """Raises ``ShapeError`` for a parameter of unknown dtype if there are weights that cannot be read."""
    if not model.weights_problem:
        return
    found, _, _ = model.symbol.infer_type_partial(**dtypes)
    names = model.symbol.list_arguments()
    fed = _fed(model)
    unknown = [name for name, dtype in zip(names, found or ()) if dtype is None and name not in fed]
    data = data_of_layers(Graph.parse(json_of(model.symbol), where=model.name)) if unknown else set()
    if unknown and data.isdisjoint(unknown):  # else an input is not given, and the weights do not have that
        which = listed([repr(name) for name in unknown])
        subject = f"the dtype of {which} is" if len(unknown) == 1 else f"the dtypes of {which} are"
        raise ShapeError(f"{model.name}: {without_weights(model, f'{subject} unknown: the graph does not have it')}")
