"""How many small faults the unit tests find in what decides: each is put into a module, and its tests are run.

    python benchmarks/mutation.py                        # all modules; two hours
    python benchmarks/mutation.py latency/decide.py      # one of them
    python benchmarks/mutation.py gate --most 100        # all of a folder, with 100 faults of each
    python benchmarks/mutation.py --table                # writes benchmarks/results/mutation.md from what was measured

A fault is one changed operator, comparison, constant, condition or return value; or one part of a list, tuple, set or
dict, or a statement, left out. What ``raise`` and ``assert`` say is left alone. A test run that fails, or computes for
five times as long as without a fault, has found it. ``EQUIVALENT`` lists faults that change nothing that anybody could
see, each with its reason; they count as neither.
"""

import argparse
import ast
import contextlib
import copy
import datetime
import gc
import importlib.abc
import importlib.util
import inspect
import io
import json
import os
import random
import re
import signal
import sys
import types
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "pytest_mxperf"
UNIT = ROOT / "tests" / "unit"
LATENCY = ("allowance", "comparison", "conditions", "decide", "dissent", "estimate", "moments", "pacing", "schedule")
TESTS = {
    "canonical.py": ["test_canonical.py"],
    "baseline/match.py": [
        "baseline/test_match.py",
        *(f"baseline/test_diff.py::Test{name}" for name in ("NoChange", "NoEffect", "OneChange", "EverySingleEdit")),
        *(f"baseline/test_diff.py::Test{name}" for name in ("SharedWeights", "SeveralChanges")),
    ],
    "gate/policy.py": ["gate", "../plugin/test_loading.py::test_the_help_says_what_the_gates_and_reports_know"],
    "gate": ["gate", "baseline/test_record.py"],
    "latency": [
        *(f"latency/test_{name}.py" for name in (*LATENCY, "spending", "timing")),
        *("worker/test_paired_timer.py", "gate/test_latency.py"),
    ],
    "worker/paired_timer.py": ["worker/test_paired_timer.py"],
    "worker/sampler.py": ["worker/test_sampler.py", "worker/test_paired_timer.py"],
}
"""What holds each module, or each other one of a folder. The test file of a module's own name is asked first.

Graphs of 10,000 nodes, and the simulations of ``latency/test_operating_characteristics.py``, take over 10 s each time.
They are not among them."""
RESULTS = ROOT / "benchmarks" / "results"
MEASURED = RESULTS / "mutation.jsonl"
EQUIVALENT = RESULTS / "mutation_equivalent.txt"
SEED = 1
BECOMES = " => "
SECONDS = 60
"""Of CPU time: a busy machine finds nothing."""
FAILED, NOT_COLLECTED = 1, 2  # pytest's exit codes; any other is no failure of a test

COMPARISONS = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}


def mutations(node):
    """Changed copies of one node, each with a name."""
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            made = copy.copy(node)
            made.ops = [*node.ops[:place], COMPARISONS[type(operator)](), *node.ops[place + 1 :]]
            yield made
    elif isinstance(node, (ast.BinOp, ast.AugAssign)) and type(node.op) in OPERATORS:
        made = copy.copy(node)
        made.op = OPERATORS[type(node.op)]()
        yield made
    elif isinstance(node, ast.BoolOp):
        made = copy.copy(node)
        made.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield made
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        yield node.operand
    elif isinstance(node, (ast.If, ast.IfExp, ast.While)):
        made = copy.copy(node)
        made.test = ast.UnaryOp(ast.Not(), node.test)
        yield made
    elif isinstance(node, ast.Constant):
        yield from constants(node)
    elif isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Constant):
        made = copy.copy(node)
        made.value = ast.Constant(None)
        yield made
    elif (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("min", "max", "any", "all")
    ):
        made = copy.copy(node)
        made.func = ast.Name({"min": "max", "max": "min", "any": "all", "all": "any"}[node.func.id], ast.Load())
        yield made
    elif isinstance(node, (ast.Tuple, ast.List, ast.Set, ast.Dict)):
        yield from shorter(node)
    elif isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        yield from filters(node)
    elif isinstance(node, (ast.Continue, ast.Break)) or is_call(node):
        yield ast.Pass()


