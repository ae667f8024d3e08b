"""The mxperf_model marker: what a model can be, and what is told of one that cannot be understood or counted."""

import shutil

import pytest

# Every usage error is one clear error on its own test; the others go on.


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ('PREFIX, "other", inputs=INPUTS', "takes one positional argument, the model; got 2"),
        ("PREFIX", "missing a required argument: 'inputs'; it takes source, inputs, epoch, name*"),
        ("inputs=INPUTS", "missing a required argument: 'source'; it takes source, inputs, epoch, name*"),
        ("PREFIX, input=INPUTS", "unknown argument 'input'; did you mean 'inputs'? known: source, inputs, epoch, *"),
        ("PREFIX, inputs=INPUTS, epok=1", "unknown argument 'epok'; did you mean 'epoch'? known: source, inputs, *"),
        ("PREFIX, inputs={}", "inputs={} must map each input to its shape, as in {*}"),
        ("PREFIX, inputs=(1, 1, 8, 8)", "inputs=(1, 1, 8, 8) must map each input to its shape, as in {*}"),
        ('PREFIX, inputs={"data": "1x1x8x8"}', "inputs?'data'?: expected a shape like *, got '1x1x8x8'"),
        (
            'PREFIX, inputs={"data": (1, -1, 8, 8)}',
            "inputs?'data'?: *, got (1, -1, 8, 8); -1 is not a size: *",
        ),
        (
            'PREFIX, inputs={"data": (1, True, 8, 8)}',
            "inputs?'data'?: *, got (1, True, 8, 8); True is not a *",
        ),
        (
            'PREFIX, inputs={"data": (1, 1, 8.0, 8)}',
            "inputs?'data'?: *, got (1, 1, 8.0, 8); 8.0 is not a *",
        ),
        (
            'PREFIX, inputs={"data": ((1, 1, 8, 8), "float23")}',
            "inputs?'data'?: unknown dtype 'float23'; MXNet has *float32*",
        ),
        ("PREFIX, inputs=INPUTS, epoch=True", "epoch=True is not a whole number from 0 up; *"),
        ("PREFIX, inputs=INPUTS, epoch=-1", "epoch=-1 is not a whole number from 0 up; *"),
        ("PREFIX, inputs=INPUTS, name=7", "name=7 is not text"),
        ("PREFIX, inputs=INPUTS, params=7", "params=7 is not the path of a file"),
        ("PREFIX, inputs=INPUTS, params='a.params', epoch=1", "params='a.params' names the file; leave out epoch=1"),
        ("PREFIX, inputs=INPUTS, shapes=[3]", "shapes=?3? must map parameters to their shapes, as in {*}"),
        ("PREFIX, inputs=INPUTS, shapes={'data': (1,)}", "'data' is in inputs and in shapes; a parameter goes in *"),
        ("PREFIX, inputs=INPUTS, output=7", "output=7 is neither the name of an operator nor a list of names"),
    ],
)
def test_a_marker_that_cannot_be_understood_is_an_error_of_its_test(write, run, no_traceback, marker, message):
    write(
        f"""
        @pytest.mark.mxperf_model({marker})
        def test_wrong():
            pass

        @digits
        def test_right(mxperf_module):
            pass
        """
    )
    result = run()
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at setup of test_wrong*", f"mxperf_model: {message}"])
    no_traceback(result)


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        (
            '"nowhere/net", inputs=INPUTS',
            "*nowhere/net-symbol.json: cannot read the symbol: No such file *; the folder * has no folder 'nowhere'",
        ),
        ('PREFIX, inputs={"date": (1, 1, 8, 8)}', "digits: the graph has no input 'date'; did you mean 'data'?"),
        (
            'PREFIX, inputs={"data": (1, 3, 8, 8)}',
            "digits: *with data=(1, 3, 8, 8) the graph does not fit *",
        ),
        ('PREFIX, inputs={"data": (1, 64)}', "digits: *shapes* do not fit together for data=(1, 64)*: *"),
        ("42, inputs=INPUTS", "int: a model is a checkpoint prefix, *; got int"),
    ],
)
def test_a_model_that_cannot_be_counted_fails_its_test(write, run, no_traceback, marker, message):
    write(
        f"""
        @pytest.mark.mxperf_model({marker})
        def test_wrong():
            pass

        @pytest.mark.mxperf_model({marker})
        def test_wrong_setup(mxperf_cost):
            pass

        @digits
        def test_right(mxperf_module):
            pass
        """
    )
    result = run()
    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(["*ERROR at setup of test_wrong_setup*", message], consecutive=True)
    result.stdout.fnmatch_lines(["*_ test_wrong _*", message], consecutive=True)
    no_traceback(result)


