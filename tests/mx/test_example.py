"""Real inputs: read without pickle, held against the model's inputs, digested; broken and hostile files."""

import io
import pickle
import struct
import zipfile
import zlib
from contextlib import suppress

import numpy as np
import pytest

from pytest_mxperf.errors import ModelError, MxperfError, UsageError
from pytest_mxperf.mx.example import Example, example_of, stored
from pytest_mxperf.spec import InputSpec, ModelSpec

DATA = np.arange(6, dtype=np.float32).reshape(2, 3)
TOKENS = np.array([[1, 2]], dtype=np.int32)
INPUTS = {"data": (2, 3), "tokens": ((1, 2), "int32")}


def taken(example, inputs=INPUTS):
    return example_of(ModelSpec.parse(lambda: None, inputs, name="net", example=example))


@pytest.fixture
def npz(tmp_path):
    def npz(save=np.savez, **arrays):
        save(tmp_path / "inputs.npz", **arrays)
        return tmp_path / "inputs.npz"

    return npz


def as_npy(array, **how):
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, **how)
    return stream.getvalue()


@pytest.fixture
def archive(tmp_path):
    """An .npz whose members are these bytes."""

    def archive(*members, compression=zipfile.ZIP_DEFLATED):
        path = tmp_path / "inputs.npz"
        with zipfile.ZipFile(path, "w", compression) as stream:
            for name, content in members:
                stream.writestr(name, content)
        return path

    return archive


# What may be given


def test_there_need_be_none():
    assert taken(None) is None


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_file_gives_its_arrays(npz, save):
    example = taken(npz(save, data=DATA, tokens=TOKENS))
    assert sorted(example.arrays) == ["data", "tokens"]
    assert example.arrays["data"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert (example.arrays["tokens"].tolist(), example.arrays["tokens"].dtype) == ([[1, 2]], np.int32)


def test_a_mapping_and_a_callable_do_too():
    import mxnet as mx

    for example in ({"data": DATA}, {"data": mx.nd.array(DATA)}, lambda: {"data": DATA}):
        assert taken(example).arrays["data"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_callable_is_called_once():
    calls = []
    taken(lambda: calls.append(1) or {"data": DATA})
    assert calls == [1]


def test_what_the_user_changes_afterwards_is_not_the_example():
    array = DATA.copy()
    example = taken({"data": array})
    array[:] = 9
    assert example.arrays["data"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_scalars_stay_scalars(npz):
    inputs = {"data": (2, 3), "scale": ()}
    assert taken(npz(scale=np.float32(2)), inputs).arrays["scale"].shape == ()
    assert taken({"scale": np.float32(2)}, inputs).arrays["scale"].shape == ()


def test_bytes_and_dimensions_in_another_order_are_put_in_order(npz):
    example = taken(npz(data=np.asfortranarray(DATA.astype(">f4"))))
    assert example.arrays["data"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert example.arrays["data"].dtype == np.dtype("float32")
    assert example.sha256 == taken({"data": DATA}).sha256


# The digest


def test_the_digest_is_of_what_the_model_gets_not_of_the_file(npz):
    """The same for any packing and order; another for another number, shape, dtype or name."""
    digest = taken({"data": DATA, "tokens": TOKENS}).sha256
    assert taken(npz(np.savez, tokens=TOKENS, data=DATA)).sha256 == digest
    assert taken(npz(np.savez_compressed, data=DATA, tokens=TOKENS)).sha256 == digest
    others = [
        {"data": DATA},
        {"data": DATA + 1, "tokens": TOKENS},
        {"data": DATA.reshape(3, 2), "tokens": TOKENS},
        {"data": DATA.view(np.int32), "tokens": TOKENS},
        {"date": DATA, "tokens": TOKENS},
    ]
    assert len({digest, *(Example(arrays).sha256 for arrays in others)}) == 6


def test_the_digest_is_this_one():
    """So that a baseline is not another's with the next version: sha256 of "('data', 'uint8', (2,))" and 1, 2."""
    example = taken({"data": np.array([1, 2], dtype=np.uint8)}, {"data": ((2,), "uint8")})
    assert example.sha256 == "cfb165f4304049bccab04ae1fb262b292e035aaad86f9f3a515d81879ec540a8"


# What does not fit


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"data": DATA.T}, "has data (3, 2) float32, inputs says (2, 3) float32; make them alike"),
        ({"data": DATA.astype(float)}, "has data (2, 3) float64, inputs says (2, 3) float32; make them alike"),
        ({"tokens": TOKENS.astype("int64")}, "has tokens (1, 2) int64, inputs says (1, 2) int32; make them alike"),
        ({"date": DATA}, "has 'date', which is not an input of the model; it has data, tokens"),
        ({}, "has no arrays; the model's inputs are data, tokens"),
    ],
)
def test_what_does_not_fit_the_inputs_names_both(npz, arrays, message):
    path = npz(**arrays)
    for example, where in ((arrays, "net: example: "), (lambda: arrays, "net: example: ")):
        with pytest.raises(UsageError) as caught:
            taken(example)
        assert str(caught.value) == where + message
    with pytest.raises(UsageError) as caught:
        taken(path)
    assert str(caught.value) in (f"net: example {path}: {message}", f"net: example: {message}")


