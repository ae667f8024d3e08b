"""How many small faults the unit tests find in what decides: each is put into a module, and its tests are run.

    python benchmarks/mutation.py             # all modules, written to benchmarks/results/mutation.md; an hour
    python benchmarks/mutation.py latency/decide.py -v    # one of them, and every fault that no test finds

A fault is one changed operator, comparison, constant, condition, return value or argument, or a statement left out;
what ``raise`` and ``assert`` say is left alone. A test run that fails, or computes for over a minute, has found it.
``EQUIVALENT`` lists faults that change nothing that anybody could see, each with its reason; they count as neither.
"""

import argparse
import ast
import contextlib
import copy
import importlib.abc
import importlib.util
import io
import os
import re
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "pytest_mxperf"
TESTS = {
    "canonical.py": (["test_canonical.py"], []),
    "baseline/match.py": (["baseline/test_match.py"], ["baseline/test_diff.py"]),
    "gate": (["gate", "baseline/test_record.py"], []),
    "latency": (
        [f"latency/test_{name}.py" for name in ("allowance", "comparison", "conditions", "decide", "dissent")]
        + [f"latency/test_{name}.py" for name in ("estimate", "moments", "pacing", "schedule", "spending", "timing")]
        + ["worker/test_paired_timer.py", "gate/test_latency.py"],
        [],
    ),
    "worker/paired_timer.py": (["worker/test_paired_timer.py"], []),
    "worker/sampler.py": (["worker/test_paired_timer.py"], []),
}
"""What holds each module, or each of a folder: fast tests, and slow ones that run where those have found nothing.

The simulations of ``latency/test_operating_characteristics.py`` take 16 s each time, and are not among them."""
EQUIVALENT = ROOT / "benchmarks" / "results" / "mutation_equivalent.txt"
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
    elif isinstance(node, (ast.Continue, ast.Break)) or is_call(node):
        yield ast.Pass()


def is_call(node):
    """A statement that is only a call."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)


def constants(node):
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, (int, float)):
        yield ast.Constant(node.value + 1)
    elif isinstance(node.value, str) and node.value:
        yield ast.Constant(f"{node.value}XX")


class Replace(ast.NodeTransformer):
    """Puts one node in the place of another, of which there is one."""

    def __init__(self, old, new):
        self._old, self._new = old, new

    def visit(self, node):
        return self._new if node is self._old else super().generic_visit(node)


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
            leave += [each.value for each in node.keywords]  # frozen=True, and the like
        if isinstance(node, ast.AnnAssign):
            leave.append(node.annotation)
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.Assert, ast.Raise)):
            leave.append(node)  # what an error says is held by its message's own test
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            leave.append(node)
        for each in leave:
            skipped.update(map(id, ast.walk(each)))
    return [node for node in ast.walk(tree) if id(node) not in skipped]


def mutants(source):
    """``(line, its function with what was and what is, the whole source)``."""
    for place in range(len(is_code(ast.parse(source)))):
        tree = ast.parse(source)
        node = is_code(tree)[place]
        for new in mutations(node):
            before = ast.unparse(node).split("\n")[0][:80]
            mutant = ast.fix_missing_locations(Replace(node, ast.copy_location(new, node)).visit(copy.copy(tree)))
            text = ast.unparse(mutant)
            where = f"{function_of(tree, node.lineno)}: {before} -> {ast.unparse(new).split(chr(10))[0][:80]}"
            yield node.lineno, where, text
            break_tree = ast.parse(source)  # the transformer works in place
            tree, node = break_tree, is_code(break_tree)[place]


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


def is_found(module, source, tests):
    """Whether the tests fail with that source, in a child that has imported nothing of ours yet."""
    child = os.fork()
    if not child:
        code = 1
        try:
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            name = f"pytest_mxperf.{module[:-3].replace('/', '.')}"
            sys.meta_path.insert(0, Mutated(name, source, PACKAGE / module))
            import pytest

            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                options = ["-x", "-q", "-p", "no:cacheprovider"]
                code = pytest.main([*options, *(f"tests/unit/{test}" for test in tests)])
        finally:
            os._exit(int(code))
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status) == signal.SIGPROF
    code = os.WEXITSTATUS(status)
    if code not in (0, FAILED, NOT_COLLECTED):
        raise RuntimeError(f"{module}: pytest ends with exit code {code}")
    return code != 0


def modules(wanted):
    for name, tests in TESTS.items():
        path = PACKAGE / name
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            module = str(file.relative_to(PACKAGE))
            if file.name != "__init__.py" and (not wanted or module in wanted):
                yield module, tests


def equivalents():
    """``module in function: was -> is  # reason``, a line each."""
    lines = EQUIVALENT.read_text().splitlines() if EQUIVALENT.exists() else []
    return {re.split(r"\s{2,}# ", line)[0] for line in lines if line.strip()}


def score(module, tests, verbose):
    """How many faults there were, how many were found, and how many change nothing."""
    source = (PACKAGE / module).read_text()
    fast, slow = tests
    assert not is_found(module, source, fast + slow), f"{module}: its tests fail without a fault"
    known, found, same, total = equivalents(), 0, 0, 0
    for line, change, text in mutants(source):
        total += 1
        if f"{module} in {change}" in known:
            same += 1
        elif is_found(module, text, fast) or (slow and is_found(module, text, slow)):
            found += 1
        elif verbose:
            print(f"    {line}: {module} in {change}", flush=True)
    return total, found, same


def main():
    options = argparse.ArgumentParser()
    options.add_argument("modules", nargs="*")
    options.add_argument("-v", "--verbose", action="store_true")
    given = options.parse_args()
    os.chdir(ROOT)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # ours would be imported before a module is replaced
    sys.path.insert(0, str(ROOT))
    import hypothesis  # noqa: F401  once for all children
    import msgspec  # noqa: F401
    import pytest  # noqa: F401

    rows = ["| module | faults | found | change nothing | score |", "|---|--:|--:|--:|--:|"]
    totals = [0, 0, 0]
    for module, tests in modules(given.modules):
        counts = score(module, tests, given.verbose)
        totals = [one + other for one, other in zip(totals, counts)]
        rows.append(row(module, *counts))
        print(rows[-1], flush=True)
    rows.append(row("all", *totals))
    if not given.modules:
        (ROOT / "benchmarks" / "results" / "mutation.md").write_text("\n".join(rows) + "\n")


def row(module, total, found, same):
    return f"| {module} | {total} | {found} | {same} | {found / max(1, total - same):.1%} |"


if __name__ == "__main__":
    main()
