"""The reader of ``.params`` files against bytes laid out by hand, and against damage of every kind."""

import errno
import math
import os
import struct
from pathlib import Path
from typing import Callable, List, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mxperf import params_file
from pytest_mxperf.errors import ParamsError
from pytest_mxperf.params_file import StoredArray, read_header

V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
CPU = (1, 0)
FLOAT32, INT64 = 0, 6

Write = Callable[[bytes], Path]


def array_list(*arrays: bytes, names: Sequence[bytes] = ()) -> bytes:
    head = struct.pack("<QQQ", 0x112, 0, len(arrays))
    tail = struct.pack("<Q", len(names)) + b"".join(struct.pack("<Q", len(name)) + name for name in names)
    return head + b"".join(arrays) + tail


def shape(*dimensions: int) -> bytes:
    return struct.pack(f"<i{len(dimensions)}q", len(dimensions), *dimensions)


def dense(*dimensions: int, mark: int = V2, dtype: int = FLOAT32, data: bytes = b"") -> bytes:
    storage = b"" if mark == V1 else struct.pack("<i", 0)
    return struct.pack("<I", mark) + storage + shape(*dimensions) + struct.pack("<iii", *CPU, dtype) + data


LEGACY = struct.pack("<I2I", 2, 2, 3) + struct.pack("<iii", *CPU, FLOAT32) + bytes(24)
ROW_SPARSE = (
    struct.pack("<Ii", V2, 1)
    + shape(2, 5)  # of the values: two rows
    + shape(10, 5)
    + struct.pack("<iii", *CPU, FLOAT32)
    + (struct.pack("<i", INT64) + shape(2))
    + bytes(2 * 5 * 4)
    + bytes(2 * 8)
)
CSR = (
    struct.pack("<Ii", V2, 2)
    + shape(3)
    + shape(2, 7)
    + struct.pack("<iii", *CPU, FLOAT32)
    + (struct.pack("<i", INT64) + shape(3))  # where each row begins
    + (struct.pack("<i", INT64) + shape(3))  # columns
    + bytes(3 * 4)
    + bytes(3 * 8)
    + bytes(3 * 8)
)
MIXED = array_list(
    LEGACY,
    dense(2, mark=V1, data=bytes(8)),
    dense(3, 1, data=bytes(12)),
    ROW_SPARSE,
    CSR,
    names=[b"arg:a", b"arg:b", b"aux:c", b"arg:d", b"arg:e"],
)
SCALARS = array_list(dense(mark=V3, data=bytes(4)), dense(0, 3, mark=V3), names=[b"s", b"z"])


@pytest.fixture(name="write")
def write_fixture(tmp_path: Path) -> Write:
    def write(content: bytes) -> Path:
        path = tmp_path / "x-0000.params"
        path.write_bytes(content)
        return path

    return write


