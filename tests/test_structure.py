"""The rooms of the house: what may import what, and where unsafe code and the library are kept."""

import ast
import graphlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "doubles_ffi"
CRATE = ROOT / "rustlib/src"


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported(module):
    """Return the project's modules that a module imports, anywhere in its text."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                found.add(name if name in MODULES or alias.name == "_native" else node.module)
    # That imports the packages around it too, if they are not around this module as well.
    around = {name.rsplit(".", i)[0] for name in found for i in range(1, name.count("."))}
    found |= {name for name in around if not f"{module}.".startswith(f"{name}.")}
    return found & set(MODULES)


def room_of(module):
    return ".".join(module.split(".")[1:2])


def test_no_module_imports_one_that_imports_it():
    order = graphlib.TopologicalSorter({module: imported(module) for module in MODULES})
    assert len([*order.static_order()]) == len(MODULES)


# Which other rooms a room may import. What is not listed may import all but the command.
MAY_IMPORT = {
    "_decoding": set(),
    "_threads": set(),
    "_windows": set(),
    "_library": {"_decoding"},
    "_input": {"_decoding", "_library"},
    "baselines": set(),
    "cli": {room_of(module) for module in MODULES},
    "__main__": {"cli"},
}
ALL_BUT_THE_COMMAND = {room_of(module) for module in MODULES} - {"cli", "__main__"}


@pytest.mark.parametrize("module", MODULES)
def test_a_room_imports_only_those_below_it(module):
    room = room_of(module)
    others = {room_of(other) for other in imported(module)} - {room}
    assert others <= MAY_IMPORT.get(room, ALL_BUT_THE_COMMAND)


@pytest.mark.parametrize("module", [name for name in MODULES if room_of(name) != "_library"])
def test_one_package_alone_touches_the_compiled_module(module):
    for node in ast.walk(ast.parse(MODULES[module].read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.module != "doubles_ffi._native"
            names = {alias.name for alias in node.names}
            assert not names & {"_native", "ffi", "lib"}
        elif isinstance(node, ast.Attribute):
            assert node.attr not in {"_native", "ffi", "lib"}
        elif isinstance(node, ast.Import):
            assert "doubles_ffi._native" not in {alias.name for alias in node.names}


WINDOWS_LACKS = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}


def run_at_import(node):
    """Yield what a module runs when it is imported: all but the bodies of functions."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield child
            yield from run_at_import(child)


