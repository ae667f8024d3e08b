"""Makes ``import mxnet`` work where a plain ``pip install mxnet`` leaves it broken.

MXNet 1.x needs two things that are gone: the aliases ``numpy.bool`` and ``numpy.int`` (removed in numpy 1.24), some at
import and some whenever its functions run, and ``distutils`` (in setuptools only since Python 3.12).

``install()`` adds one finder to ``sys.meta_path`` that waits for ``mxnet``; until then nothing is imported or changed.
While that import runs, numpy has its aliases again. Afterwards MXNet's own modules keep them, through a stand-in for
numpy that is otherwise numpy itself, and everybody else's numpy is as it was: no test may come to pass, or to fail,
because this plugin is installed.
"""

import importlib
import sys
import warnings
from contextlib import contextmanager, suppress
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from itertools import dropwhile
from types import ModuleType
from typing import Any, Dict, Iterator, Optional, Sequence

__all__ = ["install"]

_ALIASES: Dict[str, object] = {"bool": bool, "int": int}

_NO_DISTUTILS = (
    "MXNet needs distutils, which Python no longer has since 3.12 but setuptools provides; run: pip install setuptools "
    "(and do not set SETUPTOOLS_USE_DISTUTILS)"
)


def install() -> None:
    """Prepares a later ``import mxnet``. Does nothing if that has happened already, or if called before."""
    if "mxnet" not in sys.modules and _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)


class _Finder(MetaPathFinder):
    """Leaves the finding of ``mxnet`` to the finders behind it, and wraps the loader that they choose."""

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        if fullname != "mxnet":
            return None
        # Those in front have been asked: to ask them again would never end if one of them delegates as this one does.
        for finder in list(dropwhile(lambda finder: finder is not self, sys.meta_path))[1:]:
            spec = finder.find_spec(fullname, path, target) if hasattr(finder, "find_spec") else None
            if spec is not None:
                # A namespace package (some folder that is named mxnet) has no loader.
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader)
                return spec
        return None


_FINDER = _Finder()


class _Loader(Loader):
    """Another loader, but for what surrounds the execution of the module."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # The module shall not show how it was imported.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        if sys.version_info >= (3, 12):
            # Usually a .pth file of setuptools has made distutils importable; not so on a PYTHONPATH, for example.
            with suppress(ImportError):
                importlib.import_module("setuptools")
        try:
            with _deprecations_ignored(), _numpy_aliases():
                self._loader.exec_module(module)
        except ModuleNotFoundError as error:
            if error.name == "distutils":
                raise ImportError(_NO_DISTUTILS, name="distutils") from error
            raise


@contextmanager
def _deprecations_ignored() -> Iterator[None]:
    """Ignores what MXNet's use of numpy and distutils calls forth, which ``-W error`` would make fatal."""
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"mxnet\b")
    ours = warnings.filters[0]
    try:
        yield
    finally:
        # Not by catch_warnings(), which would also drop the filters of urllib3 and others that MXNet imports.
        warnings.filters = [entry for entry in warnings.filters if entry is not ours]


@contextmanager
def _numpy_aliases() -> Iterator[None]:
    """Gives numpy the aliases it lacks, and in the end takes them back from all but MXNet's modules."""
    numpy = importlib.import_module("numpy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy warns when asked for an alias, whether it still has it or not
        missing = {name: value for name, value in _ALIASES.items() if not hasattr(numpy, name)}
    vars(numpy).update(missing)
    try:
        yield
    finally:
        for name in missing:
            vars(numpy).pop(name, None)
        if missing:
            stand_in = ModuleType("numpy", numpy.__doc__)
            vars(stand_in).update(missing, __getattr__=partial(getattr, numpy), __dir__=partial(dir, numpy))
            for name, module in list(sys.modules.items()):
                if name.partition(".")[0] == "mxnet" and isinstance(module, ModuleType):
                    vars(module).update({key: stand_in for key, value in vars(module).items() if value is numpy})