def error_of(path: Path) -> str:
    with pytest.raises(ParamsError) as caught:
        read_header(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert message.count("\n") == 1  # the problem, and what to do about it
    assert len(message) < 700
    return message[len(f"{path}: ") :]


class TestFormats:
    def test_a_2015_file_byte_for_byte(self, write: Write) -> None:
        path = write(
            bytes.fromhex(
                "1201000000000000 0000000000000000 0100000000000000"  # magic, reserved, one array
                "02000000 02000000 03000000"  # two dimensions, 2 and 3
                "01000000 00000000 00000000"  # cpu(0), float32
                "0000803f 0000803f 0000803f 0000803f 0000803f 0000803f"
                "0100000000000000 0a00000000000000"
            )
            + b"arg:weight"
        )
        assert read_header(path) == (StoredArray("arg:weight", (2, 3), "float32", "default", 48, 24),)

    def test_a_v2_file_byte_for_byte(self, write: Write) -> None:
        path = write(
            bytes.fromhex(
                "1201000000000000 0000000000000000 0100000000000000"
                "c9fa93f9 00000000 01000000 0200000000000000"  # V2, dense, one dimension of 2
                "02000000 03000000 02000000"  # gpu(3), float16
                "003c 003c"
                "0100000000000000 0100000000000000"
            )
            + b"b"
        )
        assert read_header(path) == (StoredArray("b", (2,), "float16", "default", 56, 4),)

    @pytest.mark.parametrize("ndim", [1, 2, 4, 8, 9, 32])
    def test_the_usual_arrays_are_read_as_all_others(
        self, write: Write, monkeypatch: pytest.MonkeyPatch, ndim: int
    ) -> None:
        """Nearly all arrays of a file are dense: these are read in fewer steps."""
        shapes = [(1,) * ndim, (*(1,) * (ndim - 1), 2), (*(1,) * (ndim - 1), 3000)]
        arrays = [dense(*shape, mark=mark, data=bytes(4 * math.prod(shape))) for shape in shapes for mark in (V2, V3)]
        path = write(array_list(*arrays, names=[f"arg:{number}".encode() for number in range(6)]))
        usual = read_header(path)
        assert [array.shape for array in usual] == [shape for shape in shapes for _ in (V2, V3)]
        monkeypatch.setattr("pytest_mxperf.params_file._read_dense", lambda cursor: None)
        assert read_header(path) == usual

    def test_all_versions_and_storages_in_one_file(self, write: Write) -> None:
        assert read_header(write(MIXED)) == (
            StoredArray("arg:a", (2, 3), "float32", "default", 48, 24),
            StoredArray("arg:b", (2,), "float32", "default", 100, 8),
            StoredArray("aux:c", (3, 1), "float32", "default", 148, 12),
            StoredArray("arg:d", (10, 5), "float32", "row_sparse", 236, 56),
            StoredArray("arg:e", (2, 7), "float32", "csr", 376, 60),
        )

    def test_numpy_semantics_have_scalars_and_empty_arrays(self, write: Write) -> None:
        assert read_header(write(SCALARS)) == (
            StoredArray("s", (), "float32", "default", 48, 4),
            StoredArray("z", (0, 3), "float32", "default", 92, 0),
        )

    @pytest.mark.parametrize(
        ("flag", "dtype", "itemsize"),
        [
            (0, "float32", 4),
            (1, "float64", 8),
            (2, "float16", 2),
            (3, "uint8", 1),
            (4, "int32", 4),
            (5, "int8", 1),
            (6, "int64", 8),
            (7, "bool", 1),
            (8, "int16", 2),
            (9, "uint16", 2),
            (10, "uint32", 4),
            (11, "uint64", 8),
            (12, "bfloat16", 2),
        ],
    )
    def test_dtypes(self, write: Write, flag: int, dtype: str, itemsize: int) -> None:
        path = write(array_list(dense(3, dtype=flag, data=bytes(3 * itemsize)), names=[b"a"]))
        assert read_header(path) == (StoredArray("a", (3,), dtype, "default", 56, 3 * itemsize),)

    def test_a_list_without_names_has_empty_names(self, write: Write) -> None:
        arrays = read_header(write(array_list(dense(1, data=bytes(4)), dense(1, data=bytes(4)))))
        assert [array.name for array in arrays] == ["", ""]

    def test_no_arrays(self, write: Write) -> None:
        assert read_header(write(array_list())) == ()

    def test_names_beyond_ascii(self, write: Write) -> None:
        (array,) = read_header(write(array_list(dense(1, data=bytes(4)), names=["arg:größe".encode()])))
        assert array.name == "arg:größe"

    def test_a_csr_array_without_values_may_lack_its_row_starts(self, write: Write) -> None:
        index = struct.pack("<i", INT64) + shape(0)
        empty = struct.pack("<Ii", V2, 2) + shape(0) + shape(2, 7) + struct.pack("<iii", *CPU, FLOAT32) + index * 2
        assert read_header(write(array_list(empty, names=[b"e"])))[0].nbytes == 0

    @pytest.mark.parametrize("rows", [0, 10])
    def test_sparse_values_are_counted_by_their_indices(self, write: Write, rows: int) -> None:
        # mx.nd.save writes how many rows there were before it waited for them; mx.nd.load ignores it.
        stale = ROW_SPARSE.replace(shape(2, 5), shape(rows, 5))
        assert read_header(write(array_list(stale, names=[b"r"])))[0].nbytes == 2 * 5 * 4 + 2 * 8

    def test_weights_beyond_4_gib_are_not_read(self, tmp_path: Path) -> None:
        path = tmp_path / "big-0000.params"
        with path.open("wb") as file:  # a hole: takes no space on disk
            file.write(struct.pack("<QQQ", 0x112, 0, 2) + dense(5, 2**28))
            file.seek(5 * 2**30, os.SEEK_CUR)
            file.write(dense(1, data=bytes(4)) + struct.pack("<QQ", 2, 1) + b"a" + struct.pack("<Q", 1) + b"b")
        assert read_header(path) == (
            StoredArray("a", (5, 2**28), "float32", "default", 64, 5 * 2**30),
            StoredArray("b", (1,), "float32", "default", 64 + 5 * 2**30 + 32, 4),
        )


class TestFiles:
    def test_missing(self, tmp_path: Path) -> None:
        assert error_of(tmp_path / "x-0007.params") == "no such file.\nCheck the checkpoint's prefix and epoch."

    def test_directory(self, tmp_path: Path) -> None:
        assert error_of(tmp_path).startswith("is a directory.")

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
    def test_a_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        assert error_of(tmp_path / "pipe").startswith("is not a regular file.")

    def test_no_permission(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied")

        path = write(MIXED)
        monkeypatch.setattr(Path, "open", refuse)  # root may read everything, so chmod would not do
        assert error_of(path).startswith("cannot be read: Permission denied.")

    def test_a_path_that_cannot_be(self) -> None:
        assert "cannot be read" in error_of(Path("a\0b"))

    def test_empty(self, write: Write) -> None:
        assert error_of(write(b"")).startswith("is empty.\n")

    @pytest.mark.parametrize(
        ("head", "what", "advice"),
        [
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n", "Git LFS pointer", "git lfs pull"),
            (b"PK\3\4", "zip archive", "with MXNet 1.x"),
            (b"\x1f\x8b\x08", "gzip", "gunzip"),
            (b"\x00\x05\x16\x07\x00\x02", "AppleDouble", "'._'"),
            (b"<!DOCTYPE html>", "web page", "Download"),
            (b'{"nodes": []}', "JSON", "-symbol.json"),
            (b"\x80\x02}q\x00", "not what mx.nd.save writes", "MXNet 1.x"),
            (b"\x13", "not what mx.nd.save writes", "MXNet 1.x"),
        ],
    )
    def test_another_kind_of_file(self, write: Write, head: bytes, what: str, advice: str) -> None:
        problem, advised = error_of(write(head)).split("\n")
        assert what in problem
        assert advice in advised


class TestDamage:
    def test_truncated_within_the_weights(self, write: Write) -> None:
        content = array_list(dense(1, data=bytes(4)), dense(100, data=bytes(400)), names=[b"a", b"b"])
        assert error_of(write(content[:200])) == (
            "ends at byte 200, too early for 400 bytes that should begin here (at byte 92, array 2 of 2).\n"
            "The file is incomplete or damaged: copy or download it again, or save the checkpoint again."
        )

    @pytest.mark.parametrize(
        ("arrays", "problem"),
        [
            pytest.param([dense(2**20, 2**20)], "too early for 4,398,046,511,104 bytes", id="terabytes"),
            pytest.param([dense(2**32, 2**32)], "too early for over 2**63 bytes", id="product-wraps-in-64-bits"),
            pytest.param([dense(*[2**63 - 1] * 32)], "too early for over 2**63 bytes", id="product-of-600-digits"),
            pytest.param([dense(-1)], "a negative dimension, (-1,) (at byte 36", id="negative-dimension"),
            pytest.param([dense(-1, mark=V3)], "a negative dimension", id="unknown-dimension"),
            pytest.param([dense(*[1] * 33)], "an array of 33 dimensions", id="too-many-dimensions"),
            pytest.param([struct.pack("<Iii", V2, 0, -1)], "an array of -1 dimensions", id="unknown-ndim"),
            pytest.param([struct.pack("<Iii", V2, 0, 2**31 - 1)], "of 2147483647 dimensions", id="huge-ndim"),
            pytest.param([struct.pack("<I", 0xF993FACB)], "of 4187224779 dimensions", id="unknown-version"),
            pytest.param([dense(1, dtype=13)], "unknown dtype 13 (at byte 52", id="dtype"),
            pytest.param([dense(1, dtype=-1)], "unknown dtype -1", id="no-dtype"),
            pytest.param([struct.pack("<Ii", V2, 3)], "unknown storage type 3", id="storage"),
            pytest.param([struct.pack("<Ii", V2, -1)], "unknown storage type -1", id="undefined-storage"),
            pytest.param([struct.pack("<Ii", V3, 1)], "sparse array under NumPy's", id="sparse-numpy"),
            pytest.param([dense(mark=V2)], "without shape and values", id="none-v2"),
            pytest.param([struct.pack("<Ii", V1, 0)], "without shape and values", id="none-v1"),
            pytest.param([struct.pack("<I", 0)], "without shape and values", id="none-legacy"),
            pytest.param([b"\x01\0\0\0" * 2 + struct.pack("<ii", 0, 0)], "unknown device type 0", id="device"),
            pytest.param([b"\x01\0\0\0" * 2 + struct.pack("<ii", 7, 0)], "unknown device type 7", id="device-7"),
            pytest.param([b"\x01\0\0\0" * 2 + struct.pack("<ii", 2, -3)], "with number -3", id="device-number"),
            pytest.param([ROW_SPARSE.replace(shape(10, 5), shape(10, 6))], "sparse array of (10, 6)", id="rows"),
            pytest.param([ROW_SPARSE.replace(shape(10, 5), shape(1, 5))], "sparse array of (1, 5)", id="few-rows"),
            pytest.param([CSR.replace(shape(2, 7), shape(4, 7))], "sparse array of (4, 7)", id="row-starts"),
            pytest.param([CSR.replace(shape(2, 7), shape(2))], "sparse array of (2,)", id="csr-not-a-matrix"),
            pytest.param([CSR.replace(shape(3) + shape(2, 7), shape() + shape(2, 7))], "with values ()", id="csr-0d"),
        ],
    )
    def test_arrays(self, write: Write, arrays: List[bytes], problem: str) -> None:
        good = dense(1, data=bytes(4))  # behind it, so that the file does not just end
        message = error_of(write(array_list(*arrays, good, names=[b"a", b"b"])))
        assert problem in message
        assert "array 1 of 2" in message

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (struct.pack("<QQQ", 0x112, 0, 2**60), "claims to hold 1,152,921,504,606,846,976 arrays"),
            (struct.pack("<QQQ", 0x112, 0, 3) + bytes(11), "claims to hold 3 arrays"),
            (struct.pack("<QQ", 0x112, 0), "ends at byte 16, too early for 24 bytes"),
            (array_list(dense(1, data=bytes(4)), names=[b"a", b"b"]), "has 2 names for 1 arrays"),
            (array_list(names=[b"a"]), "has 1 names for 0 arrays"),
            (array_list(LEGACY, LEGACY, names=[b"arg:a", b"arg:a"]), "has a second array 'arg:a' (at byte 149, name 2"),
            (array_list(LEGACY, names=[b"arg:\xff"]), r"not UTF-8, b'arg:\xff' (at byte 88, name 1 of 1)"),
            (array_list(LEGACY, names=[b"arg:a\0b"]), r"null character, 'arg:a\x00b'"),
            (array_list(LEGACY, names=[b"a" * 5000]), "has a name of 5,000 bytes"),
            (array_list(LEGACY, LEGACY, names=[b"\x1b[2J" * 999] * 2), r"has a second array '\x1b[2J"),
            (array_list(LEGACY, names=[b"a"]) + b"...", "goes on for 3 bytes where it should end (at byte 89, after"),
            (array_list(LEGACY)[:-8] + struct.pack("<QQ", 1, 2**63), "has a name of 9,223,372,036,854,775,808 bytes"),
            (array_list(LEGACY)[:-8] + struct.pack("<QQ", 1, 20), "ends at byte 88, too early for 20 bytes"),
        ],
    )
    def test_head_and_names(self, write: Write, content: bytes, problem: str) -> None:
        assert problem in error_of(write(content))

    def test_a_great_many_arrays_are_refused_before_they_are_read(
        self, write: Write, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(params_file, "_MAX_ARRAYS", 4)
        assert "claims to hold 5 arrays" in error_of(write(array_list(*[LEGACY] * 5)))

    @pytest.mark.parametrize("content", [MIXED, SCALARS], ids=["mixed", "scalars"])
    def test_every_truncation_is_an_error(self, write: Write, content: bytes) -> None:
        for length in range(len(content)):
            message = error_of(write(content[:length]))
            assert length == 0 or f"ends at byte {length:,}," in message or "claims to hold" in message


@given(content=st.sampled_from([MIXED, SCALARS]), data=st.data())
def test_a_changed_byte_is_read_or_refused(
    content: bytes, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    position = data.draw(st.integers(0, len(content) - 1))
    value = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "changed.params"
    path.write_bytes(content[:position] + bytes([value]) + content[position + 1 :])
    check_read_or_refused(path)


@given(tail=st.binary(max_size=200), kept=st.integers(8, len(MIXED)))
def test_anything_behind_a_good_head_is_read_or_refused(
    tail: bytes, kept: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "tail.params"
    path.write_bytes(MIXED[:kept] + tail)
    check_read_or_refused(path)


def check_read_or_refused(path: Path) -> None:
    try:
        arrays = read_header(path)
    except ParamsError:
        return
    end = 24
    for array in arrays:  # in order, apart, and within the file
        assert array.offset >= end
        assert array.nbytes >= 0
        end = array.offset + array.nbytes
    assert end + 8 <= path.stat().st_size
