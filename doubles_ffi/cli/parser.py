"""The arguments of the command."""

from __future__ import annotations

import argparse
import functools
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from doubles_ffi import __version__
from doubles_ffi._library.search import LEAST
from doubles_ffi.cli.arguments import alphabet, integer_from, length, plot, seed, text_encoding
from doubles_ffi.cli.streams import FAILED, complain, visible
from doubles_ffi.cli.system import expanded
from doubles_ffi.runs import SQUEEZED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SHELLS = ("bash", "zsh", "fish")

# With a fixed width: to ask the terminal for it, argparse would load modules for 3 ms.
_FORMATTER = functools.partial(argparse.HelpFormatter, width=80)

# How many units --tally and --plot show without --top.
_TOP = 10


class _Parser(argparse.ArgumentParser):
    """A parser whose messages are safe to show on a terminal, whatever the arguments contain."""

    def error(self, message: str) -> NoReturn:
        super().error(visible(message))


def parse(arguments: list[str]) -> argparse.Namespace:
    """Parse the arguments; options may come before, between and after files.

    Raises:
        SystemExit: the arguments are wrong, or asked for help, which is written.
    """
    name, *others = arguments or [""]
    if name not in _SUBCOMMANDS:
        return parsers()[0].parse_args(arguments)
    # Only the parser that is needed: to make all of them takes longer.
    parser = _Parser(**_SUBCOMMANDS[name].settings(f"doubles {name}"))
    _SUBCOMMANDS[name].add_arguments(parser)
    if name in {"count", "find", "squeeze"}:
        options = _parse_files(others, parser)
        if name == "count":
            _check_count(options, parser)
        elif name == "squeeze":
            _check_squeeze(options, parser)
    else:
        options = parser.parse_args(others)
    options.command = name
    return options


def _parse_files(arguments: list[str], parser: argparse.ArgumentParser) -> argparse.Namespace:
    # Everything after -- is a file, which argparse would forget.
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = parser.parse_intermixed_args(arguments[:end])
    options.files = expanded([*options.files, *arguments[end + 1 :]])
    if "files_from" in options:
        _check_lists(options, parser)
    return options


