"""The fields of ``mxperf.toml``. Its schema for editors is made from these classes."""

from typing import Any, Dict, List, Optional, Union

import msgspec

__all__ = ["BLANK", "Defaults", "Document", "Model", "schema"]

BLANK = "?"
"""Stands for a size that the user must fill in."""

Value = Union[str, int, float]


class Input(msgspec.Struct, forbid_unknown_fields=True):
    """The shape of an input, and its dtype."""

    shape: List[Union[int, str]]
    dtype: str = "float32"


class Defaults(msgspec.Struct, forbid_unknown_fields=True):
    """Settings of all models, unless a model has its own."""

    inputs: Dict[str, Union[List[Union[int, str]], Input]] = {}
    """The shape of each input, or a table of shape and dtype. A model's own inputs replace all of these."""
    epoch: Union[int, str] = 0
    """The epoch of the ``.params`` file, or ``latest``."""
    params: Optional[str] = None
    """The file of the weights, if it is not called ``PREFIX-0000.params``."""
    shapes: Dict[str, List[int]] = {}
    """Shapes of parameters, if neither the weights nor MXNet's inference give them."""
    output: Union[str, List[str]] = ()  # type: ignore[assignment]
    """The operators to end the graph at."""
    run_as: Optional[str] = None
    """How a latency gate runs the model: ``module``, ``gluon`` or ``gluon_static``."""
    example: Optional[str] = None
    """An ``.npz`` file with real inputs."""
    budget: Dict[str, Value] = {}
    """Ceilings, as in ``mxperf_budget``."""
    baseline: Union[bool, Dict[str, Union[bool, Value]]] = False
    """Allowed growth, as in ``mxperf_baseline``; ``true`` for its defaults."""
    policy: Dict[str, str] = {}
    """What verdicts do: fail, warn or ignore."""
    tags: List[str] = []
    """Markers to select models by: ``pytest -m nightly``. The tags of the defaults are added."""
    benchmark: bool = False
    """Whether pytest-benchmark times forward passes, even without a latency budget."""


class Model(Defaults, forbid_unknown_fields=True):
    """One model, or all models that a pattern finds."""

    source: Optional[str] = None
    """The prefix of a checkpoint, or a symbol JSON, relative to this file."""
    glob: Optional[str] = None
    """A pattern of prefixes: ``models/arcface_*``. Each file that it finds is a model, named after the file."""


class Document(msgspec.Struct, forbid_unknown_fields=True):
    """The whole file."""

    models: Dict[str, Model] = {}
    """The models by name, which is also the name of the baseline."""
    defaults: Defaults = msgspec.field(default_factory=Defaults)


def schema() -> Dict[str, Any]:
    """The JSON Schema of the file, for editors: ``#:schema mxperf.schema.json`` in its first line."""
    found, components = msgspec.json.schema_components([Document], ref_template="#/$defs/{name}")
    for component in components.values():
        if "description" in component:  # a docstring, whose indent depends on the version of Python
            component["description"] = " ".join(component["description"].split())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found[0], "$defs": components}
