"""The import hook on the real MXNet, each time in a fresh interpreter."""

import importlib.util
import json
import subprocess
import sys
import textwrap

import pytest

from pytest_mxperf.mx import compat

if importlib.util.find_spec("mxnet") is None:
    pytest.skip("MXNet is not installed", allow_module_level=True)

# The hook's module alone: nothing else of the package has a part in the result.
HOOKED = f"""
import importlib.util, json, pickle, types, warnings
import numpy
spec = importlib.util.spec_from_file_location("compat", {compat.__file__!r})
compat = importlib.util.module_from_spec(spec)
spec.loader.exec_module(compat)
names, filters = dir(numpy), list(warnings.filters)
compat.install()
import mxnet as mx
"""


def python(code, *flags):
    command = [sys.executable, *flags, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def hooked(code, *flags):
    """Runs code after an import of MXNet through the hook; the code's own asserts are the test."""
    return python(HOOKED + textwrap.dedent(code), *flags)


def test_importing_the_package_is_enough():
    assert python("import pytest_mxperf, mxnet; print(mxnet.nd.ones(3).sum().asscalar())") == "3.0\n"


@pytest.mark.parametrize("flags", [[], ["-Werror"]], ids=["default", "error"])
def test_the_import_leaves_numpy_and_the_warning_filters_as_they_were(flags):
    hooked(
        """
        # MXNet imports SciPy where it is installed, which imports more of numpy's own modules.
        added = [name for name in dir(numpy) if name not in names]
        assert [name for name in added if not isinstance(getattr(numpy, name), types.ModuleType)] == []
        assert set(names) <= set(dir(numpy))
        # Packages that MXNet imports add some of their own.
        assert [entry for entry in warnings.filters if entry in filters] == filters
        assert not [entry for entry in warnings.filters if "mxnet" in str(entry[3])]
        """,
        *flags,
    )


# One for each place where MXNet uses an alias; the number is that of its line in MXNet 1.9.1.
CALLS = {
    "numpy/utils.py:37": "mx.np.bool in (bool, numpy.bool_)",
    "numpy/multiarray.py:150": "mx.np.alltrue(mx.np.ones(2)).item() == 1",
    "numpy/multiarray.py:591": "mx.np.arange(3)[True].shape == (1, 3)",
    "numpy/multiarray.py:719": "assign(mx.np.arange(3), True) == [7, 7, 7]",
    "numpy/multiarray.py:725": "assign(mx.np.arange(3), mx.np.arange(3) > 0) == [0, 7, 7]",
    "ndarray/numpy/_op.py:377": "mx.np.full((2,), True).dtype == bool",
    "symbol/numpy/_symbol.py:1260": "mx.sym.np.full((2,), True).infer_type()[1] == [numpy.bool_]",
    "numpy/fallback.py:111": "mx.np.alltrue(mx.np.array([1, 0])).item() == 0",
    "numpy/fallback.py:135": "mx.np.in1d(mx.np.array([1, 2]), mx.np.array([2])).tolist() == [False, True]",
    "numpy/fallback.py:145": "mx.np.msort(mx.np.array([2, 1])).tolist() == [1, 2]",
    "numpy/fallback.py:190": "mx.np.trapz(mx.np.array([0, 2])).item() == 1",
    "numpy/utils.py:42": "(mx.np.PZERO, mx.np.NINF, mx.np.PINF) == (0, -numpy.inf, numpy.inf)",
    "ndarray/numpy/_op.py:7563": "mx.np.take(mx.np.arange(3), mx.np.array([1]), mode='clip').tolist() == [1]",
    "test_utils.py:80": "mx.test_utils.default_rtols()[numpy.dtype(bool)] == 0",
    "test_utils.py:93": "mx.test_utils.default_atols()[numpy.dtype(bool)] == 0",
    "test_utils.py:2319": "chi_square() == [1, 2]",
}


@pytest.fixture(scope="module")
def failures():
    """The calls that fail, and with what; all are made in one process, to save the imports."""
    version = python("import pytest_mxperf, mxnet; print(mxnet.__version__)").strip()
    if not version.startswith(("1.7", "1.8", "1.9")):
        pytest.skip(f"MXNet {version} has no mx.np.alltrue, in1d, msort, trapz, PZERO: deep NumPy without a fallback")
    return json.loads(
        hooked(
            f"""
            mx.npx.set_np()

            def assign(array, key):
                array[key] = 7
                return array.tolist()

            def chi_square():
                mx.test_utils.ss = types.SimpleNamespace(chisquare=lambda f_obs, f_exp: (None, 1.0))  # scipy.stats
                return mx.test_utils.chi_square_check(lambda n: [0, 1, 1], [0, 1], [0.3, 0.7], 3)[1].tolist()

            failures = {{}}
            for place, call in {CALLS}.items():
                try:
                    assert eval(call)
                except Exception as error:
                    failures[place] = repr(error)
            print(json.dumps(failures))
            """
        )
    )


@pytest.mark.parametrize("place", CALLS)
def test_mxnet_has_the_aliases_whenever_it_runs(place, failures):
    import mxnet as mx

    if "module 'mxnet." in failures.get(place, "") and not mx.__version__.startswith("1.9."):
        pytest.skip(f"MXNet {mx.__version__} has no such function: {failures[place]}")
    assert place not in failures, failures[place]


@pytest.mark.needs_operator("_npi_where")
def test_the_common_uses_of_mxnet_run():
    hooked(
        """
        a = mx.nd.array(numpy.arange(4, dtype="float32"))
        assert ((a + 1) * 2).asnumpy().tolist() == [2, 4, 6, 8]
        assert pickle.loads(pickle.dumps(a)).asnumpy().tolist() == [0, 1, 2, 3]

        mx.npx.set_np()
        a = mx.np.arange(5)
        assert a[a > 2].tolist() == [3, 4]
        assert mx.np.array(True).item() == 1

        class Positive(mx.gluon.HybridBlock):
            def hybrid_forward(self, F, x):
                return F.np.where(x > 0, x, F.np.zeros_like(x))

        block = Positive()
        block.hybridize()
        assert block(mx.np.array([-1.0, 2.0, 3.0])).tolist() == [0, 2, 3]
        """
    )


def test_the_stand_in_is_numpy_to_those_who_serialize_or_compare():
    hooked(
        """
        stand_in = mx.numpy.multiarray._np
        assert stand_in.ndarray is numpy.ndarray and stand_in.random is numpy.random
        assert pickle.loads(pickle.dumps(stand_in.zeros)) is numpy.zeros
        assert isinstance(mx.nd.ones(2).asnumpy(), stand_in.ndarray)
        assert isinstance(numpy.ones(2), stand_in.ndarray)
        """
    )
