"""``mxperf.toml``: what it says, and where it is wrong."""

import json
from pathlib import Path

import pytest

import pytest_mxperf.suite
from pytest_mxperf.errors import UsageError
from pytest_mxperf.spec import InputSpec
from pytest_mxperf.suite.document import schema
from pytest_mxperf.suite.read import is_suite, read_suite


@pytest.fixture
def suite(tmp_path):
    """Reads such a file."""

    def suite(text, **environ):
        path = tmp_path / "mxperf.toml"
        path.write_bytes(text.encode())
        return read_suite(path, environ)

    return suite


WHOLE = """\
[defaults]
baseline = true
budget = { params = "30 M" }
tags = ["models"]

[models.resnet18]
source = "models/resnet18"
inputs = { data = [1, 3, 224, 224] }
budget = { macs = "1.82 G" }
baseline = { latency = "2.5%" }
policy = { uncounted = "warn" }
tags = ["nightly"]

[models.tagger]
source = "/there/tagger-symbol.json"
inputs.tokens = { shape = [1, 16], dtype = "int32" }
epoch = "latest"
baseline = false
benchmark = true
"""


def test_each_table_is_a_model(suite, tmp_path):
    resnet, tagger = suite(WHOLE)
    assert (resnet.name, resnet.where, resnet.line) == ("resnet18", f"{tmp_path}/mxperf.toml:6", 6)
    spec = resnet.spec()
    assert (spec.name, spec.source.prefix) == ("resnet18", tmp_path / "models" / "resnet18")
    assert spec.inputs == {"data": InputSpec((1, 3, 224, 224))}
    assert tagger.spec().inputs == {"tokens": InputSpec((1, 16), "int32")}
    assert tagger.spec().source.symbol_path == Path("/there/tagger-symbol.json")


def test_a_model_adds_to_the_defaults(suite):
    resnet, tagger = suite(WHOLE)
    assert resnet.budget == {"params": "30 M", "macs": "1.82 G"}
    assert (resnet.baselines, tagger.baselines) == (({"latency": "2.5%"},), ())
    assert (resnet.tags, tagger.tags) == (("models", "nightly"), ("models",))
    assert (resnet.policy, resnet.is_timed, tagger.is_timed) == ({"uncounted": "warn"}, False, True)


@pytest.mark.parametrize(
    "gate", ['budget = { latency_p50 = "1 s" }', 'baseline = { wall_p50 = "5%" }', "benchmark = true"]
)
def test_what_needs_a_wall_time_is_timed(suite, gate):
    (entry,) = suite(f'[models.a]\nsource = "a"\ninputs.data = [1]\n{gate}\n')
    assert entry.is_timed


def test_a_pattern_is_a_model_for_each_checkpoint(suite, tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"face_{name}-symbol.json").write_text("{}")
    found = suite('[models.faces]\nglob = "face_*"\ninputs.data = [1]\n')
    assert [(each.name, each.spec().name) for each in found] == [
        ("faces[face_a]", "face_a"),
        ("faces[face_b]", "face_b"),
    ]


def test_the_folder_of_the_file_is_no_pattern(tmp_path):
    folder = tmp_path / "v[1]*"
    folder.mkdir()
    (folder / "net-symbol.json").write_text("{}")
    path = folder / "mxperf.toml"
    path.write_text('[models.all]\nglob = "*"\ninputs.data = [1]\n')
    assert [each.spec().source.prefix for each in read_suite(path, {})] == [folder / "net"]


def test_two_dollar_signs_are_one(suite, tmp_path):
    (entry,) = suite('[models.a]\nsource = "$$HOME/$$$A"\ninputs.data = [1]\n', HOME="x", A="b")
    assert entry.spec().source.prefix == tmp_path / "$HOME" / "$b"


def test_paths_take_variables_of_the_environment(suite):
    (entry,) = suite('[models.a]\nsource = "${MODELS}/a"\ninputs.data = [1]\n', MODELS="/mnt/models")
    assert entry.spec().source.prefix == Path("/mnt/models/a")


