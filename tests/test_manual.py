"""The manual page says what --help says. `make man` renews it from the command's parser."""

import os
from pathlib import Path

from argparse_manpage.manpage import Manpage

from doubles_ffi import __version__
from doubles_ffi.cli.parser import parsers

PAGE = Path(__file__).parents[1] / "docs/doubles.1"


def page():
    parser, _ = parsers()
    parser._positionals.title = "commands"
    about = {
        "project_name": "doubles_ffi",
        "version": __version__,
        "date": " ",  # Without one, the day of the build.
        "manual_title": "User Commands",
        "description": "count doubled neighbours in text and bytes",
    }
    return str(Manpage(parser, about, format="single-commands-section"))


def test_the_page_is_made_of_the_parser():
    if os.environ.get("DOUBLES_RENEW_MAN") == "1":
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page()
