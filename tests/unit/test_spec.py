"""What a user may write for a model, its inputs and its checkpoint."""

from pathlib import Path

import pytest

from pytest_mxperf.errors import UsageError
from pytest_mxperf.spec import Checkpoint, InputSpec, ModelSpec, RunAs

IMAGE = {"data": (1, 3, 224, 224)}


class ScalarType:
    """Stands for ``numpy.int32``, a class."""


ScalarType.__name__ = "int32"


class DtypeObject:
    """Stands for ``numpy.dtype("int32")``, an object with a name."""

    name = "int32"


class Index:
    """Stands for ``numpy.int64(3)``: no ``int``, but usable as one."""

    def __index__(self):
        return 3

    __int__ = __index__


class TestInputs:
    @pytest.mark.parametrize("value", [(1, 3, 224, 224), [1, 3, 224, 224], InputSpec((1, 3, 224, 224))])
    def test_a_shape_alone_is_float32(self, value):
        assert InputSpec.parse(value, where="here") == InputSpec((1, 3, 224, 224), "float32")

    @pytest.mark.parametrize("dtype", ["int32", ScalarType, DtypeObject()], ids=["text", "class", "object"])
    def test_a_dtype_may_be_text_or_numpys_class_or_object(self, dtype):
        assert InputSpec.parse(((1, 16), dtype), where="here") == InputSpec((1, 16), "int32")

    def test_two_dimensions_are_a_shape_and_no_pair_with_a_dtype(self):
        assert InputSpec.parse((1, 16), where="here") == InputSpec((1, 16))

    def test_an_empty_shape_is_a_scalar(self):
        assert InputSpec.parse((), where="here").shape == ()

    def test_dimensions_may_be_integers_of_another_library(self):
        shape = InputSpec.parse((1, Index()), where="here").shape
        assert shape == (1, 3)
        assert [type(size) for size in shape] == [int, int]

    @pytest.mark.parametrize(
        ("value", "fault"),
        [
            (None, ""),
            (3, ""),
            ("1,3", ""),
            ({1: 2}, ""),
            ((1, 1, 28.0, 28), "; 28.0 is not a whole number"),
            ((1, None), "; None is not a whole number"),
            ((True, 2), "; True is not a whole number"),
            ((0, 1, 28, 28), "; 0 is not a size: sizes are from 1 to 2,147,483,647"),
            (((1, -2), "int32"), "; -2 is not a size: sizes are from 1 to 2,147,483,647"),
            ((1, 2**31), "; 2147483648 is not a size: sizes are from 1 to 2,147,483,647"),
        ],
    )
    def test_what_is_no_shape_is_answered_with_an_example_and_its_fault(self, value, fault):
        with pytest.raises(UsageError) as caught:
            InputSpec.parse(value, where="inputs['data']")
        expected = "inputs['data']: expected a shape like (1, 3, 224, 224) or a pair (shape, dtype), got "
        assert str(caught.value) == expected + repr(value) + fault

    def test_an_unknown_dtype_is_answered_with_those_that_exist(self):
        with pytest.raises(UsageError, match=r"^here: unknown dtype 'complex64'; MXNet has float16, float32,"):
            InputSpec.parse(((1, 3), "complex64"), where="here")


