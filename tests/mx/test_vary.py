"""Costs at several sizes: real models, counted by hand."""

import pytest

import pytest_mxperf
from pytest_mxperf.errors import ModelError, ShapeError, UsageError

IMAGE = {"data": (1, 3, 224, 224)}


def laws(scaling):
    return {metric: str(law) for metric, law in scaling.laws.items()}


def test_resnet18_is_proportional_to_the_batch():
    import mxnet as mx

    found = pytest_mxperf.vary(mx.gluon.model_zoo.vision.resnet18_v1, IMAGE, axis="data:0", sizes=[16, 1, 2])
    assert {size: report.macs for size, report in found.reports.items()} == {
        16: 29_025_173_504,
        1: 1_814_073_344,
        2: 3_628_146_688,
    }
    assert list(found.reports) == [16, 1, 2]
    assert laws(found)["macs"] == "1,814,073,344 x"
    assert laws(found)["params"] == "11,689,512"
    assert (found.axis, found.problems, found.notes) == ("data:0", {}, ())
    assert found.checked == (1, 2, 3, 4, 5, 6, 7, 16)


def test_resnet18_is_quadratic_in_the_resolution():
    """(1,814,073,344 - 512 x 1000 of the dense layer) / 224^2 = 36,144."""
    import mxnet as mx

    net = mx.gluon.model_zoo.vision.resnet18_v1()
    found = pytest_mxperf.vary(net, IMAGE, axis="data:2,3", sizes=[160, 224, 320])
    law = found.laws["macs"]
    assert (str(law), law.kind) == ("36,144 x^2 + 512,000", "quadratic")
    assert law.at(448) == pytest_mxperf.count(net, {"data": (1, 3, 448, 448)}).macs


def test_sizes_that_are_rounded_on_the_way_have_no_law():
    """A stride of 32: 160 and 170 leave 5 x 5 and 6 x 6 pixels."""
    import mxnet as mx

    net = mx.gluon.model_zoo.vision.resnet18_v1()
    found = pytest_mxperf.vary(net, IMAGE, axis="data:2,3", sizes=[160, 170])
    assert found.laws["macs"] is None
    assert laws(found)["params"] == "11,689,512"


def test_attention_is_quadratic_in_the_length():
    """Two products of (x, 8) and (8, x), in 2 items: 2 x 2 x 8 = 32."""
    import mxnet as mx

    data = mx.sym.var("data")
    scores = mx.sym.softmax(mx.sym.batch_dot(data, data, transpose_b=True))
    net = mx.sym.batch_dot(scores, data)
    found = pytest_mxperf.vary(net, {"data": (2, 16, 8)}, axis="data:1", sizes=[16, 32])
    assert laws(found)["macs"] == "32 x^2"


def test_two_inputs_vary_together():
    """5 x 8 MACs an item."""
    import mxnet as mx

    both = mx.sym.var("a") + mx.sym.var("b")
    net = mx.sym.FullyConnected(both, num_hidden=5)
    inputs = {"a": (1, 8), "b": (1, 8)}
    found = pytest_mxperf.vary(net, inputs, axis="a:0,b:0", sizes=[1, 2])
    assert (laws(found)["macs"], found.notes) == ("40 x", ())
    alone = pytest_mxperf.vary(net, inputs, axis="a:0", sizes=[1, 2])
    assert (list(alone.reports), list(alone.problems)) == ([1], [2])
    assert alone.notes == ("b kept the given shape; to vary it too, name it as in a:0,b:0",)


def dense(reshaped, **options):
    import mxnet as mx

    return mx.sym.FullyConnected(reshaped, num_hidden=5, name="dense", **options)


def reshaped(shape):
    import mxnet as mx

    return mx.sym.reshape(mx.sym.relu(mx.sym.var("data")), shape=shape, name="flat")


FIXED = "data:0 is fixed: Reshape 'flat' with shape={} always makes dimension 0 1; with 0 there it follows its input"


def test_a_reshape_that_fixes_the_batch_is_told_where_it_fails():
    found = pytest_mxperf.vary(dense(reshaped((1, 8))), {"data": (1, 8)}, axis="data:0", sizes=[1, 2])
    assert list(found.reports) == [1]
    assert "cannot make (1, 8) of (2, 8)" in found.problems[2]
    assert found.notes == (FIXED.format("(1, 8)"),)