def _check_lists(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    if options.null and options.files_from is None:
        parser.error("-0 needs --files-from")
    if options.files_from == "-" and "-" in options.files:
        parser.error("standard input can't be both a list of files and a file")
    if options.glob is None:
        options.glob = "*"
    elif not options.recursive:
        parser.error("--glob needs -r")


def _check_count(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    if options.top is None:
        options.top = _TOP
    elif not (options.tally or options.plot):
        parser.error("--top needs --tally or --plot")
    if options.cluster is not None:
        _check_cluster(options, parser)
    if options.plot:
        _require("matplotlib", "--plot", "needs matplotlib: pip install 'doubles_ffi[plot]'")


def _check_cluster(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    flags = {"-r": options.recursive, "-z": options.decompress, "--threads": options.threads}
    for flag, value in flags.items():
        if value:
            parser.error(f"{flag} can't be used with --cluster")
    if "-" in options.files or not (options.files or options.files_from):
        parser.error("standard input can't be counted on a cluster")
    _require("distributed", "--cluster", "needs dask: pip install 'doubles_ffi[cluster]'")


def _check_squeeze(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    if not options.bytes and options.encoding not in SQUEEZED:
        parser.error(f"text in {options.encoding} can't be squeezed; convert it to UTF-8 first")
    if options.only is not None:
        from doubles_ffi.cli.sets import units_of

        try:
            options.only = units_of(options.only, is_bytes=options.bytes)
        except ValueError as error:
            parser.error(f"argument --only: {error}")


def _require(module: str, option: str, complaint: str) -> None:
    from importlib.util import find_spec

    if find_spec(module) is None:
        complain(option, complaint)
        raise SystemExit(FAILED)


def parsers() -> tuple[argparse.ArgumentParser, Mapping[str, argparse.ArgumentParser]]:
    """Return the parser of the command, and the parsers of its subcommands by name."""
    parser = _Parser(
        prog="doubles",
        description="Count doubled neighbours: 'aaa' holds two.",
        formatter_class=_FORMATTER,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, subcommand in _SUBCOMMANDS.items():
        subparser = subparsers.add_parser(
            name, help=subcommand.summary, **subcommand.settings(f"doubles {name}")
        )
        subcommand.add_arguments(subparser)
    return parser, subparsers.choices


def _add_count(parser: argparse.ArgumentParser) -> None:
    _add_files(parser)
    parser.add_argument(
        "--tally", action="store_true", help="show the most doubled characters of all files"
    )
    parser.add_argument(
        "--top",
        metavar="N",
        type=integer_from(1),
        help=f"show or draw N of them (default: {_TOP})",
    )
    parser.add_argument(
        "--plot",
        metavar="FILE",
        type=plot,
        help="draw the most doubled characters as bars into FILE, .png or .svg",
    )
    parser.add_argument("--json", action="store_true", help="write a JSON object for each file")
    parser.add_argument("--total-only", action="store_true", help="write only the total")
    _add_lists(parser)
    parser.add_argument(
        "--threads", metavar="N", type=integer_from(1), help="use at most N threads"
    )
    parser.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="count files, URLs and patterns of them on the Dask cluster at ADDRESS;"
        " local starts one here",
    )
    parser.add_argument(
        "--progress",
        choices=("auto", "always", "never"),
        default="auto",
        help="show progress (auto: on a terminal, if the count takes long)",
    )


def _add_find(parser: argparse.ArgumentParser) -> None:
    _add_files(parser)
    parser.add_argument(
        "--min-run",
        metavar="N",
        type=integer_from(1),
        default=LEAST,
        help="show only runs of N and more equal characters (default: %(default)s)",
    )
    number = parser.add_mutually_exclusive_group()
    number.add_argument(
        "-m",
        "--max-count",
        metavar="N",
        type=integer_from(1),
        help="show at most N runs of each file",
    )
    number.add_argument(
        "--longest",
        action="store_true",
        help="show only the longest run of each file, the first of equals",
    )
    parser.add_argument("--json", action="store_true", help="write a JSON object for each run")
    _add_lists(parser)
    parser.set_defaults(cluster=None, total_only=False)  # As for count.


def _add_squeeze(parser: argparse.ArgumentParser) -> None:
    _add_files(parser)
    parser.add_argument(
        "-n",
        "--most",
        metavar="N",
        type=integer_from(1),
        default=1,
        help="keep N characters of each run (default: %(default)s)",
    )
    parser.add_argument(
        "--only",
        metavar="SET",
        help="cut only runs of these characters, written as for tr: '\\n', 'a-z', '[:space:]'",
    )
    _add_decompress(parser)
    parser.set_defaults(cluster=None, json=False, total_only=False)  # As for count.


def _add_files(parser: argparse.ArgumentParser) -> None:
    """Add the files, and the options that say how to read them."""
    parser.add_argument(
        "files", metavar="FILE", nargs="*", help="a file; - or nothing is standard input"
    )
    unit = parser.add_mutually_exclusive_group()
    unit.add_argument("--bytes", action="store_true", help="read bytes, not characters")
    unit.add_argument(
        "--encoding",
        metavar="NAME",
        type=text_encoding,
        default="utf-8",
        help="read text in this encoding (default: %(default)s)",
    )


def _add_lists(parser: argparse.ArgumentParser) -> None:
    """Add the options that name more files, or look into them."""
    parser.add_argument(
        "--files-from", metavar="FILE", help="read the files named in FILE, one a line; - is stdin"
    )
    parser.add_argument(
        "-0",
        "--null",
        action="store_true",
        help="names in the list of --files-from end with NUL",
    )
    parser.add_argument(
        "-r",
        "--recursive",
        action="store_true",
        help="read all regular files below each FILE that is a directory (default: .)",
    )
    parser.add_argument(
        "--glob", metavar="PATTERN", help="with -r, read only the files whose names match"
    )
    _add_decompress(parser)


def _add_decompress(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-z",
        "--decompress",
        action="store_true",
        help="decompress files that are compressed with gzip, bzip2, xz or zstd",
    )


def _add_random(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "length",
        metavar="LENGTH",
        type=length,
        help="how many characters; K, M, G and T mean thousands, millions and so on",
    )
    parser.add_argument(
        "--alphabet",
        metavar="letters|alphanumeric|TEXT",
        type=alphabet,
        default="letters",
        help="which characters: letters (default), letters and digits, or those of TEXT (ASCII)",
    )
    parser.add_argument(
        "--seed",
        metavar="S",
        type=seed,
        help="a number or text; the same seed gives the same characters again",
    )


def _add_completions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", metavar="SHELL", choices=SHELLS, help="one of: %(choices)s")


class _Subcommand(NamedTuple):
    """A subcommand: its arguments, and its texts in the help."""

    add_arguments: Callable[[argparse.ArgumentParser], None]
    operands: str
    summary: str
    description: str

    def settings(self, prog: str) -> dict[str, Any]:
        """Return the arguments for the constructor of its parser."""
        return {
            "prog": prog,
            "usage": f"%(prog)s [OPTION]... {self.operands}",
            "description": self.description,
            "formatter_class": _FORMATTER,
            "allow_abbrev": False,
        }


_SUBCOMMANDS = {
    "count": _Subcommand(
        _add_count,
        "[FILE]...",
        "count doubles in files",
        "Print the number of doubled characters in each FILE, and a total for several.",
    ),
    "find": _Subcommand(
        _add_find,
        "[FILE]...",
        "show where doubles are",
        "Print FILE:LINE:COLUMN: CHARACTER for each run of equal characters; on a terminal, their"
        " lines.",
    ),
    "squeeze": _Subcommand(
        _add_squeeze,
        "[FILE]...",
        "write files, with runs cut",
        "Write all FILEs to standard output as cat does, but of each run of equal characters only"
        " one, or N.",
    ),
    "random": _Subcommand(
        _add_random,
        "LENGTH",
        "write random text",
        "Write LENGTH random characters and nothing else.",
    ),
    "completions": _Subcommand(
        _add_completions,
        "SHELL",
        "write completions for a shell",
        "Write the script that makes SHELL complete this command.",
    ),
}