class TestCheckpoint:
    @pytest.mark.parametrize(
        ("source", "symbol", "prefix", "params"),
        [
            ("m/resnet18", "m/resnet18-symbol.json", "m/resnet18", "m/resnet18-0007.params"),
            ("m/resnet18-symbol.json", "m/resnet18-symbol.json", "m/resnet18", "m/resnet18-0007.params"),
            (
                "m/squeezenet_v1.2",
                "m/squeezenet_v1.2-symbol.json",
                "m/squeezenet_v1.2",
                "m/squeezenet_v1.2-0007.params",
            ),
            ("m/graph.json", "m/graph.json", "m/graph", "m/graph-0007.params"),
            ("m/a.json-symbol.json", "m/a.json-symbol.json", "m/a.json", "m/a.json-0007.params"),
        ],
    )
    def test_prefixes_and_symbol_files_name_the_same_files(self, source, symbol, prefix, params):
        checkpoint = Checkpoint.at(Path(source), 7)
        assert (checkpoint.symbol_path, checkpoint.prefix, checkpoint.params_path) == (
            Path(symbol),
            Path(prefix),
            Path(params),
        )

    def test_large_epochs_are_not_cut_to_four_digits(self):
        assert Checkpoint.at(Path("net"), 12345).params_path == Path("net-12345.params")

    def test_epochs_are_those_of_this_prefix_in_order(self, tmp_path):
        for name in (
            *("net-0010.params", "net-0002.params", "net-12345.params"),
            *("net-1.params", "net-abcd.params", "net-0003.params.bak", "other-0004.params", "my-net-0005.params"),
        ):
            (tmp_path / name).touch()
        assert Checkpoint.at(tmp_path / "net", 0).epochs() == (2, 10, 12345)

    def test_the_latest_epoch_is_the_highest_that_there_is_when_it_is_asked_for(self, tmp_path):
        checkpoint = Checkpoint.at(tmp_path / "net", "latest")
        assert checkpoint.params_path == tmp_path / "net-0000.params"
        for name in ("net-0010.params", "net-0002.params", "other-0099.params"):
            (tmp_path / name).touch()
        assert checkpoint.params_path == tmp_path / "net-0010.params"

    def test_a_prefix_is_no_pattern(self, tmp_path):
        (tmp_path / "netXv1-0001.params").touch()
        (tmp_path / "net.v1-0002.params").touch()
        assert Checkpoint.at(tmp_path / "net.v1", 0).epochs() == (2,)

    def test_a_folder_without_weights_has_no_epochs(self, tmp_path):
        assert Checkpoint.at(tmp_path / "net", 0).epochs() == ()


class TestModelSpec:
    @pytest.mark.parametrize("source", ["models/resnet18", Path("models/resnet18")])
    def test_paths_become_checkpoints_below_the_root(self, source):
        spec = ModelSpec.parse(source, IMAGE, epoch=3, root=Path("/project"))
        assert spec == ModelSpec(
            source=Checkpoint(Path("/project/models/resnet18-symbol.json"), 3),
            inputs={"data": InputSpec((1, 3, 224, 224))},
            name="resnet18",
        )

    def test_absolute_paths_ignore_the_root(self):
        spec = ModelSpec.parse("/elsewhere/net", IMAGE, root=Path("/project"))
        assert spec.source.symbol_path == Path("/elsewhere/net-symbol.json")

    def test_a_function_gives_the_model_its_name(self):
        def tiny_net():
            raise AssertionError("is not called to parse")

        assert ModelSpec.parse(tiny_net, IMAGE).name == "tiny_net"

    def test_an_object_takes_the_name_of_its_class(self):
        assert ModelSpec.parse(DtypeObject(), IMAGE).name == "DtypeObject"

    def test_a_given_name_wins(self):
        assert ModelSpec.parse("models/resnet18", IMAGE, name="other").name == "other"

    def test_several_inputs_are_kept_by_name(self):
        spec = ModelSpec.parse("net", {"data": (1, 3), "tokens": ((1, 16), "int32")})
        assert spec.inputs == {"data": InputSpec((1, 3), "float32"), "tokens": InputSpec((1, 16), "int32")}

    @pytest.mark.parametrize(
        ("value", "places"),
        [
            ([(2, 6), (2, 8)], "'states[0]': (2, 6), 'states[1]': (2, 8)"),
            (((2, 6), [2, 8]), "'states[0]': (2, 6), 'states[1]': [2, 8]"),
            ([((2, 6), "int32")], "'states[0]': ((2, 6), 'int32')"),
            ([(1,)] * 5, "'states[0]': (1,), 'states[1]': (1,), 'states[2]': (1,), 'states[3]': (1,)"),
        ],
    )
    def test_a_list_of_shapes_is_answered_with_a_name_for_each(self, value, places):
        with pytest.raises(UsageError) as caught:
            ModelSpec.parse("net", {"x": (2, 4), "states": value}, where="here")
        assert str(caught.value) == (
            "here: inputs['states']: is a list of shapes; if it is a list of arrays, give each by its place: " + places
        )

    @pytest.mark.parametrize("epoch", [-1, 1.0, "0", None, True])
    def test_epochs_are_whole_numbers_from_0_up(self, epoch):
        with pytest.raises(UsageError) as caught:
            ModelSpec.parse("net", IMAGE, epoch=epoch, where="mxperf_model of test_a")
        assert str(caught.value) == (
            f"mxperf_model of test_a: epoch={epoch!r} is not a whole number from 0 up; 'latest' is the last one"
        )

    def test_names_are_text(self):
        with pytest.raises(UsageError, match=r"^here: name=3 is not text$"):
            ModelSpec.parse("net", IMAGE, name=3, where="here")

    @pytest.mark.parametrize("inputs", [None, {}, (1, 3, 224, 224), "data"])
    def test_inputs_without_names_are_answered_with_an_example(self, inputs):
        with pytest.raises(UsageError) as caught:
            ModelSpec.parse("net", inputs, where="here")
        message = str(caught.value)
        assert message.startswith(f"here: inputs={inputs!r} must map each input to its shape")
        assert '{"data": (1, 3, 224, 224)}' in message

    def test_a_bad_shape_names_its_input(self):
        with pytest.raises(UsageError, match=r"^here: inputs\['tokens'\]: expected a shape like"):
            ModelSpec.parse("net", {"data": (1, 3), "tokens": (0,)}, where="here")


