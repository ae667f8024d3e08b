"""Runs a graph operator by operator without fusion. An array leaves the memory after its last reader has run."""

import ctypes
from typing import Any, Callable, Dict, List, Sequence, Tuple

from pytest_mxperf.graph import Entry, Graph, Node
from pytest_mxperf.mx.analysis import Analysis
from pytest_mxperf.mx.runtime import mx

__all__ = ["Steps"]


class Steps:
    """One forward of a graph. ``value`` makes the array of a variable, when the first operator reads it.

    ``arrays`` are the arrays in memory, by node index and number of the output: ``(index, 0)`` is the first output.
    """

    def __init__(self, analysis: Analysis, value: Callable[[str], Any]) -> None:
        self._graph = analysis.graph
        self._shapes = analysis.inference.shapes
        self._value = value
        self._last_reads = _last_reads(analysis.graph)
        self._operators: Dict[str, Any] = {}
        self.arrays: Dict[Entry, Any] = {}

    def inputs(self, index: int) -> List[Any]:
        """The arrays that an operator reads. Makes variables that are not in memory yet."""
        return [self._array(entry) for entry in self._graph.nodes[index].inputs]

    def _array(self, entry: Entry) -> Any:
        if entry not in self.arrays:
            self.arrays[entry] = self._value(self._graph.nodes[entry[0]].name)
        return self.arrays[entry]

    def run(self, index: int) -> List[Any]:
        """Runs one operator, after those that it reads, and returns its outputs. Raises ``MXNetError``."""
        node, inputs = self._graph.nodes[index], self.inputs(index)
        outputs = self._run_graph(node, inputs) if node.subgraphs else self._invoke(node, inputs, index)
        self.arrays.update({(index, output): array for output, array in enumerate(outputs)})
        return outputs

    def forget(self, index: int) -> None:
        """Drops every array that no operator reads after this one."""
        for source in self._last_reads.get(index, ()):
            for entry in [entry for entry in self._outputs_of(source) if entry in self.arrays]:
                del self.arrays[entry]

    def _outputs_of(self, index: int) -> List[Entry]:
        return [(index, output) for output in range(max(1, len(self._shapes[index])))]

    def _invoke(self, node: Node, inputs: Sequence[Any], index: int) -> List[Any]:
        attrs = {name: value for name, value in node.attrs.items() if not name.startswith("__")}
        if not inputs and "shape" in attrs:
            attrs["shape"] = str(self._shapes[index][0])  # the attribute may leave the batch size open
        if node.op not in self._operators:
            handle = ctypes.c_void_p()
            mx.base.check_call(mx.base._LIB.NNGetOpHandle(mx.base.c_str(node.op), ctypes.byref(handle)))
            self._operators[node.op] = handle
        return _imperative(self._operators[node.op], inputs, attrs)

    def _run_graph(self, node: Node, inputs: Sequence[Any]) -> List[Any]:
        """Binds and runs a loop, a branch or a fused operator with its subgraphs."""
        names = [f"input{position}" for position in range(len(inputs))]
        variables = tuple(Node("null", name, {}, ()) for name in names)
        reading = tuple((position, 0) for position in range(len(inputs)))
        alone = Node(node.op, "alone", node.attrs, reading, node.output_count, node.subgraphs)
        heads = tuple((len(inputs), output) for output in range(node.output_count))
        symbol = mx.sym.load_json(Graph((*variables, alone), heads, self._graph.numpy_shapes).to_json())
        arrays = dict(zip(names, inputs))
        executor = symbol.bind(
            mx.cpu(),
            {name: arrays[name] for name in symbol.list_arguments()},
            grad_req="null",
            aux_states={name: arrays[name] for name in symbol.list_auxiliary_states()},
        )
        return list(executor.forward(is_train=False))


def _imperative(operator: Any, inputs: Sequence[Any], attrs: Dict[str, str]) -> List[Any]:
    base = mx.base
    count, outputs, storage = ctypes.c_int(0), ctypes.POINTER(ctypes.c_void_p)(), ctypes.POINTER(ctypes.c_int)()
    base.check_call(
        base._LIB.MXImperativeInvokeEx(
            operator,
            ctypes.c_int(len(inputs)),
            base.c_handle_array(inputs),
            ctypes.byref(count),
            ctypes.byref(outputs),
            ctypes.c_int(len(attrs)),
            base.c_str_array(list(attrs)),
            base.c_str_array(list(attrs.values())),
            ctypes.byref(storage),
        )
    )
    handles = [ctypes.c_void_p(outputs[place]) for place in range(count.value)]
    return [mx.nd.NDArray(handle) for handle in handles]


def _last_reads(graph: Graph) -> Dict[int, Tuple[int, ...]]:
    """For each operator, the nodes whose last reader it is. A node without a reader is its own last reader."""
    last = {index: index for index in range(len(graph.nodes))}
    for index, node in enumerate(graph.nodes):
        last.update((source, index) for source, _ in node.inputs)
    found: Dict[int, List[int]] = {}
    for source, index in last.items():
        found.setdefault(index, []).append(source)
    return {index: tuple(sources) for index, sources in found.items()}
