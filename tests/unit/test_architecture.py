"""The rules of the house: who may import whom, read from the source; and what loading the plugin brings along."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import pytest_mxperf

PACKAGE = "pytest_mxperf"
ROOT = Path(pytest_mxperf.__file__).parent
SOURCES = sorted(ROOT.rglob("*.py"))

# From the bottom up; an import points downwards, or stays within one file or folder. Those in a row are siblings.
LAYERS = [
    ["errors"],
    ["quantities", "words", "versions", "imports", "encoding", "native_output", "traits", "sides"],
    ["neighbours", "checkpoints"],
    ["graph", "spec", "params_file"],
    ["hazards"],
    ["validate", "attributes", "stored", "ending"],
    ["cost", "latency", "canonical"],
    ["baseline"],
    ["profile"],
    ["gate"],
    ["report", "suite"],
    ["mx"],
    ["worker"],
    ["api"],
    ["judge"],
    ["arguments"],
    ["commands"],
    ["plugin", "cli"],
    [PACKAGE],  # the package's own __init__.py, which exports from all of them
]
RANK = {layer: rank for rank, row in enumerate(LAYERS) for layer in row}

# What the order alone would allow: MXNet's side knows models and costs, and nothing of what is judged or shown.
STRANGERS = {("mx", "baseline"), ("mx", "gate"), ("mx", "report")}

# Who alone may import what.
OWNERS = {"mxnet": "mx", "numpy": "mx", "pytest": "plugin", "_pytest": "plugin"}


def module_name(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer_of(module):
    """``pytest_mxperf.cost.walk`` is of ``cost``, ``pytest_mxperf`` itself of ``pytest_mxperf``."""
    return module.split(".")[1] if "." in module else PACKAGE


MODULES = {module_name(path): path for path in SOURCES}


def imports(source, package):
    """Every module that the source imports, anywhere in it; a name that is a module of ours counts as that module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(parents if node.level else []), *([node.module] if node.module else [])])
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield full if full in MODULES else base


def imports_of(module):
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return sorted(set(imports(path.read_text(encoding="utf-8"), package)))


def inner_imports():
    return [(module, target) for module in MODULES for target in imports_of(module) if target.split(".")[0] == PACKAGE]


def test_the_reader_of_imports_sees_them_all():
    source = """
import mxnet.gluon as gluon
from pytest_mxperf import spec, count
from pytest_mxperf.mx import compat
from . import registry
from ..graph import Graph

def later():
    if True:
        import numpy, json
        from pytest import fixture
"""
    assert sorted(imports(source, "pytest_mxperf.cost")) == [
        "json",
        "mxnet.gluon",
        "numpy",
        "pytest",
        "pytest_mxperf",
        "pytest_mxperf.cost.registry",
        "pytest_mxperf.graph",
        "pytest_mxperf.mx.compat",
        "pytest_mxperf.spec",
    ]


def test_the_rules_are_held_against_real_imports():
    """Guards the tests below against finding nothing to complain about because they look at nothing."""
    found = {(layer_of(module), layer_of(target)) for module, target in inner_imports()}
    assert {("gate", "cost"), ("mx", "cost"), ("api", "mx"), ("plugin", "mx"), (PACKAGE, "api")} <= found
    assert "mxnet" in imports_of("pytest_mxperf.mx.runtime")
    assert "pytest" in imports_of("pytest_mxperf.plugin.hooks")


def test_every_module_has_its_layer():
    assert {layer_of(module) for module in MODULES} == set(RANK)


def test_imports_point_downwards_only():
    wrong = [
        f"{module} imports {target}"
        for module, target in inner_imports()
        if layer_of(module) != layer_of(target) and RANK[layer_of(target)] >= RANK[layer_of(module)]
    ]
    assert wrong == []


def test_what_imports_mxnet_knows_nothing_of_gates_and_reports():
    wrong = [
        f"{module} imports {target}"
        for module, target in inner_imports()
        if (layer_of(module), layer_of(target)) in STRANGERS
    ]
    assert wrong == []


@pytest.mark.parametrize("library", OWNERS)
def test_each_heavy_library_is_imported_in_one_place_only(library):
    wrong = [
        module
        for module in MODULES
        if layer_of(module) != OWNERS[library] and library in {target.split(".")[0] for target in imports_of(module)}
    ]
    assert wrong == []


