"""The library as it is loaded: wrong, missing, panicking, forked, out of threads; and at rest."""

import re
import shutil
import subprocess
import sys
import sysconfig
import time
import warnings
from pathlib import Path

import pytest
from scripts import check_run, run
from systems import OWN_CONSOLE, WINDOWS, linux_only, posix_only, press_ctrl_c

import doubles_ffi
from doubles_ffi import _library
from doubles_ffi._library import loading
from doubles_ffi._library.column import Column

ROOT = Path(__file__).parents[1]
PACKAGE = Path(doubles_ffi.__file__).parent


@pytest.fixture
def package_copy(tmp_path):
    """A copy of the package, in a folder with a space in its name."""
    home = tmp_path / "a folder"
    shutil.copytree(PACKAGE, home / "doubles_ffi", ignore=shutil.ignore_patterns("__pycache__"))
    return home


def library_in(home):
    return home / "doubles_ffi" / loading._LIBRARY


def import_error(home):
    status, _, errors = run("import doubles_ffi", home=home)
    assert status == 1, errors
    last = errors.splitlines()[-1]
    assert last.startswith("ImportError: ")
    assert str(home / "doubles_ffi") in last
    assert "pip install --force-reinstall ." in last
    return last


def test_a_missing_library(package_copy):
    library_in(package_copy).unlink()
    # Windows does not say what it has not found.
    named = "DLL load failed" if WINDOWS else "libdoubles"
    assert f"does not load: {named}" in import_error(package_copy)


def modules_in(home):
    return [*(home / "doubles_ffi").glob("_native.*" + (".pyd" if WINDOWS else ".so"))]


def test_a_missing_module(package_copy):
    for module in modules_in(package_copy):
        module.unlink()
    assert "there is no _native module for this Python" in import_error(package_copy)


CFFI_IS_MISSING = "import sys; sys.modules['_cffi_backend'] = None"
CFFI_IS_OLD = "import sys, types; sys.modules['_cffi_backend'] = types.ModuleType('old')"


@pytest.mark.parametrize(
    ("fault", "cure"),
    [
        (CFFI_IS_MISSING, "run `pip install cffi`"),
        (CFFI_IS_OLD, "run `pip install --upgrade cffi`"),
    ],
)
def test_a_missing_or_old_cffi_is_named_with_what_helps(fault, cure, package_copy):
    status, _, errors = run(f"{fault}\nimport doubles_ffi", home=package_copy)
    last = errors.splitlines()[-1]
    assert (status, last[:31]) == (1, "ImportError: doubles_ffi needs ")
    assert cure in last
    assert "setup.py" not in last


def test_pythons_code_names_what_the_module_imports():
    """So that PyInstaller and Nuitka, which read Python's code alone, put it into a program."""
    code = Path(loading.__file__).read_text("utf-8")
    assert re.search("^ +import _cffi_backend", code, re.MULTILINE)


def test_why_the_module_can_not_be_imported():
    explain = loading._unusable_because
    lacking = ModuleNotFoundError("No module named 'x'", name="_cffi_backend")
    for cure in ("--hidden-import _cffi_backend", "Nuitka's `--include-module=_cffi_backend`"):
        assert cure in str(explain(lacking))
    assert "newer cffi" in str(explain(ImportError("cffi extension module has version 9")))
    assert "isolated subinterpreter" in str(explain(ImportError("no subinterpreters")))
    assert "no _native module" in str(explain(ModuleNotFoundError(name="doubles_ffi._native")))
    assert "does not load: bad" in str(explain(ImportError("bad")))


def test_a_truncated_file_is_refused_before_it_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "_HERE", str(tmp_path))
    (tmp_path / "whole.so").write_bytes(b"\x7fELF\x02".ljust(64, b"\0"))
    (tmp_path / "script.so").write_text("INPUT(libc.so.6)")
    (tmp_path / "notes.txt").write_text("")
    loading._check_files()
    assert not loading._is_truncated(str(tmp_path / "missing.so"))
    (tmp_path / "broken.so").write_bytes(b"\x7fELF\x02".ljust(64, b"\1"))
    with pytest.raises(ImportError, match=r"is broken: broken\.so is truncated"):
        loading._check_files()
    monkeypatch.setattr(loading, "_HERE", str(tmp_path / "archive.zip"))
    loading._check_files()