class TestRunAs:
    @pytest.mark.parametrize(
        ("value", "expected", "words"),
        [
            ("module", RunAs("module", False, False), "Module"),
            ("gluon", RunAs("gluon", False, False), "hybridized block"),
            ("gluon_static", RunAs("gluon", True, True), "hybridized block (static_alloc, static_shape)"),
            (RunAs("gluon", True, False), RunAs("gluon", True, False), "hybridized block (static_alloc)"),
        ],
    )
    def test_it_has_three_names(self, value, expected, words):
        run_as = ModelSpec.parse("net", IMAGE, run_as=value).run_as
        assert (run_as, str(run_as)) == (expected, words)

    def test_by_itself_it_is_left_to_the_model(self):
        assert ModelSpec.parse("net", IMAGE).run_as is None

    @pytest.mark.parametrize("value", ["Module", "static", "", True, ["gluon"]])
    def test_others_are_answered_with_those_that_exist(self, value):
        with pytest.raises(UsageError) as caught:
            ModelSpec.parse("net", IMAGE, run_as=value, where="here")
        assert (
            str(caught.value)
            == f'here: run_as={value!r} is not a way to run a model; use "module", "gluon" or "gluon_static"'
        )


class TestExample:
    def test_a_path_starts_at_the_root(self):
        for path in ("data/inputs.npz", Path("data/inputs.npz")):
            spec = ModelSpec.parse("net", IMAGE, example=path, root=Path("/project"))
            assert spec.example == Path("/project/data/inputs.npz")

    def test_a_spec_made_without_a_root_gets_one_later(self):
        """Its checkpoint, too; whatever is no path stays as it is."""
        spec = ModelSpec.parse("net", IMAGE, example="inputs.npz").under(Path("/project"))
        assert (spec.source.symbol_path, spec.example) == (
            Path("/project/net-symbol.json"),
            Path("/project/inputs.npz"),
        )
        arrays = {"data": 1}
        spec = ModelSpec.parse(Index, IMAGE, example=arrays).under(Path("/project"))
        assert (spec.source, spec.example) == (Index, arrays)

    def test_a_mapping_and_a_callable_are_kept_as_they_are(self):
        arrays = {"data": object()}
        assert ModelSpec.parse("net", IMAGE, example=arrays).example is arrays
        assert ModelSpec.parse("net", IMAGE, example=Index).example is Index

    @pytest.mark.parametrize(("value", "kind"), [(3, "int"), ([1.0], "list"), (Index(), "Index")])
    def test_what_is_no_example_is_answered_with_what_is(self, value, kind):
        with pytest.raises(UsageError) as caught:
            ModelSpec.parse("net", IMAGE, example=value, where="here")
        assert str(caught.value) == (
            f"here: example is a {kind}; give the path of an .npz file, a mapping from inputs to arrays, or a callable "
            "that returns such a mapping"
        )


class TestBatch:
    @pytest.mark.parametrize(
        ("inputs", "batch"),
        [({"data": (4, 3)}, 4), ({"data": (4, 3), "scale": (), "state": (4, 7)}, 4), ({"scale": ()}, 1)],
    )
    def test_it_is_the_first_size_of_every_input(self, inputs, batch):
        assert ModelSpec.parse("net", inputs).batch == batch

    def test_inputs_that_do_not_agree_are_an_error(self):
        """Time comes first in one of them: 35 is no batch."""
        with pytest.raises(UsageError) as caught:
            _ = ModelSpec.parse("net", {"data": (35, 4, 8), "state": (1, 4, 8)}).batch
        assert str(caught.value) == (
            "net: a budget per item needs inputs that all begin with the batch, these begin with: data 35, state 1; "
            "set it for the whole batch"
        )