MODEL = '[models.a]\nsource = "a"\ninputs.data = [1]\n'


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("models = 3", 1, "expected a table, got 3"),
        ("[model.a]\n", 1, "unknown table 'model'; known: defaults, models.NAME"),
        (f"{MODEL}budgets = {{}}\n", 4, "unknown key 'budgets'; did you mean 'budget'? known: inputs, epoch"),
        (f"{MODEL}\nepoch = [1]\n", 5, "epoch = [1]: expected a whole number or text, got a list"),
        (
            f"{MODEL}budget = {{ macs = true }}\n",
            4,
            "budget = {'macs': True}: expected a whole number or a number or text, got true or false",
        ),
        (f"{MODEL}baseline = {{ against = 3 }}\n", 4, "against = 3: expected a path"),
        ('[models.a]\nsource = "a"\ninputs.data = ["?"]\ntags = ["skip"]\n', 4, "tags: 'skip' is a marker that does"),
        (f'{MODEL}baseline = "true"\n', 4, "baseline = 'true': expected true or false or a table, got text"),
        (f'{MODEL}budget = {{ macs = "fast" }}\n', 4, "budget of a: macs: expected a number or text like '1.82 G'"),
        (f'{MODEL}budget = {{ mac = "1 G" }}\n', 4, "budget of a: unknown argument 'mac'; did you mean 'macs'?"),
        (f'{MODEL}baseline = {{ macs = "-5%" }}\n', 4, "baseline of a: macs: '-5%' is negative"),
        (f'{MODEL}policy = {{ uncounted = "never" }}\n', 4, "policy of a"),
        (f'{MODEL}run_as = "fast"\n', 4, "run_as='fast' is not a way to run a model; use"),
        (f"{MODEL}\nepoch = -1\n", 5, "a: epoch=-1 is not a whole number"),
        (f"{MODEL}shapes = {{ w = [0] }}\n", 4, "a: shapes['w']: expected a shape"),
        (f'{MODEL}output = [""]\n', 4, "a: output=('',) is neither"),
        ('[models.a]\nsource = "a"\n\ninputs = { data = [0] }\n', 4, "a: inputs['data']: expected a shape"),
        ('[models.a]\nsource = ""\ninputs.data = [1]\n', 2, "source is empty; give the prefix of a checkpoint"),
        # What is wrong in the defaults is told where they say it.
        (f'[defaults]\n\nbudget = {{ mac = "1 G" }}\n{MODEL}', 3, "budget of a: unknown argument 'mac'"),
        (f"[defaults.budget]\nmacs = 1\nmac = 2\n{MODEL}budget = {{ params = 1 }}\n", 3, "unknown argument 'mac'"),
        (f"[defaults]\nepoch = -1\n{MODEL}", 2, "a: epoch=-1 is not a whole number"),
        (f"[defaults]\nepoch = -1\n{MODEL}epoch = -2\n", 6, "a: epoch=-2 is not a whole number"),
        (f'[defaults]\nparams = "$NO/a"\n{MODEL}', 2, "'$NO/a': the environment variable NO is not set"),
        (f'{MODEL}[models.a.budget]\nmacs = 1\nparams = "x"\n', 6, "budget of a: params: expected a number"),
        # Names that pytest or a baseline cannot have.
        (f'{MODEL}tags = ["_hidden"]\n', 4, "tags: '_hidden' is not a name for pytest -m; use another word"),
        (f'{MODEL}tags = ["a b"]\n', 4, "tags: 'a b' is not a name"),
        (f'{MODEL}tags = ["not"]\n', 4, "tags: 'not' is not a name"),
        (f'{MODEL}tags = ["skip"]\n', 4, "tags: 'skip' is a marker that does something"),
        (f'[defaults]\ntags = ["mxperf_budget"]\n{MODEL}', 2, "tags: 'mxperf_budget' is a marker that does something"),
        ('# x\n[models."a::b"]\nsource = "a"\ninputs.data = [1]\n', 2, "'a::b' cannot name a test"),
        ('# x\n[models.""]\nsource = "a"\ninputs.data = [1]\n', 2, "'' cannot name a test"),
        ('# x\n[models."a/b"]\nsource = "a"\ninputs.data = [1]\nbaseline = true\n', 2, "'a/b' cannot name a baseline"),
        # Headers that hold brackets and quotes.
        ('\n[models."a[1]"] # ]\nsorce = "a"\n', 3, "unknown key 'sorce'; did you mean 'source'?"),
        ('\n[models."a\\"]"]\nsorce = "a"\n', 3, "unknown key 'sorce'; did you mean 'source'?"),
        ("\n[ models . 'a.b' ]\nsorce = 'a'\n", 3, "unknown key 'sorce'; did you mean 'source'?"),
        ('\r\n[models.a]\r\nsorce = "a"\r\n', 3, "unknown key 'sorce'; did you mean 'source'?"),
        ("\ufeff[models.a]\nsorce = 'a'\n", 2, "unknown key 'sorce'; did you mean 'source'?"),
        (
            '[models.a]\nsource = "a"\ninputs = { data = [1, "x"] }\n',
            3,
            "data: 'x' in [1, 'x']; a size is a whole number",
        ),
        ("[models.a]\ninputs.data = [1]\n", 1, 'needs source = "PREFIX" or glob = "PATTERN", one of the two'),
        ('[models.a]\nglob = "none_*"\ninputs.data = [1]\n', 2, "'none_*' finds no -symbol.json file"),
        (
            '[models.a]\nsource = "$NOWHERE/a"\ninputs.data = [1]\n',
            2,
            "'$NOWHERE/a': the environment variable NOWHERE is not set",
        ),
        ("[defaults]\nsource = 'a'\n", 2, "unknown key 'source'; known: inputs"),
        (
            f'# x\n\n[models."b c"]\nsource = "b"\ninputs.data = [1]\nbudget.mac = 1\n{MODEL}',
            6,
            "budget of b c: unknown",
        ),
    ],
)
def test_what_is_wrong_has_its_line(suite, tmp_path, text, line, told):
    with pytest.raises(UsageError) as caught:
        suite(text)
    assert str(caught.value).startswith(f"{tmp_path}/mxperf.toml:{line}: ")
    assert told in str(caught.value)


