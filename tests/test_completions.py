"""Completions, by the shells that they are for."""

import re
import shutil
import subprocess

import pytest
from systems import need_posix

from doubles_ffi.cli import main
from doubles_ffi.cli.completions import script
from doubles_ffi.cli.parser import parsers

BASH = """
source /dev/stdin <<< "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_doubles
printf '%s\\n' "${COMPREPLY[@]}"
"""

FISH = """
echo $argv[1] | source
complete -C (string join ' ' -- $argv[2..-1])
"""

# A second zsh in a terminal of its own; it lists what it would complete.
ZSH = r"""
zmodload zsh/zpty
zpty -b z zsh -f -i
zpty -w z "stty columns 300; PROMPT=; autoload -Uz compinit; compinit -D; source $1"
zpty -w z "zstyle ':completion:*' list-colors ''; zle_bracketed_paste=(); LISTMAX=1000"
zpty -w z "bindkey '^I' list-choices; bindkey '^X' kill-whole-line; print READY"
zpty -r -m z ready '*READY*READY*'
shift
zpty -w -n z "$*"$'\t'
zpty -w -n z $'\x18'
zpty -w z 'print D''ONE'
zpty -r -m z listed '*DONE*'
print -r -- "$listed"
zpty -d z
"""


CODE = {"bash": BASH, "fish": FISH, "zsh": ZSH}


def run(shell, tmp_path, *words):
    need_posix("its shells are not these")
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    text = script(shell)
    if shell == "zsh":
        (tmp_path / "doubles.zsh").write_text(text)
        text = tmp_path / "doubles.zsh"
    code = CODE[shell]
    start = {"bash": ["-c", code, "bash"], "fish": ["-c", code], "zsh": ["-f", "-c", code, "zsh"]}
    end = subprocess.run(
        [shell, *start[shell], text, *words],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
    )
    assert end.stderr == ""
    if shell == "fish":  # After a tab it describes what the word does.
        return [line.split("\t")[0] for line in end.stdout.splitlines()]
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", " ", end.stdout).split()


CASES = (
    (["doubles", ""], {"count", "random", "completions"}, {"bash", "--tally"}),
    (["doubles", "c"], {"count", "completions"}, {"random"}),
    (["doubles", "count", "--pr"], {"--progress"}, {"--plot"}),
    (["doubles", "count", "--progress", ""], {"auto", "always", "never"}, {"file.txt"}),
    (["doubles", "completions", ""], {"bash", "zsh", "fish"}, {"file.txt"}),
)


@pytest.mark.parametrize(("words", "expected", "unexpected"), CASES)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_words(shell, words, expected, unexpected, tmp_path):
    (tmp_path / "file.txt").touch()
    found = set(run(shell, tmp_path, *words))
    assert found >= expected
    assert not found & unexpected


# bash gives = as a word of its own, and wants what comes after it.
@pytest.mark.parametrize("typed", [["="], ["=", "a"]])
def test_bash_completes_values_after_an_equals_sign(typed, tmp_path):
    found = run("bash", tmp_path, "doubles", "count", "--progress", *typed)
    assert found == (["auto", "always"] if "a" in typed else ["auto", "always", "never"])
    assert run("bash", tmp_path, "doubles", "count", "--files-from", *typed) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_option_is_known(shell, tmp_path):
    for name, parser in parsers()[1].items():
        found = run(shell, tmp_path, "doubles", name, "--")
        flags = {flag for action in parser._actions for flag in action.option_strings}
        assert set(found) >= {flag for flag in flags if flag.startswith("--")}


@pytest.mark.parametrize("shell", ["zsh", "fish"])  # bash leaves files to its own completion
@pytest.mark.parametrize("words", [["count"], ["count", "--files-from"], ["count", "--tally"]])
def test_files(shell, words, tmp_path):
    (tmp_path / "file.txt").touch()
    assert "file.txt" in run(shell, tmp_path, "doubles", *words, "fi")


def test_the_command_writes_them(capsys):
    for shell in ("bash", "zsh", "fish"):
        assert main(["completions", shell]) == 0
        assert capsys.readouterr().out == script(shell)
