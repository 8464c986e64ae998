"""The blocks of code in the documents, and a script that follows a document word for word."""

import re
import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]

# The line before a block may name its file.
BLOCK = re.compile(r"(?m)(?:^`(\S+)`(, continued)?:\n\n)?^```(.*)\n((?:(?!```).*\n)*)^```$")


class Block(NamedTuple):
    """One block; `name` is the file that it is, or continues, if any."""

    heading: str
    is_next: bool  # Nothing is between it and the block before.
    name: str
    continued: str
    language: str
    text: str


def blocks(page):
    text, end, found = page.read_text("utf-8"), 0, []
    for match in BLOCK.finditer(text):
        heading = re.findall(r"(?m)^#+ (.*)", BLOCK.sub("", text[: match.start()]))[-1:]
        between = text[end : match.start()].strip()
        found.append(Block("".join(heading), not between, *match.groups()))
        end = match.end()
    return found


def run(command, folder, environment, status=0):
    options = {"cwd": folder, "env": environment, "capture_output": True, "text": True}
    done = subprocess.run(command, check=False, **options)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def follow(page, folder, outputs, environment, skip=lambda _: False):
    """Write the files of a page and run its blocks of sh, in order, as one script.

    The text after a block of sh is what it ends with printing. Return how many there were.
    """
    script, expected = [], {}
    for number, block in enumerate(blocks(page)):
        if block.name:
            if block.continued:
                script.append(f"echo >> {block.name}")
            operator = ">>" if block.continued else ">"
            script.append(f"cat {operator} {block.name} <<'END OF BLOCK'\n{block.text}END OF BLOCK")
        elif block.language == "sh" and not skip(block):
            script.append(f"{{\n{block.text}}} > {shlex.quote(str(outputs / str(number)))}")
            expected[number] = ""
        elif block.language == "text" and block.is_next and number - 1 in expected:
            expected[number - 1] = block.text
    run(["bash", "-euo", "pipefail", "-c", "\n".join(script)], folder, environment)
    for number, text in expected.items():
        lines = text.splitlines()
        printed = (outputs / str(number)).read_text("utf-8").splitlines()
        assert printed[len(printed) - len(lines) :] == lines
    return sum(map(bool, expected.values()))