@pytest.mark.parametrize("text", ["[models", "a = 1\na = 2\n", "a = " + "[" * 5000])
def test_what_is_no_toml_is_one_clear_error(suite, text):
    with pytest.raises(UsageError, match=r"mxperf\.toml: not a TOML file: "):
        suite(text)


def test_a_file_that_is_not_there_is_one_clear_error(tmp_path):
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_suite(tmp_path / "mxperf.toml")


@pytest.mark.parametrize("quotes", ["'''", '"""'])
@pytest.mark.parametrize("before", ["", "# it's ''' and \"\"\"\n", "policy = { missing = 'warn' } # '\n"])
def test_a_key_inside_of_a_longer_text_is_no_key(suite, quotes, before):
    text = f"{MODEL}{before}output = {quotes}\nbudgets = 3\n[models.b]\n# {quotes}\nbudgets = 1\n"
    with pytest.raises(UsageError, match=rf":{9 if before else 8}: unknown key 'budgets'"):
        suite(text)


def test_tags_are_words(suite):
    (entry,) = suite(f'{MODEL}tags = ["nightly", "multi-gpu", "v1.5_a"]\n')
    assert entry.tags == ("nightly", "multi-gpu", "v1.5_a")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("mxperf.toml", True), ("faces.mxperf.toml", True), ("xmxperf.toml", False), ("a.toml", False)],
)
def test_files_are_known_by_their_names(name, expected):
    assert is_suite(Path(name)) is expected


def test_the_shipped_schema_is_that_of_the_reader():
    shipped = json.loads(Path(pytest_mxperf.suite.__file__).with_name("mxperf.schema.json").read_text())
    assert shipped["$defs"].keys() == schema()["$defs"].keys()
    assert {name: sorted(each["properties"]) for name, each in shipped["$defs"].items()} == {
        name: sorted(each["properties"]) for name, each in schema()["$defs"].items()
    }