def is_call(node):
    """A statement that is only a call."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)


def shorter(node):
    """A list, tuple, set or dict with one part left out each time."""
    if isinstance(getattr(node, "ctx", None), ast.Store):
        return
    fields = ("keys", "values") if isinstance(node, ast.Dict) else ("elts",)
    for place in range(len(getattr(node, fields[0]))):
        made = copy.copy(node)
        for field in fields:
            parts = getattr(node, field)
            setattr(made, field, [*parts[:place], *parts[place + 1 :]])
        yield made


def filters(node):
    """A comprehension that takes what it leaves out, and leaves out what it takes."""
    for place, generator in enumerate(node.generators):
        for number, test in enumerate(generator.ifs):
            made, changed = copy.copy(node), copy.copy(generator)
            changed.ifs = [*generator.ifs[:number], ast.UnaryOp(ast.Not(), test), *generator.ifs[number + 1 :]]
            made.generators = [*node.generators[:place], changed, *node.generators[place + 1 :]]
            yield made


def constants(node):
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, (int, float)):
        yield ast.Constant(node.value + 1)
    elif isinstance(node.value, str):
        yield ast.Constant(f"{node.value}XX")


def is_code(tree):
    """All nodes but docstrings, annotations, ``__all__``, imports and types."""
    skipped = set()
    for node in ast.walk(tree):
        leave = []
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            leave += [each for each in node.body if isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant)]
        if isinstance(node, ast.FunctionDef):
            leave += [each for each in (node.returns, *node.decorator_list) if each is not None]
            leave += [each.annotation for each in [*node.args.args, *node.args.kwonlyargs] if each.annotation]
        if isinstance(node, ast.ClassDef):
            leave += [
                *node.bases,
                *node.decorator_list,
                *(each.value for each in node.keywords),
            ]  # frozen=True, and the like
        if isinstance(node, ast.AnnAssign):
            leave.append(node.annotation)
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.Assert, ast.Raise)):
            leave.append(node)  # what an error says is held by its message's own test
        if isinstance(node, ast.Assign) and (getattr(node.targets[0], "id", "") == "__all__" or is_type(node.value)):
            leave.append(node)
        for each in leave:
            skipped.update(map(id, ast.walk(each)))
    return [node for node in ast.walk(tree) if id(node) not in skipped]


def is_type(node):
    """Such as ``Tuple[int, int]``."""
    return isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id.istitle()


def mutants(source):
    """``(its function, the line that was and what it is, the whole source)``."""
    tree = ast.parse(source)
    parts = [ast.unparse(each) for each in tree.body]
    times = Counter()
    for number, part in enumerate(tree.body):
        inside = {id(node) for node in ast.walk(part)}
        for node in [node for node in is_code(tree) if id(node) in inside]:
            where = place_of(part, node)
            for new in mutations(node) if where is not None else ():
                text = with_another(part, where, node, new)
                was, now = next(
                    (was, now) for was, now in zip(parts[number].split("\n"), [*text.split("\n"), ""]) if was != now
                )
                change = f"{function_of(tree, node.lineno)}: {shown(was, now)}"
                times[change] += 1
                yield (
                    f"{change} ({times[change]})" if times[change] > 1 else change,
                    "\n".join([*parts[:number], text, *parts[number + 1 :]]),
                )


def place_of(part, node):
    """In which node, in which of its fields, and at which place of a list."""
    for parent in ast.walk(part):
        for field, value in ast.iter_fields(parent):
            if value is node:
                return parent, field, None
            if isinstance(value, list) and any(each is node for each in value):
                return parent, field, next(place for place, each in enumerate(value) if each is node)
    return None


def with_another(part, where, node, new):
    """The text of a statement in which a node is replaced."""
    parent, field, place = where
    old = getattr(parent, field)
    setattr(parent, field, new if place is None else [*old[:place], new, *old[place + 1 :]])
    try:
        return ast.unparse(ast.fix_missing_locations(part))
    finally:
        setattr(parent, field, old)


def shown(was, now):
    """Two lines, each cut where it is long, with the place where they differ."""
    was, now = was.strip(), now.strip()
    same = next((place for place, (one, other) in enumerate(zip(was, now)) if one != other), min(len(was), len(now)))
    start = max(0, same - 50)
    return BECOMES.join(f"{'... ' if start else ''}{line[start:][:100]}" for line in (was, now))


def function_of(tree, line):
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    around = [node for node in functions if node.lineno <= line <= node.end_lineno]
    return max(around, key=lambda node: node.lineno).name if around else "the module"


class Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from another source."""

    def __init__(self, name, source, path):
        self._name, self._source, self._path = name, source, path

    def find_spec(self, fullname, path=None, target=None):
        return (
            importlib.util.spec_from_file_location(fullname, self._path, loader=self)
            if fullname == self._name
            else None
        )

    def exec_module(self, module):
        exec(compile(self._source, str(self._path), "exec"), module.__dict__)

    def create_module(self, spec):
        return None


