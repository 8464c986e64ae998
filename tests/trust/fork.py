"""A forked child counts, whenever its parent forked.

cd tests && python -m trust.fork KIND SECONDS SEED
"""

import faulthandler
import http.client
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from pathlib import Path

from trust.children import add_up, repeat
from trust.model import SYSTEM

import doubles_ffi

GOAL = "100,000 forks, 0 hangs"
HOURS = 0.4
COVERS = (*SYSTEM, "doubles_ffi/*.c", "doubles_ffi/_library")
FORKS = 100_000

# Seconds after which a child that counts a few megabytes hangs.
PATIENCE = 60

# Each is so long that threads take part in its count.
DATA = bytes(5 << 20)
TEXT = "жж€" * (1 << 20)
UTF8 = ("жж€" * (1 << 19)).encode()

# One thread makes no pool. Many take long to start, which leaves more time to fork while they do.
THREADS = (2, 3, 4, 32)

# Enough for threads on the rung of the ladder that is named after them.
SHORT = 100_000


def run(seconds, earlier):
    def is_enough(forks, _):
        return forks.total() >= FORKS

    return add_up("fork", KINDS, seconds, earlier, what="forks, 0 hangs", is_enough=is_enough)


def count():
    """Do something that threads take part in: most often the cheapest, for the sake of numbers."""
    chosen = random.randrange(10)
    if chosen == 0:
        assert doubles_ffi.count_doubles(DATA) == len(DATA) - 1
    elif chosen == 1:
        assert doubles_ffi.count_doubles(UTF8, encoding="utf-8") == 1 << 19
    elif chosen == 2:
        assert doubles_ffi.count_doubles(TEXT) == 1 << 20
    elif chosen > 3:
        assert doubles_ffi.count_doubles_slice_parallel(DATA[:SHORT]) == SHORT - 1
    else:
        assert set(doubles_ffi.random_string(4 << 20, alphabet="ab")) == {"a", "b"}


def fork(action):
    """Run something in a forked child, and return its pid."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        signal.alarm(PATIENCE)
        random.seed(os.getpid())
        action()
        status = 0
    finally:
        os._exit(status)


def check(child):
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == -signal.SIGALRM:
        raise TimeoutError(f"a forked child took more than {PATIENCE} s")
    if status:
        raise ChildProcessError(f"a forked child ended with {status}")


def warm():
    """Fork a process whose pool is warm."""
    count()
    check(fork(count))
    return 1


def first_use():
    """Fork while another thread is in its process's first count."""

    def trial():
        threading.Thread(target=count, daemon=True).start()
        time.sleep(random.uniform(0, 3e-3))
        for child in [fork(count) for _ in range(8)]:
            check(child)

    check(fork(trial))
    return 9


def middle():
    """Fork while other threads count."""
    stop = threading.Event()

    def counting():
        while not stop.is_set():
            count()

    threads = [threading.Thread(target=counting) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            time.sleep(random.uniform(0, 1e-3))
            check(fork(count))
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    return 10


def grandchildren():
    """Fork children of children, each of which counts before and after."""

    def descend(depth):
        count()
        if depth:
            check(fork(lambda: descend(depth - 1)))
            count()

    descend(4)
    return 4


def answer(_):
    count()
    return os.getpid()


def pools(method):
    """Count in both kinds of Python's process pools, and in a process of its own."""

    def trial():
        count()
        context = multiprocessing.get_context(method)
        with context.Pool(4, maxtasksperchild=1) as pool:
            pids = pool.map_async(answer, range(8), chunksize=1).get(PATIENCE * 4)
        with ProcessPoolExecutor(4, context) as executor:
            pids += executor.map(answer, range(8), timeout=PATIENCE * 4)
        process = context.Process(target=count)
        process.start()
        process.join(PATIENCE * 4)
        if process.exitcode != 0:
            raise ChildProcessError(f"a process of {method} ended with {process.exitcode}")
        return len(set(pids)) + 1

    return trial


def application():
    """Return what gunicorn loads before it forks its workers, after a count, and counts there."""
    count()

    def answer(_, start_response):
        count()
        body = str(os.getpid()).encode()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    return answer


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=4 * PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def gunicorn():
    """Count in workers that gunicorn forks after it has loaded and warmed the library itself."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "socket"))
        command = [sys.executable, "-m", "gunicorn", "--preload", "--workers=2", "--max-requests=1"]
        # Its own patience must be longer, or it would replace a worker that hangs.
        command += [f"--timeout={20 * PATIENCE}", f"--bind=unix:{path}", "--log-level=critical"]
        command.append("trust.fork:application()")
        with subprocess.Popen(command) as server:
            try:
                return len({pid_of_worker(path) for _ in range(20)})
            finally:
                server.terminate()


def pid_of_worker(path):
    end = time.monotonic() + 4 * PATIENCE
    while True:
        with closing(Connection(path)) as connection:
            try:
                connection.request("GET", "/")
                return connection.getresponse().read()
            except (ConnectionError, FileNotFoundError):  # The server starts, or a worker ends.
                if time.monotonic() > end:
                    raise
        time.sleep(0.01)


QUICK = {
    "warm": warm,
    "first use": first_use,
    "mid-count": middle,
    "grandchildren": grandchildren,
}
# One trial of the others takes a second and more.
KINDS = {
    **QUICK,
    "multiprocessing fork": pools("fork"),
    "forkserver": pools("forkserver"),
    "spawn": pools("spawn"),
    "gunicorn --preload": gunicorn,
}


def main(kind, seconds, seed):
    os.environ["DOUBLES_NUM_THREADS"] = str(THREADS[int(seed) % len(THREADS)])

    def attempt():
        faulthandler.dump_traceback_later(4.5 * PATIENCE, exit=True)  # Of all threads.
        return KINDS[kind]()

    repeat(attempt, seconds if kind in QUICK else 0, seed)
    faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    main(*sys.argv[1:])
