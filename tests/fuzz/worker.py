"""The process that opens mutants one after the other, as a pytest session opens models, and says what became of each.

Reads the numbers of mutants from stdin, and answers each with a line of JSON.
"""

import json
import os
import random
import resource
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any, Dict, List

MEMORY_BYTES = 2 * 1024**3
MOST_LINES = 6
MOST_CHARACTERS = 1500
TRACES = ("Stack trace", "Traceback", ".cc:", '.cc"', ".h:", "Check failed", "libmxnet", "[bt]")
# Mutants that are counted as more are not hanging when they run for long.
MOST_FLOPS = 2_000_000_000


def serve(seed: int, *, public: bool) -> None:
    """Answers until stdin ends."""
    answers = os.fdopen(os.dup(1), "w")
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)  # MXNet writes a line for each graph that it binds
    if not os.environ.get("MXPERF_FUZZ_STDERR"):
        os.dup2(silence, 2)
    warnings.simplefilter("ignore")
    import pytest_mxperf.mx.model  # noqa: F401  MXNet can be imported now
    from tests.fuzz.corpus import corpus

    originals = corpus(public=public)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            answer = _judge(originals, seed, int(line), Path(folder))
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


def _judge(originals: "List[Any]", seed: int, number: int, folder: Path) -> Dict[str, object]:
    from pytest_mxperf.errors import MxperfError
    from tests.fuzz.mutate import mutate

    generator = random.Random(f"{seed}/{number}")
    mutation, files = mutate(generator.choice(originals), originals, generator)
    prefix = folder / "mutant"
    prefix.with_name("mutant-symbol.json").write_bytes(files.symbol)
    weights = prefix.with_name("mutant-0000.params")
    weights.unlink(missing_ok=True) if not files.params and generator.random() < 0.9 else weights.write_bytes(
        files.params
    )
    try:
        outcome, message = _open(prefix, files.inputs, runs=generator.random() < 0.5), ""
    except MxperfError as error:
        message = str(error)
        outcome = "clear error" if _is_clear(message) else "unclear message"
    except BaseException as error:
        outcome, message = "foreign exception", f"{type(error).__name__}: {error}"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if peak > MEMORY_BYTES:
        outcome = "too much memory"
    return {"number": number, "mutation": mutation, "outcome": outcome, "message": message[:4000], "peak": peak}


def _is_clear(message: str) -> bool:
    lines = message.splitlines()
    return (
        0 < len(lines) <= MOST_LINES
        and len(message) <= MOST_CHARACTERS
        and not any(trace in message for trace in TRACES)
        and all(character.isprintable() or character == "\n" for character in message)
    )


def _open(prefix: Path, inputs: Dict[str, Any], *, runs: bool) -> str:
    from pytest_mxperf import ModelSpec
    from pytest_mxperf.mx.analysis import analyse
    from pytest_mxperf.mx.bind import bind
    from pytest_mxperf.mx.model import open_model
    from pytest_mxperf.mx.sync import example_batch, forward_pass, warm_up
    from pytest_mxperf.mx.weights import load_weights

    analysis = analyse(open_model(ModelSpec.parse(prefix, inputs)))
    flops = analysis.cost().flops
    if not runs:
        return "counted"
    weights = load_weights(analysis)
    if flops > MOST_FLOPS:
        return "counted, too heavy to run here"
    module = bind(analysis, weights)
    warm_up(forward_pass(module, example_batch(module)), times=1)
    return "run"