OPTIONS = ["-x", "-q", "-p", "no:cacheprovider", "--assert=plain"]


def name_of(module):
    return f"pytest_mxperf.{module[:-3].replace('/', '.')}"


def run(tests, *plugins):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return int(pytest.main([*OPTIONS, *(str(UNIT / test) for test in tests)], plugins=plugins))


def is_failure(status):
    """Whether a child's tests have failed, or have computed for too long."""
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status) == signal.SIGPROF
    code = os.WEXITSTATUS(status)
    if code not in (0, FAILED, NOT_COLLECTED):
        raise RuntimeError(f"pytest ends with exit code {code}")
    return code != 0


def is_found(module, source, tests):
    """Whether the tests fail with that source, in a child that has imported nothing of ours yet."""
    child = os.fork()
    if not child:
        code = 1
        try:
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            sys.meta_path.insert(0, Mutated(name_of(module), source, PACKAGE / module))
            code = run(tests)
        finally:
            os._exit(code)
    return is_failure(os.waitpid(child, 0)[1])


def not_found_by_exchange(module, faults, tests):
    """The faults with which the tests pass if they are collected without one, and functions get the code with it.

    That is much faster, and a test that fails has found the fault. But what is computed at import stays as it was.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            exchanging = Exchanging(module, faults)
            code = run(tests, exchanging)
            if exchanging.is_child:
                os._exit(code)
            os.write(writing, json.dumps(exchanging.left).encode())
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        left = json.loads(stream.read())
    os.waitpid(child, 0)
    return [faults[number] for number in left]


class Exchanging:
    """A plugin that runs what has been collected for each fault, in a child: first the tests that have found many."""

    def __init__(self, module, faults):
        self._module, self._faults = module, faults
        self._finders = Counter()
        self._seconds = SECONDS
        self._writing = None
        self.left = []

    @property
    def is_child(self):
        return self._writing is not None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        gc.freeze()
        for number, (_, source) in enumerate(self._faults):
            reading, writing = os.pipe()
            child = os.fork()
            if not child:
                self._writing = writing
                signal.setitimer(signal.ITIMER_PROF, self._seconds)
                session.items.sort(key=lambda item: -self._finders[item.nodeid])
                exchange(sys.modules[name_of(self._module)], compile(source, "<fault>", "exec"))
                return None  # and so pytest runs the tests
            os.close(writing)
            with os.fdopen(reading, "rb") as stream:
                self._finders[stream.read().decode()] += 1
            _, status, used = os.wait4(child, 0)
            if not is_failure(status):
                self.left.append(number)
            if not number:  # without a fault
                self._seconds = 1 + 5 * (used.ru_utime + used.ru_stime)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item, call):
        """One failure is enough, and nobody reads a report of it."""
        if call.excinfo is not None and not call.excinfo.errisinstance(pytest.skip.Exception):
            os.write(self._writing, item.nodeid.encode())
            os._exit(FAILED)


def exchange(module, code):
    """Gives all functions of the module what another code has for them."""
    codes = dict(functions_in(code))
    for function in functions_of_module(module, module.__name__):
        if function.__qualname__ in codes:
            function.__code__ = codes[function.__qualname__]


def functions_in(code, prefix=""):
    """``qualified name, code`` of functions and methods."""
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            is_class = not each.co_flags & inspect.CO_OPTIMIZED
            if not is_class and not each.co_name.startswith("<"):  # nor a comprehension
                yield f"{prefix}{each.co_name}", each
            yield from functions_in(each, f"{prefix}{each.co_name}.")


def functions_of_module(space, name):
    for value in [*vars(space).values()]:
        function = (
            getattr(value, "fget", None) or getattr(value, "__func__", None) or getattr(value, "__wrapped__", value)
        )
        if hasattr(value, "cache_clear"):
            value.cache_clear()
        if getattr(value, "__module__", None) == name and isinstance(value, type) and value is not space:
            yield from functions_of_module(value, name)
        elif isinstance(function, types.FunctionType) and function.__module__ == name:
            yield function


def modules(wanted):
    seen = set()
    for name, tests in TESTS.items():
        path = PACKAGE / name
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            module = str(file.relative_to(PACKAGE))
            folder = module.partition("/")[0]
            if file.name != "__init__.py" and module not in seen and (not wanted or {module, folder} & {*wanted}):
                yield module, tests
            seen.add(module)


def stages(module, tests):
    """The tests of the module's own name, and then all others."""
    own = f"{module.rpartition('/')[0]}/test_{module.rpartition('/')[2]}".lstrip("/")
    both = [own] if (UNIT / own).exists() else [], [test for test in tests if test != own]
    return [stage for stage in both if stage]