def test_and_where_a_later_layer_fails():
    """The reshape itself makes (1, 16) of (2, 8)."""
    import mxnet as mx

    net = dense(reshaped((1, -1)), weight=mx.sym.var("weight", shape=(5, 8)))
    found = pytest_mxperf.vary(net, {"data": (1, 8)}, axis="data:0", sizes=[1, 2])
    assert (list(found.problems), found.notes) == ([2], (FIXED.format("(1, -1)"),))


def test_and_where_nothing_fails():
    found = pytest_mxperf.vary(dense(reshaped((1, -1))), {"data": (1, 8)}, axis="data:0", sizes=[1, 2])
    assert (found.problems, found.notes) == ({}, (FIXED.format("(1, -1)"),))


def test_and_where_it_can_be_counted_at_no_size():
    """The given shape is one that works."""
    with pytest.raises(ShapeError) as caught:
        pytest_mxperf.vary(dense(reshaped((1, 8))), {"data": (1, 8)}, axis="data:0", sizes=[2, 4])
    assert str(caught.value).endswith("; " + FIXED.format("(1, 8)"))


def test_what_comes_behind_the_failure_is_not_blamed():
    """The dense layer fails first: its weights are of 8 features. The reshape would fail as well."""
    import mxnet as mx

    layer = mx.sym.FullyConnected(mx.sym.var("data"), weight=mx.sym.var("w", shape=(5, 8)), num_hidden=5)
    net = mx.sym.reshape(layer, shape=(1, 5), name="flat")
    found = pytest_mxperf.vary(net, {"data": (1, 8)}, axis="data:1", sizes=[8, 16])
    assert (list(found.problems), found.notes) == ([16], ())


def test_a_written_state_is_told():
    import mxnet as mx

    bias = mx.sym.zeros((1, 8), name="bias")  # is broadcast to any batch
    data = mx.sym.broadcast_add(mx.sym.var("data"), bias)
    net = mx.sym.elemwise_add(data, mx.sym.zeros((2, 8), name="state"))
    found = pytest_mxperf.vary(net, {"data": (2, 8)}, axis="data:0", sizes=[2, 4])
    assert found.notes == ("data:0 is fixed: _zeros 'state' with shape=(2, 8) always makes dimension 0 2",)


def test_weights_decide_at_which_resolution_a_checkpoint_works(digits):
    found = pytest_mxperf.vary(digits, {"data": (1, 1, 8, 8)}, axis="data:2,3", sizes=[8, 16])
    assert found.reports[8].macs == 607_552
    assert "the graph does not fit its weights" in found.problems[16]


def test_a_broken_file_is_one_error(tmp_path):
    with pytest.raises(ModelError, match="cannot read the symbol"):
        pytest_mxperf.vary(tmp_path / "gone", IMAGE, axis="data:0", sizes=[1, 2])


def test_a_problem_of_the_files_is_one_warning(digits, tmp_path):
    """Not one for each size."""
    (tmp_path / "net-symbol.json").write_text(digits.with_name("digits-symbol.json").read_text())
    (tmp_path / "net-0000.params").write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.warns(pytest_mxperf.MxperfWarning) as caught:
        pytest_mxperf.vary(tmp_path / "net", {"data": (1, 1, 8, 8)}, axis="data:0", sizes=[1, 2])
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("sizes", "problem"),
    [
        ([1], "give two sizes or more, each once"),
        ([1, 1], "give two sizes or more, each once"),
        ([0, 1], "a size is a whole number from 1 up"),
        ([1.5, 2], "a size is a whole number from 1 up"),
        ([True, 2], "a size is a whole number from 1 up"),
    ],
)
def test_sizes_are_whole_numbers(sizes, problem):
    with pytest.raises(UsageError, match=problem):
        pytest_mxperf.vary("net", IMAGE, axis="data:0", sizes=sizes)