@pytest.mark.parametrize(
    ("example", "message"),
    [
        ({"data": [[1.0]]}, "net: example: data is a list where an array is needed"),
        (lambda: DATA, "net: example: is a ndarray where a mapping from inputs to arrays is needed"),
        (lambda: None, "net: example: is a NoneType where a mapping from inputs to arrays is needed"),
        (lambda: 1 / 0, "net: example: the callable fails: ZeroDivisionError: division by zero"),
    ],
)
def test_what_is_no_example_says_what_it_is(example, message):
    with pytest.raises(MxperfError) as caught:
        taken(example)
    assert str(caught.value) == message


# Broken and hostile files


class Bomb:
    """Unpickling it would end the test with an error of its own."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('unpickled')",))


def broken(archive, tmp_path):
    good = as_npy(DATA)
    whole = archive(("data.npy", good)).read_bytes()
    pickled = np.array([Bomb()], dtype=object)
    header = b"\x93NUMPY\x01\x00"
    yield "not a zip", b"data", "File is not a zip file"
    yield "empty", b"", "File is not a zip file"
    yield "truncated", whole[:-30], "File is not a zip file"
    yield "a pickle", pickle.dumps({"data": DATA}), "File is not a zip file"
    yield "objects", archive(("data.npy", as_npy(pickled, allow_pickle=True))).read_bytes(), "data holds Python objects"
    yield "another byte", whole.replace(zlib.compress(good)[2:20], b"\xff" * 18), "cannot be read as .npz"
    yield "no numpy", archive(("data.npy", b"hello")).read_bytes(), "cannot be read as .npz"
    yield "cut array", archive(("data.npy", good[:-4])).read_bytes(), "cannot be read as .npz"
    yield "more", archive(("data.npy", good + b"more")).read_bytes(), "data goes on where it should end"
    yield "long header", archive(("data.npy", header + struct.pack("<H", 60000) + b"(" * 60000)).read_bytes(), "60,000"
    yield "deep header", archive(("data.npy", header + struct.pack("<H", 1000) + b"[" * 1000)).read_bytes(), "cannot be"
    huge = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000), }\n"
    yield "huge", archive(("data.npy", header + struct.pack("<H", len(huge)) + huge)).read_bytes(), "inputs says (2, 3)"
    negative = b"{'descr': '<f4', 'fortran_order': False, 'shape': (-2, -3), }\n"
    yield "negative", archive(("data.npy", header + struct.pack("<H", len(negative)) + negative)).read_bytes(), "(2, 3)"
    yield "version 2", archive(("data.npy", as_npy(DATA, version=(2, 0)))).read_bytes(), "an array of format (2, 0)"


def test_a_broken_file_is_one_clear_error(archive, tmp_path):
    """Every error begins with the model and the file."""
    path = tmp_path / "broken.npz"
    for kind, content, message in broken(archive, tmp_path):
        path.write_bytes(content)
        with pytest.raises(MxperfError) as caught:
            taken(path)
        assert str(caught.value).startswith(f"net: example {path}: "), kind
        assert message in str(caught.value), kind
        assert "\n" not in str(caught.value), kind


def test_every_truncation_and_many_flipped_bits_are_errors_or_the_same_numbers(archive, tmp_path):
    """Whatever gets through has been read right: the archive's checksum says so."""
    whole = archive(("data.npy", as_npy(DATA))).read_bytes()
    path = tmp_path / "broken.npz"
    changed = [whole[:length] for length in range(len(whole))]
    changed += [whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :] for at in range(len(whole))]
    for content in changed:
        path.write_bytes(content)
        with suppress(MxperfError):
            assert taken(path).arrays["data"].tolist() == DATA.tolist()