@pytest.mark.skipif(sys.platform == "darwin", reason="its loader has words of its own")
@pytest.mark.parametrize("find", [library_in, lambda home: modules_in(home)[0]])
def test_truncated_files(find, package_copy):
    file = find(package_copy)
    whole = file.read_bytes()
    for length in (0, 60, 64, 4096, len(whole) - 1):
        if WINDOWS and length == len(whole) - 1:
            continue  # Its files end with zeros, which the loader does not miss.
        file.write_bytes(whole[:length])
        message = import_error(package_copy)
        assert WINDOWS or length < 64 or f"{file.name} is truncated" in message


EXPORTS = set(re.findall(r"\b(doubles_\w+)\(", (ROOT / "rustlib/include/doubles.h").read_text()))


@posix_only("has no cc")
@pytest.mark.parametrize("lacking", [set(), EXPORTS], ids=["all functions", "no other function"])
def test_a_library_of_another_version(lacking, package_copy):
    others = EXPORTS - {"doubles_abi_version"} - lacking
    source = "unsigned doubles_abi_version(void) { return 999; }\n"
    source += "".join(f"void {name}(void) {{}}\n" for name in others)
    build = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library_in(package_copy)]
    subprocess.run(build, input=source, text=True, check=True)
    message = import_error(package_copy)
    assert f"version 999, expected {_library.lib.DOUBLES_ABI_VERSION}" in message


def test_the_command_that_helps(tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "_HERE", str(tmp_path / "doubles_ffi"))
    with pytest.raises(ImportError, match="version 3, expected 2; reinstall it"):
        loading._check_version(2, 3)
    (tmp_path / "build_ffi.py").touch()
    with pytest.raises(ImportError, match="; run `python setup"):
        loading._check_version(2, 3)


@pytest.mark.skipif(not (ROOT / "setup.py").exists(), reason="needs the checkout")
def test_a_panic_is_an_exception_and_the_next_call_lives(package_copy):
    target = ROOT / "rustlib/target/forced-panic"
    command = ["cargo", "build", "--quiet", "--locked", "--features", "forced-panic"]
    command += ["--manifest-path", ROOT / "rustlib/Cargo.toml", "--target-dir", target]
    subprocess.run(command, check=True)
    library = library_in(package_copy)
    shutil.copy(target / "debug" / library.name, library)
    script = """
import os
import doubles_ffi as d

left, right = d.DoubleCounter(b"aa"), d.DoubleCounter(b"a")
calls = [
    lambda: d.count_doubles(b"aaa"),
    lambda: d.count_doubles_zip("aaa"),
    lambda: d.count_doubles("жжж".encode(), encoding="utf-8"),
    lambda: len(d.random_string(2)),
    lambda: d.tally_doubles("aaa").total(),
    lambda: d.DoubleCounter("жжж".encode(), encoding="utf-8").count,
    lambda: (left + right).count,
]
for call in calls:
    os.environ["DOUBLES_FORCE_PANIC"] = "1"
    try:
        call()
    except RuntimeError as error:
        assert "panicked" in str(error)
    else:
        raise SystemExit("no exception")
    del os.environ["DOUBLES_FORCE_PANIC"]
    assert call() == 2
"""
    check_run(script, home=package_copy)


HANDLES = {
    "tally": ("stretch", lambda: doubles_ffi.tally_doubles(b"aa")),
    "runs": ("runs", lambda: doubles_ffi.find_runs(b"aa")),
    "counts": ("counts", lambda: doubles_ffi.count_each(["aa"])),
    "texts": ("texts", lambda: doubles_ffi.squeeze_each(["aa"])),
    "column": ("column", Column),
}


@pytest.mark.parametrize("handle", HANDLES)
def test_a_panic_while_a_handle_is_made_is_an_error(handle, monkeypatch):
    module, call = HANDLES[handle]

    class Library:
        def __getattr__(self, name):
            is_made = name == f"doubles_{handle}_new"
            # Like each pointer that the library returns, a new object.
            null = loading.ffi.cast("void *", 0)
            return (lambda *_: null) if is_made else getattr(loading.lib, name)

    monkeypatch.setattr(f"doubles_ffi._library.{module}.lib", Library())
    with pytest.raises(RuntimeError, match="panicked"):
        call()


def test_import_starts_nothing():
    script = """
import os, signal, sys

before = [signal.getsignal(number) for number in signal.valid_signals()]
import doubles_ffi

assert [signal.getsignal(number) for number in signal.valid_signals()] == before
assert not {"numpy", "tqdm", "hypothesis"} & set(sys.modules)
if sys.platform == "linux":
    assert len(os.listdir("/proc/self/task")) == 1
"""
    check_run(script)