@pytest.mark.parametrize("option", ["--mxperf-update", "--mxperf-update=new"])
def test_a_model_that_cannot_be_counted_has_no_baseline(pytester, write, run, no_traceback, option):
    write(
        """
        pytestmark = pytest.mark.mxperf_baseline

        @pytest.mark.mxperf_model(PREFIX, inputs={"data": (1, 64)}, name="other")
        def test_wrong():
            pass

        @digits
        def test_right():
            pass
        """
    )
    result = run(option)
    no_traceback(result)
    result.assert_outcomes(passed=1, failed=1)
    assert sorted(path.name for path in pytester.path.rglob("*.json")) == ["digits-symbol.json", "digits.json"]


def test_a_broken_checkpoint_fails_its_test(pytester, write, run, no_traceback, put_model, digits):
    put_model(digits)
    (pytester.path / "models" / "digits-symbol.json").write_text("version https://git-lfs.github.com/spec/v1\n")
    write(
        """
        @pytest.mark.mxperf_model("models/digits", inputs=INPUTS)
        def test_wrong():
            pass

        @digits
        def test_right():
            pass
        """
    )
    result = run()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*models/digits-symbol.json: not an MXNet symbol JSON: *"])
    no_traceback(result)


@pytest.mark.parametrize("marker", ["mxperf_budget(macs=1)", "mxperf_baseline"])
def test_a_gate_without_a_model_says_how_to_give_one(write, run, no_traceback, marker):
    write(
        f"""
        @pytest.mark.{marker}
        def test_without_model():
            pass
        """
    )
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["mxperf_model: no model; mark the test with *"])
    no_traceback(result)


def test_a_fixture_without_a_model_says_how_to_give_one(write, run, no_traceback):
    write(
        """
        def test_without_model(mxperf_cost):
            pass
        """
    )
    result = run()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["mxperf_model: no model; mark the test with *"])
    no_traceback(result)


def test_junit_tells_a_usage_error_as_an_error(write, junit):
    write(
        """
        @pytest.mark.mxperf_model(PREFIX)
        def test_wrong():
            pass
        """
    )
    suite = junit()
    assert (suite.get("failures"), suite.get("errors")) == ("0", "1")
    assert "missing a required argument: 'inputs'" in suite.find("testcase/error").text


# What a source can be.


def test_every_kind_of_source_is_counted(write, report):
    """digits, 8 x 8 x 1 inputs; dense: 64 x 10 MACs, 64 x 10 + 10 parameters."""
    write(
        """
        import mxnet as mx
        from pathlib import Path

        net = mx.gluon.nn.Dense(10)

        def net_factory():
            return mx.gluon.nn.Dense(10)

        def symbol_factory():
            return symbol

        symbol = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=10, name="fc")

        @pytest.mark.mxperf_model(PREFIX, inputs=INPUTS)
        def test_prefix(): pass

        @pytest.mark.mxperf_model(Path(PREFIX), inputs=INPUTS)
        def test_path(): pass

        @pytest.mark.mxperf_model(PREFIX + "-symbol.json", inputs=INPUTS)
        def test_symbol_file(): pass

        @pytest.mark.mxperf_model(net, inputs=INPUTS)
        def test_net(): pass

        @pytest.mark.mxperf_model(symbol, inputs=INPUTS)
        def test_symbol(): pass

        @pytest.mark.mxperf_model(net_factory, inputs=INPUTS)
        def test_net_factory(): pass

        @pytest.mark.mxperf_model(symbol_factory, inputs=INPUTS)
        def test_symbol_factory(): pass

        @pytest.mark.mxperf_model(source=net_factory, inputs=INPUTS, name="mine")
        def test_named(): pass
        """
    )
    models = report()
    found = {
        test: (model["name"], model["outcome"], model["cost"]["macs"], model["cost"]["params"]["trainable"])
        for test, model in models.items()
    }
    assert found == {
        "test_prefix": ("digits", "passed", 607_552, 31_962),
        "test_path": ("digits", "passed", 607_552, 31_962),
        "test_symbol_file": ("digits", "passed", 607_552, 31_962),
        "test_net": ("Dense", "passed", 640, 650),
        "test_symbol": ("Symbol", "passed", 640, 650),
        "test_net_factory": ("net_factory", "passed", 640, 650),
        "test_symbol_factory": ("symbol_factory", "passed", 640, 650),
        "test_named": ("mine", "passed", 640, 650),
    }


