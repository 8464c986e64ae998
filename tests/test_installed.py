"""The command as an installer has put it beside Python: doubles, or doubles.exe."""

import shutil
import subprocess
import sysconfig

import pytest
from commands import ENVIRONMENT
from systems import INTERRUPTED, OWN_CONSOLE, press_ctrl_c

COMMAND = shutil.which("doubles", path=sysconfig.get_path("scripts"))

pytestmark = pytest.mark.skipif(COMMAND is None, reason="the command is not installed")


def run(*arguments, given=b""):
    command = [COMMAND, *arguments]
    end = subprocess.run(
        command, input=given, capture_output=True, check=False, timeout=60, env=ENVIRONMENT
    )
    return end.returncode, end.stdout, end.stderr


@pytest.mark.parametrize(
    ("line", "given", "output"),
    [
        ("count", "жжук", "1\t-\n"),
        ("find", "aab\nжж", "-:1:1: a\n-:2:1: ж\n"),
        ("squeeze", "goood жук\n", "god жук\n"),
        ("random 5 --alphabet z", "", "zzzzz"),
    ],
)
def test_it_reads_a_pipe_and_writes_one(line, given, output):
    assert run(*line.split(), given=given.encode()) == (0, output.encode(), b"")


def test_ctrl_c_ends_it_in_silence():
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [COMMAND, "find"], stdin=pipe, stdout=pipe, stderr=pipe, env=ENVIRONMENT, **OWN_CONSOLE
    ) as process:
        process.stdin.write(b"aab")
        process.stdin.flush()
        assert process.stdout.readline().split() == [b"-:1:1:", b"a"]
        press_ctrl_c(process)
        process.stdout.read()
        assert process.stderr.read() == b""
        process.stdin.close()
        assert process.wait(60) == INTERRUPTED
