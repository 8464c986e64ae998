"""What was measured: pytest-benchmark's JSON of several passes, trimmed to what the report reads.

{"machine": {what: text}, "memory": {script: MiB},
 "groups": {group: {case: {"bytes": of an item, "seconds": {contestant: of a call}}}},
 "goals": {CPU: {"processor", "kernel", "date", "commit", "command": text,
                 "measured": {work: [number, case]}}},
 "threads": {"machine": {what: text}, "seconds": {case: of a call of one thread and of two, with a
                                                  GIL and then without it}}}

All but the goals and the threads is of the last run with the processor's fastest kernel. The goals
have an entry for each CPU that was ever measured, and for each slower kernel that `DOUBLES_KERNEL`
forced on it. `two_threads.py` measures the threads.
"""

import datetime
import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from benchmarks.load_peers import CRATE

from doubles_ffi._library import ffi, lib

FILE = Path(__file__).parents[2] / "docs" / "benchmarks.json"

PACKAGES = ("numpy", "pandas", "polars", "duckdb", "pyarrow")

# The kernel that this run was told to take instead of the fastest.
FORCED = os.environ.get("DOUBLES_KERNEL", "")

# What people call a processor, by its vendor's family and model.
CPUS = {("25", "1"): "Zen 3", ("25", "17"): "Zen 4", ("26", "2"): "Zen 5"}


def read():
    return json.loads(FILE.read_text("utf-8"))


def write(passes, measure_goals):
    """Replace the last run, unless a kernel is forced, and the goals' entry for this CPU."""
    data, last = collect(passes), read()
    kept = ("processor", "kernel", "date", "commit", "command")
    entry = {key: data["machine"][key] for key in kept} | {"measured": measure_goals(data)}
    goals = last["goals"] | {f"{cpu()}, {entry['kernel']}": entry}
    save(last | ({} if FORCED else data) | {"goals": goals})


def save(data):
    FILE.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", "utf-8")


def collect(passes):
    """Return the results of several passes: the shortest time of each contestant."""
    groups, memory = {}, {}
    for path in passes:
        for entry in json.loads(Path(path).read_text("utf-8"))["benchmarks"]:
            info = entry["extra_info"]
            if "memory" in info:
                script, peak = info["memory"], info["mebibytes"]
                memory[script] = max(memory.get(script, 0), round(peak, 1))
                continue
            if (
                "group" not in info
            ):  # The ladder is raced for the terminal; its rungs are in groups, too.
                continue
            case = groups.setdefault(info["group"], {}).setdefault(
                info["case"], {"bytes": round(info["bytes"]), "seconds": {}}
            )
            seconds = float(f"{entry['stats']['min'] / info['calls']:.4g}")
            name = info["contestant"]
            case["seconds"][name] = min(seconds, case["seconds"].get(name, seconds))
    return {"machine": machine(len(passes)), "memory": memory, "groups": groups}


def machine(passes):
    """Return what ran this."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    peers = (CRATE / "Cargo.lock").read_text("utf-8")
    pyo3 = re.search(r'name = "pyo3"\nversion = "(.*)"', peers)[1]
    today = datetime.datetime.now(datetime.timezone.utc)
    return {
        "processor": f"{processor()}, {cores} cores",
        "kernel": ffi.string(lib.doubles_kernel()).decode(),
        "system": f"{platform.system()}, {platform.machine()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": ", ".join(filter(None, map(version, PACKAGES))),
        "Rust": f"{output('rustc', '--version')}, PyO3 {pyo3}",
        "date": f"{today:%Y-%m-%d}",
        "commit": commit(),
        "command": f"`{f'DOUBLES_KERNEL={FORCED} ' * bool(FORCED)}make bench PASSES={passes}`",
    }


def lscpu():
    return dict(re.findall(r"^(.*?):\s+(.*)$", output("lscpu"), re.MULTILINE))


def cpu():
    """Return the name of the processor's microarchitecture, or of the processor."""
    found = lscpu()
    return CPUS.get((found.get("CPU family", ""), found.get("Model", "")), processor())


def processor():
    """Return the processor's name, with its family and model where lscpu knows them."""
    found = lscpu()
    details = [f"{key.lower()} {found[key]}" for key in ("CPU family", "Model") if key in found]
    return ", ".join([found.get("Model name", platform.processor()), *details])


def commit():
    """Return the commit whose code runs, with a plus if the checkout has changes."""
    return output("git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=+")


def version(package):
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return None


def output(*command):
    """Return what a command says, or nothing if there is no such command."""
    if shutil.which(command[0]) is None:
        return ""
    environment = os.environ | {"LC_ALL": "C"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return done.stdout.strip()
