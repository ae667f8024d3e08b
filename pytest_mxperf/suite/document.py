"""What ``mxperf.toml`` may say, field by field: the source of its schema for editors."""

from typing import Any, Dict, List, Optional, Union

import msgspec

__all__ = ["BLANK", "Defaults", "Document", "Model", "schema"]

BLANK = "?"
"""Stands for a size that somebody has still to fill in."""

Value = Union[str, int, float]


class Input(msgspec.Struct, forbid_unknown_fields=True):
    """The shape of an input, and its dtype."""

    shape: List[Union[int, str]]
    dtype: str = "float32"


class Defaults(msgspec.Struct, forbid_unknown_fields=True):
    """What holds for all models, unless one says otherwise."""

    inputs: Dict[str, Union[List[Union[int, str]], Input]] = {}
    """By name: a shape, or a table of shape and dtype. A model's own replace all of them."""
    epoch: Union[int, str] = 0
    """Of the ``.params`` file, or ``latest``."""
    params: Optional[str] = None
    """The file of the weights, where it is not called ``PREFIX-0000.params``."""
    shapes: Dict[str, List[int]] = {}
    """Of parameters that neither weights nor inference tell."""
    output: Union[str, List[str]] = ()  # type: ignore[assignment]
    """The operators to end the graph at."""
    run_as: Optional[str] = None
    """How a latency gate runs it: ``module``, ``gluon`` or ``gluon_static``."""
    example: Optional[str] = None
    """An ``.npz`` file with real inputs."""
    budget: Dict[str, Value] = {}
    """Ceilings, as in ``mxperf_budget``."""
    baseline: Union[bool, Dict[str, Union[bool, Value]]] = False
    """Allowed growth, as in ``mxperf_baseline``; ``true`` for its defaults."""
    policy: Dict[str, str] = {}
    """What comes of verdicts: fail, warn or ignore."""
    tags: List[str] = []
    """Markers to select it by: ``pytest -m nightly``. A model has those of the defaults too."""
    benchmark: bool = False
    """Whether forward passes are timed by pytest-benchmark, even without a budget of latency."""


class Model(Defaults, forbid_unknown_fields=True):
    """One model, or all that a pattern finds."""

    source: Optional[str] = None
    """Prefix of a checkpoint, or a symbol JSON, relative to this file."""
    glob: Optional[str] = None
    """A pattern of such prefixes: ``models/arcface_*``. Each is a model of its own, called after its file."""


class Document(msgspec.Struct, forbid_unknown_fields=True):
    """The whole file."""

    models: Dict[str, Model] = {}
    """By name, which is that of the baseline too."""
    defaults: Defaults = msgspec.field(default_factory=Defaults)


def schema() -> Dict[str, Any]:
    """The JSON Schema of the file, for editors: ``#:schema mxperf.schema.json`` in its first line."""
    found, components = msgspec.json.schema_components([Document], ref_template="#/$defs/{name}")
    for component in components.values():
        if "description" in component:  # a docstring, whose indent depends on the version of Python
            component["description"] = " ".join(component["description"].split())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found[0], "$defs": components}