@pytest.mark.parametrize(
    "path",
    [*MODULES.values(), *sorted(Path(__file__).parent.glob("*.py"))],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_no_import_needs_what_windows_lacks(path):
    for node in run_at_import(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            assert not {alias.name for alias in node.names} & WINDOWS_LACKS
        elif isinstance(node, ast.ImportFrom):
            assert node.module not in WINDOWS_LACKS


def test_memory_is_freed_in_c_alone():
    """A KeyboardInterrupt in a callback is dropped, and only Python code raises one."""
    code = [
        path.read_text("utf-8") for name, path in MODULES.items() if room_of(name) == "_library"
    ]
    calls = [
        node for text in code for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)
    ]
    found = [ast.unparse(call.args[1]) for call in calls if ast.unparse(call.func) == "ffi.gc"]
    assert len(found) >= 4
    assert all(re.match(r"lib\.\w+|partial\(operator\.", free) for free in found), found


@pytest.mark.parametrize("path", sorted(Path(__file__).parent.glob("*.py")), ids=lambda p: p.name)
def test_no_test_forks_or_expects_signals_in_the_process_that_is_measured(path):
    """Coverage's lock can be taken then: that test would hang, one time in many."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute):
            assert node.attr not in {"fork", "setitimer", "alarm", "raise_signal"}


SOURCES = {str(path.relative_to(CRATE)): path for path in sorted(CRATE.rglob("*.rs"))}
UNSAFE = re.compile(r"(arrow|ffi|kernel|os|pool)(\.rs|/.*)|lib\.rs")


def rust_code(name):
    """Return the text of a file without comments, and without the tests at its end."""
    code = re.sub(r"//.*", "", SOURCES[name].read_text("utf-8"))
    return re.split(r"#\[cfg\(.*\btest\b.*\)\]\s+mod \w+ \{", code)[0]


@pytest.mark.parametrize("name", [name for name in SOURCES if not UNSAFE.fullmatch(name)])
def test_unsafe_code_is_fenced(name):
    parent = name.split("/")[0].removesuffix(".rs") + ".rs"  # What a module forbids holds below it.
    assert "#![forbid(unsafe_code)]" in rust_code(parent)


PAGES = [path for name, path in SOURCES.items() if not name.startswith("kernel/")]
PAGES += [*MODULES.values(), *PACKAGE.glob("*.c")]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_fits_on_a_few_pages(path):
    assert len(path.read_text("utf-8").splitlines()) <= 400


def test_the_root_of_the_crate_has_no_code():
    assert not re.search(r"\b(unsafe|fn|struct|enum|impl)\b", rust_code("lib.rs"))


@pytest.mark.parametrize("name", [name for name in SOURCES if name.startswith("ffi")])
def test_an_export_has_at_most_eight_lines(name):
    code = SOURCES[name].read_text("utf-8")
    exports = re.findall(
        r'^pub (?:unsafe )?extern "C" fn (\w+).*?\{\n(.*?)^\}', code, re.MULTILINE | re.DOTALL
    )
    long = {export: lines for export, body in exports if (lines := body.count("\n")) > 8}
    assert not long


def test_each_function_of_the_header_can_be_read_alone():
    header = (CRATE.parent / "include/doubles.h").read_text("utf-8")
    assert not re.search(r"// The same\b|\bas above\b|\bmeanwhile\b", header)


def test_the_guard_can_be_copied_to_another_library():
    assert not re.search(r"\b(crate|super)::", rust_code("ffi/guard.rs"))


def test_a_room_of_the_crate_uses_only_those_that_lib_rs_lists_after_it():
    order = re.findall(r"^//! - \[?`(\w+)`", SOURCES["lib.rs"].read_text("utf-8"), re.MULTILINE)
    assert sorted(order) == sorted(re.findall(r"\bmod (\w+);", rust_code("lib.rs")))
    for name in SOURCES:
        room = name.removesuffix(".rs").split("/")[0]
        if room == "lib" or name.endswith("tests.rs"):
            continue
        for one, several in re.findall(r"\bcrate::(?:(\w+)|\{(.*?)\})", rust_code(name), re.DOTALL):
            for used in re.findall(r"(?<!:)\b[a-z]\w*", one or several):
                if used in order:
                    assert order.index(room) <= order.index(used), (name, used)


def test_the_picture_shows_every_room():
    picture = (ROOT / "docs/architecture.svg").read_text("utf-8")
    lines = re.findall(r'<text class="name".*?>(.*?)<', picture)
    shown = {name.rstrip("/") for line in lines for name in re.split(", *", line.rstrip(","))}
    python = {path.stem for path in PACKAGE.iterdir() if path.suffix in {"", ".py"}}
    rust = {path.stem for path in CRATE.glob("*.rs")}
    # Two that start the others, helpers (of threads, on Windows, of tests), the ladder's rivals.
    left_out = {"__init__", "__main__", "__pycache__", "_threads", "_windows", "baselines"}
    left_out |= {"lib", "oracle"}
    assert shown == (python | rust | {"_native"}) - left_out - {"py.typed"}


# Words that hide what is meant, and what to write instead: a noun, "is", "null", "continues".
BANNED = re.compile(
    r"\bto be had\b|\bso many\b|\bas many as there are\b|\bwhat comes of\b|\bhas to be known\b"
    r"|\bis (not )?there\b|\bcomes to\b|\b(lies|lie|stands?)\b(?! for)|\bgoes on\b|\b[Mm]eanwhile\b"
    r'|(///? |# |""")The same\b|\bTell whether\b|\bhad best\b|\bbut for\b|\bas ever\b'
)
# Without docs/benchmarks.md and docs/reliability.md, which are generated.
WRITTEN = [
    *MODULES.values(),
    *SOURCES.values(),
    *PACKAGE.glob("*.c"),
    *ROOT.glob("*.md"),
    *ROOT.glob("*.py"),
    *(path for path in ROOT.glob("docs/**/*.md") if path.stem not in {"benchmarks", "reliability"}),
    *ROOT.glob("examples/*.py"),
    *ROOT.glob("examples/c/*"),
    *(path for path in ROOT.glob("tests/**/*.py") if path != Path(__file__)),
    *ROOT.glob("tests/benchmarks/peers/src/*.rs"),
    *ROOT.glob("rustlib/tests/**/*.*"),
    *ROOT.glob("rustlib/fuzz/src/**/*.rs"),
    ROOT / "Makefile",
]


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(ROOT)))
def test_words_are_plain(path):
    lines = enumerate(path.read_text("utf-8").splitlines(), 1)
    assert not [f"{number}: {line.strip()}" for number, line in lines if BANNED.search(line)]