class TestCommand:
    INPUT = ("--input", "data=1,1,8,8")

    @pytest.fixture
    def mxperf(self, capsys, monkeypatch):
        from pytest_mxperf.cli import main

        monkeypatch.setenv("COLUMNS", "100")

        def mxperf(*arguments):
            code = main([str(argument) for argument in arguments])
            captured = capsys.readouterr()
            return code, captured.out, captured.err

        return mxperf

    def test_a_table_and_the_laws(self, mxperf, digits):
        code, out, err = mxperf("cost", digits, *self.INPUT, "--vary", "data:0=1,2,4")
        assert (code, err) == (0, "")
        assert [line.split() for line in out.splitlines()] == [
            ["data:0", "MACs", "FLOPs", "peak", "activation", "bytes"],
            ["1", "607,552", "1,229,770", "16,384"],
            ["2", "1,215,104", "2,459,540", "32,768"],
            ["4", "2,430,208", "4,919,080", "65,536"],
            [],
            ["with", "x", "=", "data:0,", "exact", "at", "x", "=", "1,", "2,", "3,", "4,", "5,", "6,", "7,", "8:"],
            ["MACs", "607,552", "x", "proportional"],
            ["FLOPs", "1,229,770", "x", "proportional"],
            ["params", "31,962", "constant"],
            ["param", "bytes", "128,744", "constant"],
            ["peak", "activation", "bytes", "16,384", "x", "proportional"],
        ]

    def test_a_size_that_fails_is_2_and_said(self, mxperf, digits):
        code, out, err = mxperf("cost", digits, *self.INPUT, "--vary", "data:2,3=8,16")
        assert (code, err) == (2, "")
        assert "data:2,3=16 cannot be counted: digits: with data=(1, 1, 16, 16) the graph does not fit" in out
        assert out.splitlines()[2].split() == ["16", "-", "-", "-"]

    def test_json_has_exact_laws(self, mxperf, digits):
        import json

        axes = ("--vary", "data:0=1,2", "--vary", "data:2,3=8,16")
        code, out, _ = mxperf("cost", digits, *self.INPUT, *axes, "--json")
        batch, resolution = json.loads(out)["axes"]
        assert code == 2
        assert batch["sizes"][1]["macs"] == 1_215_104
        assert batch["laws"]["macs"] == ["0", "607552"]
        assert batch["exact_at"] == [1, 2, 3, 4, 5, 6, 7, 8]
        assert resolution["sizes"][1]["size"] == 16
        assert "does not fit its weights" in resolution["sizes"][1]["problem"]
        assert resolution["laws"]["macs"] is None

    def test_without_a_law_the_power_is_shown(self, mxperf, tmp_path):
        """A stride of 2: 4, 5 and 8 pixels leave 2, 3 and 4 in each direction, so 4, 9 and 16 MACs."""
        import mxnet as mx

        net = mx.sym.Convolution(mx.sym.var("data"), kernel=(1, 1), stride=(2, 2), num_filter=1, name="conv")
        net.save(str(tmp_path / "net-symbol.json"))
        _, out, _ = mxperf("cost", tmp_path / "net", "--input", "data=1,1,4,4", "--vary", "data:2,3=4,5,8")
        (line,) = [line for line in out.splitlines() if line.startswith("  MACs")]
        assert line.split() == ["MACs", "about", "x^2.00", "from", "4", "to", "8", "no", "exact", "law"]

    @pytest.mark.parametrize("more", [["examples/digits/digits"], ["--format", "csv"], ["--sort", "params"]])
    def test_it_is_of_one_model(self, mxperf, digits, more):
        """Nothing is left out in silence."""
        code, _, err = mxperf("cost", digits, *more, *self.INPUT, "--vary", "data:0=1,2")
        assert (code, err) == (2, "mxperf: --vary takes a single prefix, and neither --format nor --sort\n")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("--vary", "data:0=1,x"), "--vary data:0=1,x: write it like data:0=1,2,4,8 or data:2,3=160,224,320"),
            (("--vary", "data:0"), "--vary data:0: write it like data:0=1,2,4,8 or data:2,3=160,224,320"),
            (("--vary", "data=1,2"), "--vary data=1,2: 'data' names no dimension; write it like data:0, or data:2,3"),
            (("--vary", "data:4=1,2"), "--vary data:4: data of (1, 1, 8, 8) has no dimension 4; the first one"),
            (("--vary", "data:0=1,2", "--layers"), "--vary shows the totals at each size; leave out --layers"),
            (("--vary", "data:0=1,2", "--top", "2"), "--vary shows the totals at each size; leave out --top"),
        ],
    )
    def test_what_cannot_be_understood_is_one_line(self, mxperf, digits, arguments, message):
        code, out, err = mxperf("cost", digits, *self.INPUT, *arguments)
        assert (code, out) == (2, "")
        assert err.startswith(f"mxperf: {message}")
        assert err.count("\n") == 1
