"""Makes ``import mxnet`` work where a plain ``pip install mxnet`` leaves it broken.

MXNet 1.x needs two things that are gone: names that numpy has removed (``numpy.bool`` in 1.24, ``numpy.PZERO`` in 2.0,
``numpy.trapz`` in 2.4, ...), at import and again whenever some of its functions run, and ``distutils`` (since Python
3.12 only setuptools has it). Its library is loaded by ctypes, so nothing of it is bound to one Python or numpy.

``install()`` adds one finder to ``sys.meta_path`` that waits for ``mxnet``; until then nothing is imported or changed.
While that import runs, numpy has its aliases again. Afterwards only MXNet's modules still see them, through a stand-in
that is otherwise numpy. numpy stays the same for everybody else: no test may pass or fail because this is installed.
"""

import importlib
import sys
import warnings
from contextlib import contextmanager, suppress
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from itertools import dropwhile
from math import inf, nan
from types import ModuleType, SimpleNamespace
from typing import Any, Dict, Iterator, Optional, Sequence

__all__ = ["install"]

_VALUES: Dict[str, object] = {
    **{kind.__name__: kind for kind in (bool, int, float)},
    **dict.fromkeys(("Inf", "PINF"), inf),
    **dict.fromkeys(("NaN", "NAN"), nan),
    "NINF": -inf,
    "PZERO": 0.0,
    "NZERO": -0.0,
    "compat": SimpleNamespace(basestring=str),
}
_RENAMED = {"alltrue": "all", "sometrue": "any", "product": "prod", "round_": "round", "trapz": "trapezoid"}
"""Functions that numpy has under another name only."""

_MOVED = ("mirr", "npv", "pmt", "ppmt", "pv", "rate")
"""Financial functions, which moved from numpy to the package numpy-financial."""

_NO_DISTUTILS = (
    "MXNet needs distutils, which Python 3.12 left to setuptools; run: pip install --upgrade setuptools "
    "(and do not set SETUPTOOLS_USE_DISTUTILS)"
)


def install() -> None:
    """Prepares a later ``import mxnet``. Does nothing if MXNet is imported already, or on a second call."""
    if "mxnet" not in sys.modules and _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


class _Finder(MetaPathFinder):
    """Lets the later finders find ``mxnet``, and wraps the loader that they choose."""

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        if fullname != "mxnet":
            return None
        # Earlier finders have found nothing, and one that delegates as this one does would call it again.
        for finder in list(dropwhile(lambda finder: finder is not self, sys.meta_path))[1:]:
            spec = finder.find_spec(fullname, path, target) if hasattr(finder, "find_spec") else None
            if spec is not None:
                # Without exec_module(): a namespace package (any folder named mxnet), or a loader of the old kind.
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader)
                return spec
        return None


_FINDER = _Finder()


class _Loader(Loader):
    """The loader of ``mxnet``, with code around the execution of the module."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # The module must look as if this loader did not exist.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        _provide_distutils()
        try:
            with _deprecations_ignored(), _numpy_aliases():
                self._loader.exec_module(module)
        except ModuleNotFoundError as error:
            if error.name == "distutils":
                raise ImportError(_NO_DISTUTILS, name="distutils") from error
            raise


def _provide_distutils() -> None:
    if sys.version_info >= (3, 12):
        # Usually a .pth file of setuptools makes distutils importable. On a PYTHONPATH, importing setuptools does.
        # An old setuptools fails on Python 3.12 in many ways. Then MXNet's import fails, and exec_module says why.
        with suppress(Exception):
            importlib.import_module("setuptools")


@contextmanager
def _deprecations_ignored() -> Iterator[None]:
    """Ignores the deprecations that MXNet itself causes. ``-W error`` makes them fatal, and users cannot fix them.

    MXNet 1.6 to 1.8 have invalid escapes in strings. The compiler's warning of them names the file, not the module.
    Since Python 3.12 it is a ``SyntaxWarning``.
    """
    for category in (DeprecationWarning, SyntaxWarning):
        warnings.filterwarnings("ignore", category=category, module=r"(.*[/\\])?mxnet\b")
    ours = warnings.filters[:2]
    try:
        yield
    finally:
        # Not by catch_warnings(): that would also undo the filters that urllib3 and others set on their import.
        warnings.filters = [entry for entry in warnings.filters if not any(entry is one for one in ours)]


@contextmanager
def _numpy_aliases() -> Iterator[None]:
    """Gives numpy the aliases that it lacks. Afterwards only MXNet's modules still see them."""
    numpy = importlib.import_module("numpy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy warns on access to an alias, whether it still has it or not
        missing = {name: value for name, value in _removed(numpy).items() if not hasattr(numpy, name)}
    vars(numpy).update(missing)
    try:
        yield
    finally:
        for name in missing:
            vars(numpy).pop(name, None)
        if missing:
            _give_stand_in(numpy, missing)


def _removed(numpy: ModuleType) -> Dict[str, object]:
    """The names that MXNet 1.6 to 1.9 use and numpy up to 2.5 has removed, as numpy last defined them."""
    return {
        **_VALUES,
        # partial() makes new functions, because MXNet registers its own version of a function once only.
        **{name: partial(getattr(numpy, now)) for name, now in _RENAMED.items() if hasattr(numpy, now)},
        **{name: partial(_financial, name) for name in _MOVED},
        "in1d": lambda ar1, ar2, **options: numpy.isin(numpy.ravel(ar1), ar2, **options),
        "msort": lambda a: numpy.sort(a, axis=0),
    }


def _financial(name: str, *args: object, **kwargs: object) -> object:
    """Raises the same error as numpy 1.20 to 1.26."""
    raise RuntimeError(
        f"numpy has no function {name} any more; run: pip install numpy-financial, and use numpy_financial.{name}"
    )


def _give_stand_in(numpy: ModuleType, missing: Dict[str, object]) -> None:
    """Replaces numpy in MXNet's modules by a module that also has the ``missing`` names."""
    stand_in = ModuleType("numpy", numpy.__doc__)
    vars(stand_in).update(missing, __getattr__=partial(getattr, numpy), __dir__=partial(dir, numpy))
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "mxnet" and isinstance(module, ModuleType):
            vars(module).update({key: stand_in for key, value in vars(module).items() if value is numpy})