def test_a_relative_prefix_starts_at_the_root_directory(pytester, write, run, put_model, digits, monkeypatch):
    put_model(digits)
    pytester.makeini("[pytest]")
    write(
        """
        @pytest.mark.mxperf_model("models/digits", inputs=INPUTS)
        def test_digits(mxperf_cost):
            assert mxperf_cost.macs == 607_552
        """,
        "deep/below/test_it.py",
    )
    monkeypatch.chdir(pytester.path / "deep")
    run().assert_outcomes(passed=1)


def test_a_factory_is_called_once_per_test_and_only_when_its_test_runs(pytester, write, run):
    write(
        """
        import mxnet as mx

        def factory():
            with open("calls.txt", "a") as stream:
                stream.write("called\\n")
            return mx.gluon.nn.Dense(10)

        @pytest.mark.mxperf_model(factory, inputs=INPUTS)
        @pytest.mark.mxperf_budget(macs=640, params=650)
        @pytest.mark.mxperf_baseline
        def test_dense(mxperf_model, mxperf_cost, mxperf_checkpoint, mxperf_module):
            pass

        @pytest.mark.skip
        @pytest.mark.mxperf_model(factory, inputs=INPUTS)
        def test_skipped():
            pass

        @pytest.mark.mxperf_model(factory, inputs=INPUTS)
        def test_deselected():
            pass
        """
    )
    run("--mxperf-update", "-k", "not deselected").assert_outcomes(passed=1, skipped=1, deselected=1)
    assert (pytester.path / "calls.txt").read_text().split() == ["called"]


def test_a_path_that_starts_at_the_tests_folder_is_told_where_paths_start(pytester, digits, run, no_traceback):
    """Without an ini file, pytest's root directory is where it was started."""
    folder = pytester.mkdir("project")
    shutil.copy(f"{digits}-symbol.json", folder / "digits-symbol.json")
    (folder / "test_it.py").write_text(
        "import pytest\n\n"
        '@pytest.mark.mxperf_model("digits", inputs={"data": (1, 1, 8, 8)})\n'
        "def test_it(mxperf_cost):\n    pass\n"
    )
    result = run("project")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            "mxperf_model: no model 'digits' in pytest's root directory, "
            f"{pytester.path}, where paths start; write 'project/digits', or put a pytest.ini into {folder}"
        ]
    )
    no_traceback(result)


def test_so_is_one_that_starts_above_the_root_directory(pytester, write, digits, run, monkeypatch):
    shutil.copy(f"{digits}-symbol.json", pytester.mkdir("models") / "digits-symbol.json")
    write('@pytest.mark.mxperf_model("models/digits", inputs=INPUTS)\ndef test_it():\n    pass\n', "tests/test_it.py")
    monkeypatch.chdir("tests")
    result = run("--rootdir=.")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        [
            f"mxperf_model: no model 'models/digits' in pytest's root directory, {pytester.path}/tests, where paths "
            f"start; write '../models/digits', or put a pytest.ini into {pytester.path}"
        ]
    )
