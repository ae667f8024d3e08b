"""The import hook on a made-up numpy and MXNet, in a bare interpreter that has nothing but the standard library."""

import subprocess
import sys
import textwrap

import pytest

from pytest_mxperf.mx import compat

LOAD = f"""
import importlib, importlib.machinery, importlib.util, inspect, pickle, sys, types, warnings
sys.path.insert(0, "")
spec = importlib.util.spec_from_file_location("compat", {compat.__file__!r})
compat = importlib.util.module_from_spec(spec)
spec.loader.exec_module(compat)
"""

NUMPY_WITHOUT_ALIASES = """
import warnings
class ndarray: pass
def zeros(): return ndarray()
def prod(values): return "the product"
def __getattr__(name):
    if name in ("bool", "int"):
        warnings.warn("In the future `np." + name + "` will be the scalar", FutureWarning, stacklevel=2)
    raise AttributeError("module 'numpy' has no attribute " + repr(name))
"""

NUMPY_WITH_DEPRECATED_ALIASES = """
import builtins, warnings
def __getattr__(name):
    if name in ("bool", "int"):
        warnings.warn("`np." + name + "` is a deprecated alias", DeprecationWarning, stacklevel=2)
        return getattr(builtins, name)
    if name.startswith("__"):
        raise AttributeError(name)
    return print
"""

MXNET = """
from . import utils
"""

MXNET_UTILS = """
import numpy as onp
bool = onp.bool
def at_call_time(): return onp.bool, onp.int
def is_array(value): return isinstance(value, onp.ndarray)
def zeros(): return onp.zeros()
"""


@pytest.fixture
def write(tmp_path):
    """Writes modules, given by file name."""

    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))

    return write


@pytest.fixture
def world(write):
    """A numpy that has lost its aliases and an MXNet that needs them."""
    write({"numpy.py": NUMPY_WITHOUT_ALIASES, "mxnet/__init__.py": MXNET, "mxnet/utils.py": MXNET_UTILS})


