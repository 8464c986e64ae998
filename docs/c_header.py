"""A directive for Sphinx that shows declarations of the C header, each with the comment above it.

    ```{c-header} doubles_count
    ```

shows those whose names begin with one of the words, in the header's order, except what a directive
above it on the page has shown; without words, all that are left. So a new export needs no change.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

HEADER = Path(__file__).parents[1] / "rustlib/include/doubles.h"

# A comment and what it is about: up to an empty line; within a struct or an enum, one line.
ITEM = re.compile(r"^((?://.*\n)+)((?:(?!//).+\n)(?:.+\n)*)", re.MULTILINE)
NAME = re.compile(r"(?:#define|typedef \w+) (\w+)|(\w+)\(")
MEMBER = re.compile(r"^((?:  //.*\n)+)  (.*)[;,]$", re.MULTILINE)

KINDS = {"struct": "member", "enum": "enumerator"}


class CHeader(SphinxDirective):
    """The directive."""

    optional_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        """Return what the page shows."""
        self.env.note_dependency(str(HEADER))
        beginnings = tuple(" ".join(self.arguments).split()) or ""
        shown = self.env.temp_data.setdefault("c-header", set())
        text = []
        for comment, declaration in ITEM.findall(HEADER.read_text("utf-8")):
            found = NAME.search(declaration)
            name = found[found.lastindex]
            if name not in shown and name.startswith(beginnings):
                shown.add(name)
                text.append(markdown(name, comment, declaration))
        return self.parse_text_to_nodes("\n".join(text))


def markdown(name: str, comment: str, declaration: str) -> str:
    """Return a declaration as a directive of Sphinx's domain for C, in Markdown."""
    if declaration.startswith("#define"):
        return directive("macro", name, comment)
    if kind := re.match(r"typedef (struct|enum)", declaration):
        members = [
            directive(KINDS[kind[1]], member, comment)
            for comment, member in MEMBER.findall(declaration)
        ]
        return directive(kind[1], name, comment, *members)
    return directive("function", " ".join(declaration.split()).rstrip(";"), comment)


def directive(kind: str, signature: str, comment: str, *members: str) -> str:
    """Return one directive; a comment's heading becomes a word, as its page has others."""
    text = re.sub("^ *// ?", "", comment, flags=re.MULTILINE)
    text = re.sub(r"# Safety\n\n(?=[^-])", "*Safety:* ", text).replace("# Safety", "*Safety:*")
    fence = "`" * (5 if members else 4)  # A comment may have a fence of three.
    return "\n".join([f"{fence}{{c:{kind}}} {signature}", text, *members, fence, ""])


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the directive to Sphinx."""
    app.add_directive("c-header", CHeader)
    return {"parallel_read_safe": True}
