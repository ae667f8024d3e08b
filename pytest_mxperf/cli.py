"""The command ``mxperf``: what a model costs, how two models differ, and which is faster, without pytest."""

import argparse
import os
import re
import sys
import warnings
from contextlib import contextmanager
from importlib import metadata
from typing import Any, Callable, Iterator, NoReturn, Optional, Sequence, Type, Union

from pytest_mxperf.arguments import in_keys, told_in_options
from pytest_mxperf.commands import check, history, inputs, kept, layers, models
from pytest_mxperf.commands.shared import TROUBLE
from pytest_mxperf.errors import MxperfError, MxperfWarning, did_you_mean
from pytest_mxperf.imports import import_all
from pytest_mxperf.native_output import native_lines_dropped

__all__ = ["main"]

_INTERRUPTED = 130
"""The exit code of a program that Ctrl-C ends: 128 and the number of the signal."""


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs the command and returns its exit code. Every error is one line on stderr and exit code 2."""
    options = _parser().parse_args(arguments)
    try:
        _import(getattr(options, "imports", ()))
        words = _told_in_keys if options.command == "check" else told_in_options
        with native_lines_dropped(), _warnings_in_a_line(words):
            text, code = options.run(options)
        if text:
            _print(text.rstrip("\n"))
    except BrokenPipeError:
        _abandon_stdout()
        return TROUBLE
    except KeyboardInterrupt:
        print("mxperf: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except Exception as error:
        print("mxperf:", " ".join(_message(error).split()), file=sys.stderr)
        return TROUBLE
    return int(code)


def _import(names: Sequence[str]) -> None:
    """The current folder is searched too, as python -m does."""
    if names:
        sys.path.insert(0, os.getcwd())
        import_all(names, where="--import")


def _print(text: str) -> None:
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"  # a terminal of Latin letters has no arrows
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)
    except OSError:
        _abandon_stdout()
        raise


def _abandon_stdout() -> None:
    """Otherwise Python would try to write the rest at exit, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _message(error: Exception) -> str:
    if isinstance(error, MxperfError):
        return told_in_options(error)
    if isinstance(error, OSError):
        return str(error)
    problem = f"{type(error).__name__}: {error}"
    return f"{problem}; this is a bug of pytest-mxperf: please report it to its issue tracker, with the command"


def _told_in_keys(error: MxperfError) -> str:
    """For the models of an ``mxperf.toml``: ``mxperf check`` has no options for them."""
    return in_keys(str(error))


@contextmanager
def _warnings_in_a_line(words: Callable[[MxperfWarning], str]) -> Iterator[None]:
    """Shows on stderr what is wrong with a model that can still be counted, once if it is opened twice."""
    shown = set()

    def show(message: Union[Warning, str], category: Type[Warning], *where: object, **more: object) -> None:
        if isinstance(message, MxperfWarning):
            text = " ".join(words(message).split())
            if (text, *where) not in shown:
                print("mxperf: warning:", text, file=sys.stderr)
            shown.add((text, *where))

    with warnings.catch_warnings():
        warnings.simplefilter("always", MxperfWarning)
        warnings.showwarning = show
        yield


_INPUT = re.compile(r"[^-=][^=]*=[\d(\[]")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, like all errors."""
        expected = re.fullmatch(r"argument (?:-\w/)?(--[\w-]+): expected one argument", message)
        if expected:
            message += f"; write {expected[1]}=VALUE if the value begins with -"
        self.exit(TROUBLE, f"{self.prog}: {message}; see {self.prog} --help\n")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuses what nobody knows here, where the command's own options are known."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            options = [option for action in self._actions for option in action.option_strings]
            hint = did_you_mean(unknown[0].partition("=")[0], options, "; did you mean {}?")
            if _INPUT.match(unknown[0]) and "--input" in options:
                hint = f"; write --input before each: --input {unknown[0]}"
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return found, unknown


class _Completion(argparse.Action):
    """``mxperf --print-completion bash > /etc/bash_completion.d/mxperf``."""

    def __call__(self, parser: argparse.ArgumentParser, options: object, values: object, flag: object = None) -> None:
        try:
            import shtab
        except ImportError:
            parser.error("--print-completion needs shtab: pip install 'pytest-mxperf[completion]'")
        if values not in shtab.SUPPORTED_SHELLS:
            parser.error(f"--print-completion {values}: it can be {', '.join(shtab.SUPPORTED_SHELLS)}")
        print(shtab.complete(parser, str(values)))
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="mxperf", description="What MXNet models cost, how two models differ, and which is faster.")
    parser.add_argument("--version", action="version", version=f"mxperf {metadata.version('pytest-mxperf')}")
    parser.add_argument("--print-completion", action=_Completion, metavar="SHELL", help="bash, zsh, tcsh; needs shtab")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    for module in (models, layers, inputs, check, kept, history):
        module.add_commands(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
