"""Whatever the system refuses, a count gives an answer or an exception, never a signal.

cd tests && python -m trust.resources KIND SEED
"""

import contextlib
import ctypes
import json
import os
import platform
import random
import resource
import struct
import sys
import tempfile
from collections import Counter
from pathlib import Path

from trust.children import ask, rounds
from trust.model import WITHOUT_KERNELS, Figure

GOAL = "each limit 200 times, 0 signals"
HOURS = 0.2
COVERS = WITHOUT_KERNELS
EACH = 200

CGROUPS = Path("/sys/fs/cgroup")


def run(seconds, earlier):
    tries, answers = Counter(earlier.get("tries")), Counter(earlier.get("answers"))
    kinds = [kind for kind, limit in LIMITS.items() if is_possible(limit)]
    for kind, _, seed in rounds(kinds, seconds):
        try:
            answers.update(ask("trust.resources", kind, seed, seconds=0))
        finally:
            remove_cgroups()
        tries[kind] += 1
        if min(tries[kind] for kind in kinds) >= EACH:
            break
    parts = ", ".join(f"{kind} {number}" for kind, number in tries.items())
    text = f"{tries.total():,} processes, 0 signals"
    details = f"{parts}: {answers['answered']:,} right answers, {answers['refused']:,} exceptions"
    if len(kinds) < len(LIMITS):
        details += f"; not possible there: {', '.join(LIMITS.keys() - {*kinds})}"
    is_whole = len(kinds) == len(LIMITS) and min(tries.values()) >= EACH
    state = {"tries": tries, "answers": answers}
    return Figure(text, passed=True, reached=is_whole, details=details, state=state)


def address_space():
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + random.randrange(400 << 20)
    set_limit(resource.RLIMIT_AS, most)


def data_segment():
    used = int(Path("/proc/self/status").read_text().split("VmData:")[1].split()[0]) * 1024
    set_limit(resource.RLIMIT_DATA, used + random.randrange(100 << 20))


def processes():
    load()  # Another user may not be allowed to read it.
    os.setresuid(65534, 65534, 0)  # The limit does not hold for root.
    set_limit(resource.RLIMIT_NPROC, random.randrange(20))


def descriptors():
    set_limit(resource.RLIMIT_NOFILE, random.randrange(3, 12))


def file_size():
    set_limit(resource.RLIMIT_FSIZE, random.randrange(1000))


def set_limit(limit, most):
    resource.setrlimit(limit, (most, resource.getrlimit(limit)[1]))


def processor_time():
    """Allow a part of one core."""
    enter_cgroup("cpu", {"cpu.cfs_quota_us": random.randrange(20_000, 200_000)})


def memory():
    """Allow less memory than there is in the file that is counted."""
    enter_cgroup("memory", {"memory.limit_in_bytes": random.randrange(96 << 20, 200 << 20)})


def enter_cgroup(controller, settings):
    group = CGROUPS / controller / f"doubles-{os.getpid()}"
    group.mkdir()
    for name, value in settings.items():
        (group / name).write_text(str(value))
    (group / "cgroup.procs").write_text(str(os.getpid()))


def remove_cgroups():
    for controller in ("cpu", "memory"):
        for group in CGROUPS.glob(f"{controller}/doubles-*"):
            with contextlib.suppress(OSError):  # Another run is in it.
                group.rmdir()


def no_proc():
    """Hide /proc and /sys, in a mount namespace of its own."""
    libc = ctypes.CDLL(None, use_errno=True)
    new_mounts, recursive_private = 0x20000, 0x4000 | 0x40000
    assert libc.unshare(new_mounts) == 0, os.strerror(ctypes.get_errno())
    assert libc.mount(b"none", b"/", None, recursive_private, None) == 0
    for folder in (b"/proc", b"/sys"):
        assert libc.mount(b"none", folder, b"tmpfs", 0, None) == 0


def no_getrandom():
    """Let the system call fail as on a kernel that lacks it, and half the time /dev/urandom too."""
    number = {"x86_64": 318, "aarch64": 278}[platform.machine()]
    # Load the number of the call; if it is this one, fail with ENOSYS; else allow it.
    load, equal, answer = 0x20, 0x15, 0x06
    steps = [(load, 0, 0, 0), (equal, 0, 1, number), (answer, 0, 0, 0x50026)]
    steps.append((answer, 0, 0, 0x7FFF0000))
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, seccomp, by_filter = 38, 22, 2
    assert libc.prctl(no_new_privileges, 1, 0, 0, 0) == 0
    assert libc.prctl(seccomp, by_filter, program, 0, 0) == 0, os.strerror(ctypes.get_errno())
    with contextlib.suppress(OSError):
        os.getrandom(1)
        raise AssertionError("the filter does not hold")
    if random.random() < 0.5:
        set_limit(resource.RLIMIT_NOFILE, 3)