def test_only_the_plugin_and_the_commands_know_their_options():
    """The core is asked by pytest and by commands, whose options differ: they say how theirs are called."""
    paths = [path for path in ROOT.rglob("*") if path.suffix in (".py", ".html")]
    named = {path.relative_to(ROOT).parts[0] for path in paths if "--mxperf-" in path.read_text(encoding="utf-8")}
    assert named == {"plugin", "commands"}


# What runs code, or makes objects of any class, from what a file says.
# A session's own work, on its way to the child that it has forked: nothing of a file's making comes along.
UNPICKLES = {"pytest_mxperf.mx.guard": {"pickle"}}
EVALUATING_MODULES = {"pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "joblib", "yaml", "code"}
EVALUATING_NAMES = {"eval", "exec", "compile", "__import__", "literal_eval", "allow_pickle"}


def evaluations(source):
    """What in the source unpickles or evaluates."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and node.id in EVALUATING_NAMES:
            yield node.id
        elif isinstance(node, ast.Attribute) and node.attr in EVALUATING_NAMES:
            if not (isinstance(node.value, ast.Name) and node.value.id == "re"):
                yield node.attr
        elif isinstance(node, ast.keyword) and node.arg in EVALUATING_NAMES:
            yield node.arg


def test_nothing_is_unpickled_or_evaluated():
    assert sorted(evaluations("eval(x); np.load(f, allow_pickle=True); ast.literal_eval(x); re.compile(x)")) == [
        "allow_pickle",
        "eval",
        "literal_eval",
    ]
    for module, path in MODULES.items():
        assert list(evaluations(path.read_text(encoding="utf-8"))) == [], module
        evaluating = {target.split(".")[0] for target in imports_of(module)} & EVALUATING_MODULES
        assert evaluating == UNPICKLES.get(module, set()), module


def run_python(*arguments, folder):
    # The tests' own pytest options and plugins must not reach into the new process.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment["PYTHONPATH"] = os.pathsep.join([str(folder), str(ROOT.parent)])
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=str(folder), env=environment, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("pytest_mxperf", ["pytest", "_pytest", "mxnet", "numpy", "rich"]),
        ("pytest_mxperf.api", ["pytest", "_pytest", "mxnet", "numpy", "rich"]),
        ("pytest_mxperf.cli", ["pytest", "_pytest", "mxnet", "numpy", "rich"]),
        ("pytest_mxperf.gate.baseline", ["pytest", "_pytest", "mxnet", "numpy", "rich"]),
        ("pytest_mxperf.gate.explanation", ["pytest", "_pytest", "mxnet", "numpy", "rich"]),
        ("pytest_mxperf.plugin", ["mxnet", "numpy", "rich"]),
    ],
)
def test_importing_brings_nothing_heavy_along(module, unwanted, tmp_path):
    program = f"import {module}, sys; print([name for name in {unwanted!r} if name in sys.modules])"
    result = run_python("-c", program, folder=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (0, "[]\n", "")


PROBE = """
import sys
import pytest

@pytest.hookimpl(trylast=True)
def pytest_configure(config):
    loaded = config.pluginmanager.hasplugin("mxperf")
    print("PROBE", loaded, [name for name in ("mxnet", "numpy", "rich") if name in sys.modules])
"""


def test_a_session_with_the_plugin_loads_neither_mxnet_nor_numpy(tmp_path):
    (tmp_path / "mxperf_probe.py").write_text(PROBE)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    result = run_python("-m", "pytest", "-p", "mxperf_probe", "--collect-only", folder=tmp_path)
    assert result.returncode == pytest.ExitCode.NO_TESTS_COLLECTED, result.stdout + result.stderr
    assert "PROBE True []" in result.stdout.splitlines()


def test_the_package_imports_what_it_exports_when_it_is_asked_for(tmp_path):
    program = """
import sys
import pytest_mxperf
before = sorted(name for name in sys.modules if name.startswith("pytest_mxperf"))
assert set(pytest_mxperf.__all__) <= set(dir(pytest_mxperf))
assert all(getattr(pytest_mxperf, name) is not None for name in pytest_mxperf.__all__)
try:
    pytest_mxperf.gone
except AttributeError as error:
    print(before, error)
"""
    result = run_python("-c", program, folder=tmp_path)
    modules = ["pytest_mxperf", "pytest_mxperf.mx", "pytest_mxperf.mx.compat"]
    assert result.stdout.strip() == f"{modules} module 'pytest_mxperf' has no attribute 'gone'"
    assert result.stderr == ""
