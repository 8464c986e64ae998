"""Python in a process of its own, under a watchdog."""

import os
import signal
import subprocess
import sys
import sysconfig

import pytest


def run(script, *arguments, home=None, timeout=500, **environment):
    """Run a script, with the package in a folder if one is given; return status and outputs."""
    options = []
    if home is not None:
        # -S and the path by hand: an editable install would find the checkout's modules first.
        path = os.pathsep.join([str(home), sysconfig.get_path("platlib")])
        options, environment = ["-S"], {"PYTHONPATH": path, **environment}
    process = subprocess.Popen(
        [sys.executable, *options, "-c", script, *map(str, arguments)],
        cwd=home,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # Its forked children too.
        process.communicate()
        pytest.fail(f"still running after {timeout} s")
    return process.returncode, output, errors


def check_run(script, *arguments, **options):
    """Run a script that must succeed; return its output."""
    status, output, errors = run(script, *arguments, **options)
    assert status == 0, errors
    return output