def test_a_bomb_is_not_unpacked(archive):
    """A gigabyte of zeros packs to a megabyte; its header is compared first."""
    zeros = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (2**28,)}
    np.lib.format.write_array_header_1_0(zeros, header)
    path = archive(("data.npy", zeros.getvalue() + bytes(2**22)))
    with pytest.raises(UsageError, match=r"has data \(268435456,\) float32, inputs says \(2, 3\) float32"):
        taken(path)


def test_two_arrays_of_one_name_are_an_error(archive):
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = archive(("data.npy", as_npy(DATA)), ("data.npy", as_npy(DATA + 1)))
    with pytest.raises(ModelError, match="has 'data' twice"):
        taken(path)


def test_a_file_far_larger_than_the_inputs_is_not_opened(tmp_path):
    """24 + 8 bytes of inputs, and 16 MiB to spare."""
    path = tmp_path / "inputs.npz"
    with path.open("wb") as stream:
        stream.truncate(2**30)
    with pytest.raises(ModelError, match=r"has 1,073,741,824 bytes; with all inputs it would have at most 16,777,248$"):
        taken(path)


def test_what_cannot_be_opened_says_why(tmp_path):
    with pytest.raises(ModelError, match=r"nothing\.npz: cannot be read: No such file or directory$"):
        taken(tmp_path / "nothing.npz")
    with pytest.raises(ModelError, match=r"is not a regular file$"):
        taken(tmp_path)


# For the other model, and for the measuring process


def test_another_model_gets_the_same_numbers_in_its_own_dtypes():
    half = Example({"data": DATA.astype("float16")})
    theirs = half.of_inputs({"data": InputSpec((2, 3)), "mask": InputSpec((1,))}, where="against=fp32")
    assert theirs.arrays["data"].dtype == np.float32
    assert theirs.arrays["data"].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("inputs", "problem"),
    [
        ({"data": InputSpec((1, 3))}, "takes data (1, 3), the example has data (2, 3)"),
        ({"image": InputSpec((2, 3))}, "has no input 'data', the example has data (2, 3)"),
    ],
)
def test_unless_its_inputs_are_others(inputs, problem):
    with pytest.raises(UsageError) as caught:
        Example({"data": DATA}).of_inputs(inputs, where="against=other")
    assert str(caught.value) == (
        f"against=other: {problem}; give it one of its own: against=ModelSpec.parse(..., example=...)"
    )


def test_it_is_stored_for_as_long_as_it_is_needed(tmp_path):
    from pathlib import Path

    with stored(Example({"file": DATA, "a/b": TOKENS})) as path, np.load(path) as arrays:
        assert (arrays["file"].tolist(), arrays["a/b"].tolist()) == (DATA.tolist(), TOKENS.tolist())
    assert not Path(path).parent.exists()
    with stored(None) as path:
        assert path is None


def test_a_folder_that_cannot_be_written_is_one_clear_error(tmp_path, monkeypatch):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    message = r"the example cannot be stored: .*; set TMPDIR to a folder of your own"
    with pytest.raises(ModelError, match=message), stored(Example({"data": DATA})):
        pass