def measure(module, tests, most):
    """How many faults there are, how many were tried, and those that no test finds."""
    source = (PACKAGE / module).read_text()
    asked = stages(module, tests)
    faults = list(mutants(source))
    tried = faults if most is None else random.Random(SEED).sample(faults, min(most, len(faults)))
    open_ = [("nothing", source), *tried]
    for stage in asked:
        open_ = not_found_by_exchange(module, open_, stage)
        assert open_[:1] == [("nothing", source)], f"{module}: its tests fail without a fault"
    left = [change for change, text in open_[1:] if not any(is_found(module, text, stage) for stage in asked)]
    print(*(f"{module} in {change}" for change in left), sep="\n", flush=True)
    today = datetime.date.today().isoformat()
    return {"module": module, "date": today, "faults": len(faults), "tried": len(tried), "left": left}


def equivalents():
    """``module in function: was => is  # reason``, a line each."""
    lines = EQUIVALENT.read_text().splitlines() if EQUIVALENT.exists() else []
    return dict(re.split(r"\s{2,}# ", line) for line in lines if line.strip())


def write_table():
    """The page, from the last measurement of each module."""
    records = measured()
    reasons = equivalents()
    rows, same, open_ = [], [], []
    totals = [0, 0, 0, 0]
    for name, record in sorted(records.items()):
        left = [f"{name} in {change}" for change in record["left"]]
        known = [change for change in left if change in reasons]
        counts = record["faults"], record["tried"], record["tried"] - len(left), len(known)
        rows.append(row(name, *counts, record["date"]))
        totals = [one + other for one, other in zip(totals, counts)]
        same += [f"- {item(change)}  \n  {reasons[change]}" for change in known]
        open_ += [f"- {item(change)}" for change in left if change not in reasons]
    rows.append(row("all", *totals, ""))
    survivors = {f"{name} in {change}" for name, record in records.items() for change in record["left"]}
    for change in sorted(reasons.keys() - survivors):
        print(f"listed as changing nothing, but found, not tried or gone: {change}")
    page = [*HEADER, *rows, "", *CHANGE_NOTHING, *same, *open_heading(open_), ""]
    (RESULTS / "mutation.md").write_text("\n".join(page))


HEADER = [
    "# Small faults that the unit tests find",
    "",
    "Written by `benchmarks/mutation.py`, whose first lines say what a fault is. One module is measured by",
    "`python benchmarks/mutation.py MODULE`. If fewer faults were tried than there are, `--most` drew them",
    "with a fixed seed. The score is the share of faults found among those that were tried and change",
    "something. A (2) behind a fault is the second place in its function that reads the same.",
    "",
    "| module | faults | tried | found | change nothing | score | date |",
    "|---|--:|--:|--:|--:|--:|---|",
]
CHANGE_NOTHING = ["## What changes nothing", "", "No test can find these, each for its own reason.", ""]


def open_heading(changes):
    return ["", "## What no test finds", "", *changes] if changes else []


def item(change):
    """A fault as an item of a list."""
    where, _, lines = change.partition(": ")
    return f"{where}: " + " becomes ".join(f"`` {line} ``" for line in lines.split(BECOMES))


def measured():
    lines = MEASURED.read_text().splitlines() if MEASURED.exists() else []
    return {record["module"]: record for record in map(json.loads, lines)}


def main():
    options = argparse.ArgumentParser()
    options.add_argument("modules", nargs="*", help="modules, or folders of them; all by default")
    options.add_argument("--most", type=int, help="how many faults of a module are tried")
    options.add_argument("--table", action="store_true", help="only writes the table")
    given = options.parse_args()
    os.chdir(ROOT)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # ours would be imported before a module is replaced
    sys.path.insert(0, str(ROOT))
    import hypothesis  # noqa: F401  once for all children
    import msgspec  # noqa: F401
    import numpy  # noqa: F401

    for module, tests in [] if given.table else modules(given.modules):
        record = measure(module, tests, given.most)
        print(f"{module}: {record['tried'] - len(record['left'])} of {record['tried']} found", flush=True)
        records = {**measured(), module: record}
        MEASURED.write_text("".join(f"{json.dumps(records[name])}\n" for name in sorted(records)))
    write_table()


def row(module, faults, tried, found, same, date):
    return f"| {module} | {faults} | {tried} | {found} | {same} | {found / max(1, tried - same):.1%} | {date} |"


if __name__ == "__main__":
    main()
