"""Every Python, numpy and MXNet that is supported, and what a contributor runs: nox -l lists the sessions.

Each run of the whole suite leaves its counts in .nox/matrix.json; ``nox -s table`` writes them into the README.
"""

import json
import re
import tarfile
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.sessions = ["lint", "tests-3.11"]

ROOT = Path(__file__).parent
COUNTS = ROOT / ".nox" / "matrix.json"
PYTHONS = ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13"]
MXNETS = ["1.6.0", "1.7.0.post2", "1.8.0.post0", "1.9.1"]
"""All run on Python 3.8, with the last numpy that they knew."""


@nox.session(python=PYTHONS)
def tests(session):
    """The whole suite with the newest of all dependencies."""
    session.install("-e", ".[cpu,test]")
    if session.python == "3.13":
        session.install("--no-deps", "mxnet")
    run_tests(session)


@nox.session(python="3.13")
def coverage(session):
    """The whole suite on the newest Python, and how much of the code it runs, branches included.

    What runs in the measuring process and in trials is not counted: these processes are killed in the end.
    """
    session.install("-e", ".[cpu,test]", "coverage>=7.10")
    session.install("--no-deps", "mxnet")
    data = {"COVERAGE_FILE": str(Path(session.virtualenv.location) / "coverage")}
    run_tests(session, "coverage", "run", "-m", env=data)
    session.run("coverage", "combine", "--quiet", env=data)
    session.run("coverage", "report", env=data)


@nox.session(python="3.8")
def lowest(session):
    """The whole suite with the lowest of all dependencies that pyproject.toml admits."""
    session.install("--resolution", "lowest-direct", "-e", ".[cpu,test]", "mxnet==1.9.1")
    run_tests(session)


@nox.session(python="3.8")
@nox.parametrize("mxnet", MXNETS)
def mxnet(session, mxnet):
    """The whole suite with each MXNet."""
    session.install("-e", ".[cpu,test]", f"mxnet=={mxnet}", "numpy<1.24")
    run_tests(session)


PLUGINS = [
    *("pytest-asyncio", "pytest-codspeed", "pytest-cov", "pytest-forked", "pytest-randomly", "pytest-rerunfailures"),
    *("pytest-subtests", "pytest-timeout", "pytest-xdist", "hypothesis"),
]


@nox.session(python="3.11")
def plugins(session):
    """A gated suite under each of the plugins that people have besides, at their newest versions."""
    session.install("-e", ".[cpu,test]", *PLUGINS)
    session.run("pytest", "-q", "-n", "2", "-p", "no:randomly", "tests/plugin/test_other_plugins.py", *session.posargs)


@nox.session
def lint(session):
    """Style and types."""
    session.install("-e", ".[lint]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("pyright")


@nox.session(python="3.11")
def docs(session):
    """The docs site, in build/docs. A dead link, a page that nobody links to, and a search that needs a server fail."""
    session.install("-e", ".[cpu,docs,test]")
    session.run("sphinx-build", "-W", "-n", "--keep-going", "-q", "docs", "build/docs")
    session.run("pytest", "-q", "tests/docs_site")


@nox.session(python="3.11")
def package(session):
    """What the package index would show and hand out: whole links, a wheel without tests, an sdist with all of git."""
    session.install("build", "twine")
    folder = Path(session.create_tmp()).resolve()
    session.run("python", "-m", "build", "--outdir", str(folder))
    wheel, sdist = max(folder.glob("*.whl")), max(folder.glob("*.tar.gz"))
    session.run("twine", "check", "--strict", str(wheel), str(sdist))
    tracked = session.run("git", "ls-files", external=True, silent=True).split("\n")
    for fault in package_faults(wheel, sdist, {name for name in tracked if name}):
        session.error(fault)


def package_faults(wheel, sdist, tracked):
    """What is wrong with a built wheel and sdist, as sentences. ``tracked`` has the paths of all files in git."""
    with zipfile.ZipFile(wheel) as archive:
        shipped = archive.namelist()
        metadata = next(name for name in shipped if name.endswith(".dist-info/METADATA"))
        description = archive.read(metadata).decode()
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    code = {name for name in tracked if name.startswith("pytest_mxperf/")}
    stray = [name for name in shipped if not name.startswith("pytest_mxperf/") and ".dist-info/" not in name]
    links = re.findall(r"\]\((?!https?:|#)[^)]*\)", description)
    return [
        *(f"the wheel holds {name}" for name in stray),
        *(f"the wheel lacks {name}" for name in sorted(code - set(shipped))),
        *(f"the sdist lacks {name}" for name in sorted(tracked - held)),
        *(f"the description has a relative link: {link}" for link in links),
    ]


@nox.session(venv_backend="none")
def table(session):
    """Writes what the last runs counted into the README."""
    readme = ROOT / "README.md"
    rows = "\n".join(row(*entry) for entry in sorted(json.loads(COUNTS.read_text()).items(), key=numbers))
    heading = "| Python | MXNet | numpy | pytest | passed | failed | skipped |\n|---|---|---|---|--:|--:|--:|"
    table = f"<!-- matrix -->\n{heading}\n{rows}\n<!-- end -->"
    readme.write_text(re.sub(r"<!-- matrix -->.*?<!-- end -->", lambda _: table, readme.read_text(), flags=re.DOTALL))


def run_tests(session, *runner, env=None):
    """Runs the suite and keeps the counts even when some of it fails; or runs what is asked for behind --."""
    junit = Path(session.virtualenv.location) / "junit.xml"  # create_tmp() would move the tests' own folders here
    command = [*runner, "pytest", "-q", f"--junitxml={junit}", *(session.posargs or ["-n", "2"])]
    env = {**CACHING, **(env or {})}
    session.run(*command, success_codes=[0, 1], env=env)
    versions = session.run("python", "-c", VERSIONS, silent=True).strip()
    suite = ElementTree.parse(junit).getroot().find("testsuite")
    counts = {name: int(suite.get(name)) for name in ("tests", "failures", "errors", "skipped")}
    if not session.posargs:
        keep(versions, counts)
    if counts["failures"] or counts["errors"]:
        session.error(f"{counts['failures']} tests failed, {counts['errors']} had errors")


CACHING = {"PYTHONDONTWRITEBYTECODE": ""}
"""Where that is set, each process that a test starts compiles all that it imports anew."""

VERSIONS = (
    "import pytest_mxperf, mxnet, numpy, platform, pytest;"
    "print(platform.python_version(), mxnet.__version__, numpy.__version__, pytest.__version__)"
)


def keep(versions, counts):
    COUNTS.parent.mkdir(exist_ok=True)
    known = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    COUNTS.write_text(json.dumps({**known, versions: counts}, indent=1))


def numbers(entry):
    """The versions of an entry, to sort 3.9 before 3.10."""
    return [int(number) for number in re.findall(r"\d+", entry[0])]


def row(versions, counts):
    failed = counts["failures"] + counts["errors"]
    passed = counts["tests"] - failed - counts["skipped"]
    return f"| {' | '.join(versions.split())} | {passed:,} | {failed} | {counts['skipped']} |"
