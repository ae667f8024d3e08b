"""The reader of ``.params`` files against ``mx.nd.load``: the same names, shapes, dtypes and bytes."""

import importlib.util
from pathlib import Path
from typing import Any, Dict

import pytest

from pytest_mxperf.errors import ParamsError
from pytest_mxperf.params_file import read_header

if importlib.util.find_spec("mxnet") is None:
    pytest.skip("MXNet is not installed", allow_module_level=True)

from pytest_mxperf.mx import compat

compat.install()

import mxnet as mx  # noqa: E402 - MXNet can be imported only now
import numpy as np  # noqa: E402

PUBLIC = sorted((Path(__file__).resolve().parents[2].parent / "shared" / "checkpoints").glob("*/*.params"))


def stored_bytes(array: Any) -> bytes:
    """What the file holds of a loaded array: its values, then its index arrays."""
    if array.stype == "row_sparse":
        parts = [array.data, array.indices]
    elif array.stype == "csr":
        parts = [array.data, array.indptr, array.indices]
    else:
        parts = [array]
    return b"".join(part.asnumpy().tobytes() for part in parts)


def assert_same(path: Path, loaded: Dict[str, Any]) -> None:
    content = path.read_bytes()
    arrays = read_header(path)
    assert [array.name for array in arrays] == list(loaded)
    for array in arrays:
        oracle = loaded[array.name]
        assert array.shape == oracle.shape
        assert array.dtype == np.dtype(oracle.dtype).name
        assert array.storage == oracle.stype
        assert content[array.offset : array.offset + array.nbytes] == stored_bytes(oracle)


@pytest.mark.parametrize("path", PUBLIC, ids=[path.parent.name for path in PUBLIC])  # none: skipped
def test_public_checkpoints(path: Path) -> None:
    if path.stat().st_size:
        assert_same(path, mx.nd.load(str(path)))
    else:
        with pytest.raises(ParamsError, match="is empty"):
            read_header(path)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool"])
def test_dtypes(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "x.params"
    mx.nd.save(str(path), {"arg:a": mx.nd.array([[0, 1, 2]], dtype=dtype), "b": mx.nd.ones(1, dtype="float32")})
    assert_same(path, mx.nd.load(str(path)))


@pytest.mark.needs_operator("amp_cast to bfloat16", tried=lambda mx: mx.sym.amp_cast(mx.sym.var("x"), dtype="bfloat16"))
def test_bfloat16(tmp_path: Path) -> None:
    path = tmp_path / "x.params"
    mx.nd.save(str(path), {"a": mx.nd.ones((2, 3)).astype(np.dtype([("bfloat16", np.uint16)]))})
    (array,) = read_header(path)
    assert array[1:4] == ((2, 3), "bfloat16", "default")
    assert path.read_bytes()[array.offset :][: array.nbytes] == b"\x80\x3f" * 6  # 1.0


@pytest.mark.parametrize("storage", ["row_sparse", "csr"])
@pytest.mark.parametrize("rows", [(), (1, 3)], ids=["no-values", "two-rows"])
def test_sparse(tmp_path: Path, storage: str, rows: Any) -> None:
    path = tmp_path / "x.params"
    values = np.zeros((5, 4), dtype="float16")
    values[list(rows), 2] = 7
    zeros = mx.nd.sparse.zeros(storage, (3, 4))
    mx.nd.save(str(path), {"a": mx.nd.array(values, dtype="float16").tostype(storage), "z": zeros, "b": mx.nd.ones(2)})
    assert_same(path, mx.nd.load(str(path)))


def test_numpy_semantics(tmp_path: Path) -> None:
    path = tmp_path / "x.params"
    with mx.util.np_shape(True), mx.util.np_array(True):
        arrays = {"s": mx.np.array(1.5), "z": mx.np.zeros((0, 2), dtype="bool"), "a": mx.np.ones((2, 1))}
        mx.npx.save(str(path), arrays)
        assert_same(path, mx.npx.load(str(path)))


def test_many_arrays(tmp_path: Path) -> None:
    path = tmp_path / "x.params"
    mx.nd.save(
        str(path), {f"arg:layer{number}_weight": mx.nd.full((number % 7 + 1, 3), number) for number in range(2000)}
    )
    assert_same(path, mx.nd.load(str(path)))


def test_a_list_has_no_names(tmp_path: Path) -> None:
    path = tmp_path / "x.params"
    mx.nd.save(str(path), [mx.nd.ones(2), mx.nd.ones((1, 3))])
    assert [(array.name, array.shape) for array in read_header(path)] == [("", (2,)), ("", (1, 3))]


def test_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.params"
    mx.nd.save(str(path), {})
    assert read_header(path) == ()