WARM_POOL = """
import os, sys
import doubles_ffi

def warm():
    assert doubles_ffi.count_doubles(data) == len(data) - 1
    assert doubles_ffi.count_doubles_slice_parallel(data[:100_000]) == 99_999

def threads():
    return len(os.listdir("/proc/self/task")) if sys.platform == "linux" else None

data = bytes(8 << 20)
warm()
"""


@pytest.mark.parametrize("kernel", ["portable", "avx2", "avx512", "neon", "nonsense"])
def test_a_kernel_can_be_ruled_out_but_not_forced(kernel):
    script = """
import os
import platform
import doubles_ffi
from doubles_ffi._library import ffi, lib

is_arm = platform.machine().lower() in ("aarch64", "arm64")
kernels = ["portable", "neon"] if is_arm else ["portable", "avx2", "avx512"]
allowed = os.environ["DOUBLES_KERNEL"]
used = ffi.string(lib.doubles_kernel()).decode()
assert used in kernels[: kernels.index(allowed) + 1 if allowed in kernels else None]

for text, doubles in [("aab" * 100_001, 100_001), ("жж€" * 100_001, 100_001), ("z" * 99, 98)]:
    assert doubles_ffi.count_doubles(text) == doubles
    assert doubles_ffi.count_doubles(text.encode(), encoding="utf-8") == doubles
    assert doubles_ffi.tally_doubles(text).total() == doubles
"""
    check_run(script, DOUBLES_KERNEL=kernel)


@posix_only("has no fork")
def test_forked_children_count():
    script = """
if sys.platform == "linux":
    assert threads() == 4, threads()

def fork(depth):
    child = os.fork()
    if child == 0:
        status = 1
        try:
            assert threads() in (None, 1)
            warm()
            assert threads() in (None, 4)
            status = fork(depth - 1) if depth else 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

for _ in range(64):
    assert fork(0) == 0
assert fork(3) == 0  # A child of a child of a child.
warm()
"""
    check_run(WARM_POOL + script, DOUBLES_NUM_THREADS="3", PYTHONWARNINGS="ignore")


@linux_only
def test_where_no_thread_can_be_made_the_caller_counts():
    script = """
import os, resource, threading
import doubles_ffi

data = bytes(8 << 20)
if os.getuid() == 0:
    os.setuid(65534)  # The limit does not hold for root.
limit = resource.getrlimit(resource.RLIMIT_NPROC)
resource.setrlimit(resource.RLIMIT_NPROC, (0, limit[1]))
try:
    threading.Thread(target=int).start()
except RuntimeError:
    pass
else:
    raise SystemExit("the limit does not hold")
for _ in range(3):
    assert doubles_ffi.count_doubles(data) == len(data) - 1
    assert doubles_ffi.count_doubles_slice_parallel(data) == len(data) - 1

# Once threads are available again, the pool is built.
resource.setrlimit(resource.RLIMIT_NPROC, limit)
assert doubles_ffi.count_doubles(data) == len(data) - 1
assert len(os.listdir("/proc/self/task")) == 3
"""
    check_run(script, DOUBLES_NUM_THREADS="2")


@linux_only
@pytest.mark.parametrize(("mebibytes", "most"), [(40, 1), (512, 4)])
def test_little_address_space_is_for_few_threads(mebibytes, most):
    script = f"""
import os, resource
import doubles_ffi

data = bytes(8 << 20)
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + ({mebibytes} << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for _ in range(3):
    assert doubles_ffi.count_doubles(data) == len(data) - 1
    assert doubles_ffi.count_doubles_slice_parallel(data) == len(data) - 1
print(len(os.listdir("/proc/self/task")) - 1)
"""
    assert int(check_run(script, DOUBLES_NUM_THREADS="64")) <= most


@linux_only
@pytest.mark.parametrize(
    ("before", "wanted", "threads"),
    [
        ("", "1", 1),
        ("", "5", 6),
        ("", "100000", 513),
        ("", "0", None),
        ("", "many", None),
        ("import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])", "0", 1),
    ],
)
def test_the_size_of_the_pool(before, wanted, threads):
    script = before + WARM_POOL + "print(threads(), len(os.sched_getaffinity(0)))"
    output = check_run(script, DOUBLES_NUM_THREADS=wanted, PYTHONWARNINGS="ignore")
    found, cpus = map(int, output.split())
    default = cpus + 1 if cpus > 1 else 1
    assert found == (threads or default)