LIMITS = {
    "address space": address_space,
    "data segment": data_segment,
    "processes": processes,
    "descriptors": descriptors,
    "file size": file_size,
    "processor time": processor_time,
    "memory": memory,
    "no /proc or /sys": no_proc,
    "no getrandom": no_getrandom,
}


def is_possible(limit):
    """Return whether this process may set a limit: some need root, or cgroups of version 1."""
    if limit in {processor_time, memory}:
        name = {processor_time: "cpu/cpu.cfs_quota_us", memory: "memory/memory.limit_in_bytes"}[
            limit
        ]
        folder = CGROUPS / Path(name).parent
        return (folder / "cgroup.procs").exists() and os.access(folder, os.W_OK)
    return limit not in {processes, no_proc} or os.geteuid() == 0


def work(folder):
    """Do all sorts of things, and return how many were answered and how many refused."""
    import doubles_ffi as d
    from doubles_ffi.cli import main as command

    data = bytes(6 << 20)
    sparse, output = folder / "sparse", folder / "output"
    text, rows = "жж€" * 10_000, ["hello", None] * 10_000

    def write():
        with output.open("w") as stream, contextlib.redirect_stdout(stream):
            return command(["random", "--alphabet", "z", "100K"])

    tries = [
        (lambda: d.count_doubles(data), len(data) - 1),
        (lambda: d.count_doubles_slice_parallel(data), len(data) - 1),
        (lambda: d.count_doubles(text.encode() * 30, encoding="utf-8"), 300_000),
        (lambda: d.tally_doubles(text), {"ж": 10_000}),
        (lambda: d.count_each(rows).null_count, 10_000),
        (lambda: d.squeeze_doubles(data), b"\0"),
        (lambda: d.longest_run(data), (0, len(data), 0)),
        (lambda: len(d.find_runs(text)), 10_000),
        (lambda: (d.DoubleCounter(data) + d.DoubleCounter(data)).count, 2 * len(data) - 1),
        (lambda: len(d.random_string(5 << 20)), 5 << 20),
        (lambda: d.count_file(sparse), (80 << 20) - 1),
        (lambda: d.count_file(sparse, encoding="utf-16"), (40 << 20) - 1),
        (write, 0),
    ]
    answered = 0
    for function, expected in tries:
        with refusals():
            found = function()
            assert found == expected or (function is write and found == 2), (found, expected)
            answered += 1
    return {"answered": answered, "refused": len(tries) - answered}


@contextlib.contextmanager
def refusals():
    try:
        yield
    except (MemoryError, OSError, ImportError):
        pass
    except (LookupError, AttributeError):  # Of codecs and hashlib, where they could not be loaded.
        pass
    except RuntimeError as error:
        if str(error) != "can't start new thread":
            raise


def load():
    import encodings.latin_1
    import encodings.utf_16

    import doubles_ffi.cli.random

    return encodings, doubles_ffi


def main(kind, seed):
    random.seed(int(seed))
    os.environ["DOUBLES_NUM_THREADS"] = str(random.randrange(2, 65))
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        Path(folder).chmod(0o777)
        sparse = Path(folder, "sparse")
        sparse.touch()
        os.truncate(sparse, 80 << 20)
        if random.random() < 0.5:
            load()  # Else that happens under the limit.
        users = os.getresuid()
        before = {limit: resource.getrlimit(limit) for limit in RESOURCES}
        LIMITS[kind]()
        answers = {"answered": 0, "refused": 1}
        try:
            with refusals():
                answers = work(Path(folder))
        finally:
            os.setresuid(*users)
            for limit, soft_and_hard in before.items():
                resource.setrlimit(limit, soft_and_hard)
        print(json.dumps(answers), flush=True)


RESOURCES = [
    resource.RLIMIT_AS,
    resource.RLIMIT_DATA,
    resource.RLIMIT_NPROC,
    resource.RLIMIT_NOFILE,
    resource.RLIMIT_FSIZE,
]

if __name__ == "__main__":
    main(*sys.argv[1:])