@pytest.mark.parametrize(
    ("text", "line", "names"),
    [
        ('[models.a]\nsource = "a"\ninputs = { data = [1, "?"] }\n', 3, "data"),
        ('[models.a]\nsource = "a"\ninputs.data = { shape = ["?"], dtype = "int32" }\n', 3, "data"),
        ('[defaults]\ninputs = { data = ["?"] }\n[models.a]\nsource = "a"\n', 2, "data"),
        ('[models.a]\nsource = "a"\ninputs = { a = ["?"], b = [1], c = ["?", 2] }\n', 3, "a, c"),
    ],
)
def test_a_size_that_is_to_be_filled_in_is_a_problem_of_its_model_alone(suite, text, line, names):
    entries = suite(text + '[models.b]\nsource = "b"\ninputs.data = [1]\n')
    assert [(entry.name, bool(entry.problem)) for entry in entries] == [("a", True), ("b", False)]
    assert entries[0].problem.endswith(f'mxperf.toml:{line}: a: fill in the "?" of {names}')


def test_so_are_inputs_that_are_missing(suite, tmp_path):
    first, second = suite(f'[models.a]\nsource = "a b"\n{MODEL.replace("models.a", "models.b")}')
    where = tmp_path / "mxperf.toml"
    assert first.problem == f"{where}:1: a has no inputs: mxperf inputs '{tmp_path / 'a b'}' shows them"
    assert (first.spec().name, second.problem) == ("a", "")


@pytest.mark.parametrize(
    ("usual", "own", "baselines"),
    [
        ("true", None, [{}]),
        ("{}", None, [{}]),
        ("false", "{}", [{}]),
        ("{}", '{ macs = "1%" }', [{"macs": "1%"}]),
        ("true", '{ macs = "1%" }', [{"macs": "1%"}]),
        ('{ macs = "1%" }', "true", [{"macs": "1%"}]),
        ('{ macs = "1%" }', '{ params = "2%" }', [{"macs": "1%", "params": "2%"}]),
        ('{ macs = "1%" }', "false", []),
        # The two are about different things: neither takes the other's place.
        ("true", '{ against = "b", macs = "1%" }', [{}, {"against": "b", "macs": "1%"}]),
        ('{ macs = "1%" }', '{ against = "b", macs = "2%" }', [{"macs": "1%"}, {"against": "b", "macs": "2%"}]),
        (
            '{ against = "b", macs = "2%" }',
            '{ params = "1%" }',
            [{"params": "1%"}, {"against": "b", "macs": "2%"}],
        ),
        ('{ against = "b", macs = "2%" }', '{ against = "c" }', [{"against": "c", "macs": "2%"}]),
        ("false", '{ against = "b", macs = "2%" }', [{"against": "b", "macs": "2%"}]),
    ],
)
def test_a_comparison_with_another_model_is_beside_the_stored_baseline(suite, tmp_path, usual, own, baselines):
    (entry,) = suite(f"[defaults]\nbaseline = {usual}\n{MODEL}" + (f"baseline = {own}\n" if own else ""))
    for baseline in baselines:
        if "against" in baseline:  # its path starts at the file, too
            baseline["against"] = str(tmp_path / baseline["against"])
    assert list(entry.baselines) == baselines


def test_the_other_models_path_takes_variables_of_the_environment(suite):
    (entry,) = suite(f'{MODEL}baseline = {{ against = "$OLD/a", macs = "1%" }}\n', OLD="/mnt/old")
    assert entry.baselines == ({"against": "/mnt/old/a", "macs": "1%"},)


@pytest.mark.parametrize("text", ["", "[defaults]\nbaseline = true\n", "[models]\n"])
def test_a_file_without_models_is_an_error(suite, text):
    with pytest.raises(UsageError, match=r"mxperf.toml: no models; a table \[models.NAME\] describes one$"):
        suite(text)