@pytest.mark.parametrize("setting", ["many", "0", "-1", " 4", "1.5", "²", "9" * 5000, "\udcff"])
def test_a_number_of_threads_that_is_ignored_is_warned_of(setting):
    with pytest.warns(RuntimeWarning, match="DOUBLES_NUM_THREADS must be a positive integer"):
        _library._warn_of_ignored_threads(setting)


@pytest.mark.parametrize("setting", ["", "1", "8", "+8", "008", "100000"])
def test_a_number_of_threads_that_is_used_is_not_warned_of(setting):
    _library._warn_of_ignored_threads(setting)


def test_an_import_never_fails_for_a_number_of_threads():
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("error")
        _library._warn_of_ignored_threads("many")
    assert [warning.category for warning in seen] == [RuntimeWarning]
    script = "import doubles_ffi; print(doubles_ffi.count_doubles(bytes(8 << 20)))"
    for strictness in ("", "import warnings; warnings.simplefilter('error')\n"):
        status, output, errors = run(strictness + script, DOUBLES_NUM_THREADS="many")
        assert (status, output) == (0, f"{(8 << 20) - 1}\n")
        assert re.fullmatch(
            "doubles_ffi:0: RuntimeWarning: DOUBLES_NUM_THREADS .* ignored\n", errors
        )


@linux_only
def test_threads_1_starts_no_thread():
    script = """
import os, doubles_ffi
assert doubles_ffi.count_doubles(bytes(20 << 20), threads=1) == (20 << 20) - 1
print(len(os.listdir("/proc/self/task")))
"""
    assert check_run(script, DOUBLES_NUM_THREADS="4") == "1\n"


def test_ctrl_c_ends_a_long_count():
    script = """
import mmap, sys
import doubles_ffi

if sys.platform == "win32":
    data = bytes(1 << 28)  # It has no mapping that takes no memory.
else:
    anonymous = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    data = mmap.mmap(-1, 1 << 40, flags=anonymous, prot=mmap.PROT_READ)
try:
    print("counting", flush=True)
    while True:
        doubles_ffi.count_doubles(data)
except KeyboardInterrupt:
    print("interrupted")
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True, **OWN_CONSOLE
    )
    with process:
        assert process.stdout.readline() == "counting\n"
        time.sleep(0.1)
        press_ctrl_c(process)
        try:
            output, _ = process.communicate(timeout=30)  # A terabyte takes longer.
        finally:
            process.kill()
    assert output == "interrupted\n"


def test_long_subclasses_of_str_live_as_long_as_their_pointer():
    script = """
import doubles_ffi as d

class Text(str):
    pass

text = Text("aab" * 10_000_000)
for count in (d.count_doubles, d.count_doubles_zip, d.count_doubles_once,
              d.count_doubles_once_bytes, d.count_doubles_slice, d.count_doubles_slice_parallel):
    assert count(text) == 10_000_000, count
assert d.tally_doubles(text) == {"a": 10_000_000}
"""
    check_run(script)


def test_the_fields_of_all_structs_can_be_realized_early():
    header = (ROOT / "rustlib/include/doubles.h").read_text("utf-8")
    assert loading._realize_structs().keys() == {*re.findall(r"struct (\w+) \{", header)}


@pytest.mark.skipif(
    not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="needs a free-threaded CPython"
)
def test_threads_without_a_gil_may_use_the_library_first_at_once():
    header = (ROOT / "rustlib/include/doubles.h").read_text("utf-8")
    structs = re.findall(r"struct (\w+) \{", header)[::-1]
    script = f"""
import gc, sys, threading
from doubles_ffi._library.loading import ffi

assert not sys._is_gil_enabled()
structs = {structs}  # The finder comes before the run that it holds.
begin, done = [], []

def use():
    while not begin:
        pass
    for struct in structs:
        ffi.new(struct + " *")
    done.append(True)

threads = [threading.Thread(target=use) for _ in range(4)]
for thread in threads:
    thread.start()
begin.append(True)
while len(done) < len(threads):
    gc.collect(0)  # It halts the others, wherever they are.
"""
    for _ in range(100):  # 7 of 60 died before the structs were realized at import.
        check_run(script, PYTHON_GIL="0")


def test_unforeseen_statuses_are_bugs():
    with pytest.raises(RuntimeError, match="unknown status"):
        _library.check(-1000)