@pytest.fixture
def python(tmp_path):
    """Runs code after the hook's module is loaded; the code's own asserts are the test."""

    def python(code, *flags):
        # -I -S: neither the environment nor site-packages take part.
        command = [sys.executable, "-I", "-S", *flags, "-c", LOAD + textwrap.dedent(code)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done

    return python


@pytest.mark.usefixtures("world")
class TestInstall:
    def test_the_module_and_install_import_only_the_standard_library(self, write, python):
        write({"setuptools.py": "", "pytest.py": ""})
        python(
            """
            compat.install()
            assert not {"numpy", "mxnet", "setuptools", "pytest"} & set(sys.modules)
            """
        )

    def test_one_finder_however_often_it_is_called(self, python):
        python(
            """
            before = list(sys.meta_path)
            compat.install()
            compat.install()
            assert len(sys.meta_path) == len(before) + 1
            assert sys.meta_path[1:] == before
            """
        )

    def test_nothing_is_done_where_mxnet_is_already_imported(self, python):
        python(
            """
            sys.modules["mxnet"] = types.ModuleType("mxnet")
            before = list(sys.meta_path)
            compat.install()
            assert sys.meta_path == before
            """
        )


@pytest.mark.usefixtures("world")
class TestAliases:
    def test_mxnet_has_them_and_numpy_has_not(self, python):
        python(
            """
            import numpy
            before = dict(vars(numpy))
            compat.install()
            import mxnet
            assert vars(numpy) == before
            assert mxnet.utils.bool is bool
            assert mxnet.utils.at_call_time() == (bool, int)
            """
        )

    def test_mxnet_has_what_numpy_2_removed(self, python):
        python(
            """
            compat.install()
            import mxnet, numpy
            seen = mxnet.utils.onp
            assert (seen.PZERO, seen.NINF, seen.PINF, seen.Inf, str(seen.NaN)) == (0, -1e999, 1e999, 1e999, "nan")
            assert str(seen.NZERO) == "-0.0" and isinstance("text", seen.compat.basestring)
            assert seen.product([2, 3]) == "the product" and seen.product is not numpy.prod
            assert not {"PZERO", "NaN", "product", "compat"} & set(vars(numpy))
            try:
                seen.npv(0.1, [1, 2])
            except RuntimeError as error:
                assert "pip install numpy-financial" in str(error)
            else:
                raise AssertionError
            """
        )

    def test_all_else_that_mxnet_sees_is_numpy(self, python):
        python(
            """
            compat.install()
            import mxnet, numpy
            stand_in = mxnet.utils.onp
            assert stand_in is not numpy
            assert mxnet.utils.is_array(numpy.zeros())
            assert type(pickle.loads(pickle.dumps(mxnet.utils.zeros()))) is numpy.ndarray
            assert pickle.loads(pickle.dumps(stand_in.zeros)) is numpy.zeros
            assert inspect.ismodule(stand_in) and stand_in.__name__ == "numpy" and stand_in.__file__ == numpy.__file__
            assert dir(stand_in) == dir(numpy)
            numpy.zeros = lambda: "patched"
            assert mxnet.utils.zeros() == "patched"
            try:
                stand_in.gone
            except AttributeError as error:
                assert str(error) == "module 'numpy' has no attribute 'gone'"
            else:
                raise AssertionError
            """
        )

    def test_a_failing_import_leaves_no_trace_and_can_be_repeated(self, write, python):
        write({"mxnet/__init__.py": MXNET + "import sys\nif not hasattr(sys, 'mended'): raise OSError('no libmxnet')"})
        python(
            """
            import numpy
            before, filters = dict(vars(numpy)), list(warnings.filters)
            compat.install()
            try:
                import mxnet
            except OSError as error:
                assert str(error) == "no libmxnet"
            else:
                raise AssertionError
            assert vars(numpy) == before
            assert warnings.filters == filters
            sys.mended = True
            import mxnet
            assert mxnet.utils.at_call_time() == (bool, int)
            assert vars(numpy) == before
            """
        )

    def test_other_packages_keep_the_real_numpy(self, write, python):
        write({"mxnet_tools.py": "import numpy", "mxnet/__init__.py": MXNET + "import mxnet_tools"})
        python(
            """
            compat.install()
            import mxnet, numpy
            assert sys.modules["mxnet_tools"].numpy is numpy
            """
        )

    def test_a_submodule_whose_import_mxnet_blocks_is_no_obstacle(self, write, python):
        write({"mxnet/__init__.py": MXNET + "import sys; sys.modules['mxnet.cython'] = None"})
        python("compat.install(); import mxnet; assert mxnet.utils.at_call_time() == (bool, int)")

    def test_a_numpy_that_has_them_is_left_alone_and_not_asked_aloud(self, write, python):
        write({"numpy.py": NUMPY_WITH_DEPRECATED_ALIASES})
        python(
            """
            import numpy
            before = dict(vars(numpy))
            compat.install()
            import mxnet
            assert mxnet.utils.onp is numpy
            assert vars(numpy) == before
            """,
            "-Werror",
        )

    def test_an_alias_that_the_user_has_restored_stays(self, python):
        python(
            """
            import numpy
            numpy.bool = "the user's"
            compat.install()
            import mxnet
            assert numpy.bool == "the user's"
            assert "int" not in vars(numpy)
            assert mxnet.utils.at_call_time() == ("the user's", int)
            """
        )


@pytest.mark.usefixtures("world")
class TestWarnings:
    def test_the_deprecations_of_mxnet_are_ignored(self, write, python):
        write({"mxnet/__init__.py": MXNET + "import warnings; warnings.warn('distutils', DeprecationWarning)"})
        python("compat.install(); import mxnet", "-Werror")

    def test_what_the_compiler_says_of_its_modules_is_ignored(self, write, python):
        """Escapes such as that in MXNet 1.6 to 1.8; no .pyc may exist, for the compiler to say it."""
        write({"mxnet/escapes.py": "PATTERN = '\\('\n", "mxnet/__init__.py": "import mxnet.escapes"})
        python("compat.install(); import mxnet; assert mxnet.escapes.PATTERN == chr(92) + '('", "-Werror", "-B")

    @pytest.mark.parametrize(
        ("module", "category"),
        [("other", "DeprecationWarning"), ("other", "UserWarning"), ("mxnet.noisy", "UserWarning")],
    )
    def test_no_others_are(self, write, python, module, category):
        noise = f"import warnings; warnings.warn('heard', {category})"
        write({"other.py": noise, "mxnet/noisy.py": noise, "mxnet/__init__.py": f"import {module}"})
        done = python("compat.install(); import mxnet", "-Walways")
        assert f"{category}: heard" in done.stderr

    def test_filters_set_during_the_import_survive_and_ours_does_not(self, write, python):
        write({"mxnet/__init__.py": "import warnings; warnings.filterwarnings('once', 'of urllib3')"})
        python(
            """
            before = list(warnings.filters)
            compat.install()
            import mxnet
            added = [entry for entry in warnings.filters if entry not in before]
            assert [entry[0] for entry in added] == ["once"]
            assert warnings.filters[1:] == before
            """
        )


@pytest.mark.usefixtures("world")
class TestDistutils:
    NEEDS = MXNET + "from distutils.version import StrictVersion"
    MISSING = """
class NoDistutils:
    def find_spec(self, fullname, path, target=None):
        if fullname == "distutils":
            raise ModuleNotFoundError("No module named 'distutils'", name=fullname)
sys.meta_path.insert(0, NoDistutils())
sys.version_info = (3, 12)
compat.install()
"""

    def test_setuptools_provides_it_on_python_3_12(self, write, python):
        provides = """
        import sys, types
        sys.modules["distutils"] = types.ModuleType("distutils")
        sys.modules["distutils.version"] = types.ModuleType("distutils.version")
        sys.modules["distutils.version"].StrictVersion = str
        """
        write({"mxnet/__init__.py": self.NEEDS, "setuptools.py": provides})
        python(self.MISSING + "import mxnet; assert mxnet.StrictVersion is str")

    @pytest.mark.parametrize("setuptools", ["raise ImportError", "raise AttributeError", "import sys"])
    def test_without_it_the_error_names_the_remedy(self, write, python, setuptools):
        write({"mxnet/__init__.py": self.NEEDS, "setuptools.py": setuptools})
        python(
            self.MISSING
            + textwrap.dedent(
                """
                try:
                    import mxnet
                except ImportError as error:
                    assert type(error) is ImportError, repr(error)
                    assert "setuptools" in str(error) and "pip install" in str(error)
                    assert error.name == "distutils"
                else:
                    raise AssertionError
                """
            )
        )

    def test_setuptools_is_not_imported_where_distutils_exists(self, write, python):
        write({"setuptools.py": ""})
        python("sys.version_info = (3, 11); compat.install(); import mxnet; assert 'setuptools' not in sys.modules")


class TestMissing:
    CODE = """
        compat.install()
        try:
            import {name}
        except ModuleNotFoundError as error:
            assert (str(error), error.name) == ("No module named '{missing}'", "{missing}")
        else:
            raise AssertionError
        """

    def test_a_missing_mxnet_is_the_usual_error(self, python):
        python(self.CODE.format(name="mxnet", missing="mxnet"))
        python("compat.install(); assert importlib.util.find_spec('mxnet') is None")

    def test_a_missing_numpy_is_too(self, write, python):
        write({"mxnet/__init__.py": "import numpy"})
        python(self.CODE.format(name="mxnet", missing="numpy"))

    def test_whatever_else_mxnet_misses_is_too(self, write, python):
        write({"numpy.py": "", "mxnet/__init__.py": "import requests"})
        python(self.CODE.format(name="mxnet", missing="requests"))


@pytest.mark.usefixtures("world")
class TestImportSystem:
    def test_the_module_does_not_show_how_it_was_imported(self, python):
        python(
            """
            compat.install()
            import mxnet
            loader = importlib.machinery.SourceFileLoader
            assert type(mxnet.__loader__) is type(mxnet.__spec__.loader) is loader
            assert mxnet.__file__ == mxnet.__spec__.origin
            assert mxnet.__spec__ == importlib.util.find_spec("mxnet")
            assert inspect.getsource(mxnet) == "\\nfrom . import utils\\n"
            """
        )

    def test_it_can_be_found_without_being_imported(self, python):
        python(
            """
            plain = importlib.util.find_spec("mxnet")
            compat.install()
            hooked = importlib.util.find_spec("mxnet")
            assert not {"numpy", "mxnet"} & set(sys.modules)
            assert hooked.origin == plain.origin
            assert hooked.submodule_search_locations == plain.submodule_search_locations
            assert hooked.loader.get_source("mxnet") == plain.loader.get_source("mxnet")
            assert hooked.loader.is_package("mxnet")
            """
        )

    def test_it_can_be_reloaded_and_imported_afresh(self, python):
        python(
            """
            compat.install()
            import mxnet, numpy
            before = dict(vars(numpy))
            assert importlib.reload(mxnet) is mxnet
            assert type(mxnet.__spec__.loader) is importlib.machinery.SourceFileLoader
            for name in ["mxnet", "mxnet.utils"]:
                del sys.modules[name]
            import mxnet
            assert mxnet.utils.at_call_time() == (bool, int)
            assert vars(numpy) == before
            """
        )

    def test_a_folder_of_that_name_is_no_mxnet(self, tmp_path, python):
        (tmp_path / "mxnet" / "__init__.py").unlink()
        python(
            """
            compat.install()
            import mxnet
            assert getattr(mxnet, "__file__", None) is None
            assert "numpy" not in sys.modules
            """
        )

    def test_the_finders_behind_decide(self, python):
        python(
            """
            class Module(types.ModuleType): pass
            class Loader:
                def create_module(self, spec): return Module(spec.name)
                def exec_module(self, module): import numpy; module.numpy, module.bool = numpy, numpy.bool
            class Finder:
                def find_spec(self, fullname, path, target=None):
                    if fullname == "mxnet":
                        return importlib.machinery.ModuleSpec(fullname, Loader())
            class OldFinder:
                def find_module(self, fullname, path=None): return None
            sys.meta_path[:0] = [OldFinder(), Finder()]
            compat.install()
            import mxnet
            assert type(mxnet) is Module and type(mxnet.__loader__) is Loader
            assert mxnet.bool is bool and mxnet.numpy.int is int
            """
        )

    def test_a_loader_of_the_old_kind_still_loads(self, python):
        python(
            """
            class Loader:
                def load_module(self, name):
                    return sys.modules.setdefault(name, types.ModuleType(name))
            class Finder:
                def find_spec(self, fullname, path, target=None):
                    if fullname == "mxnet":
                        return importlib.machinery.ModuleSpec(fullname, Loader())
            sys.meta_path.insert(0, Finder())
            compat.install()
            import mxnet
            assert type(mxnet.__loader__) is Loader
            """
        )

    def test_finders_in_front_may_delegate_in_the_same_way(self, python):
        python(
            """
            asked = []
            class Finder:
                def find_spec(self, fullname, path, target=None):
                    if fullname != "mxnet":
                        return None
                    asked.append(fullname)
                    found = (f.find_spec(fullname, path, target) for f in sys.meta_path if f is not self)
                    return next(spec for spec in found if spec)
            compat.install()
            sys.meta_path.insert(0, Finder())
            import mxnet
            assert asked == ["mxnet"]
            assert mxnet.utils.at_call_time() == (bool, int)
            """
        )

    def test_two_copies_of_the_hook_do_not_disturb_each_other(self, python):
        python(
            """
            compat.install()
            spec.loader.exec_module(compat)
            compat.install()
            import mxnet, numpy
            assert mxnet.utils.at_call_time() == (bool, int)
            assert not {"bool", "int"} & set(vars(numpy))
            assert type(mxnet.__spec__.loader) is importlib.machinery.SourceFileLoader
            """
        )
