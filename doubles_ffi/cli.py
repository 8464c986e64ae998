"""The command `doubles`."""

from __future__ import annotations

import argparse
import codecs
import errno
import io
import os
import re
import string
import sys
from typing import TYPE_CHECKING

from doubles_ffi import __version__
from doubles_ffi._library import ffi
from doubles_ffi.counting import count_doubles
from doubles_ffi.generate import Source, random_string

if TYPE_CHECKING:
    from collections.abc import Sequence

_FAILED = 2  # As wc's cousins grep and diff: 1 would be an answer, 2 is trouble.
_INTERRUPTED = 130  # 128 + SIGINT, as shells report it.

# Characters per turn of `random`: enough for all threads, and whole blocks of the generator's.
_RANDOM_BLOCK = 4 * 1024 * 1024

_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}

_ALPHABETS = {
    "letters": string.ascii_letters,
    "alphanumeric": string.ascii_letters + string.digits,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0, 2 after any error, 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    if sys.stdout is None:
        _complain("standard output", "is closed")
        return _FAILED
    if isinstance(sys.stdout, io.TextIOWrapper):
        # File names come and go as the bytes that they are, whatever the locale.
        sys.stdout.reconfigure(encoding=sys.getfilesystemencoding(), errors="surrogateescape")
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # The reader has seen enough.
        _discard_output()
        return 0
    except OSError as error:
        _discard_output()
        _complain("standard output", error.strerror)
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    return status


def _discard_output() -> None:
    """Let what could not be written go nowhere, or the interpreter tries again when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="doubles", description="Count doubled neighbours: 'aaa' holds two."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    count = commands.add_parser(
        "count",
        help="count doubles in files",
        description="Print the number of doubled characters in each FILE, and a total for several.",
    )
    count.set_defaults(run=_count)
    count.add_argument(
        "files",
        metavar="FILE",
        nargs="*",
        default=["-"],
        help="a file; - or nothing is standard input",
    )
    unit = count.add_mutually_exclusive_group()
    unit.add_argument("--bytes", action="store_true", help="count doubled bytes instead")
    unit.add_argument(
        "--encoding",
        metavar="NAME",
        type=_text_encoding,
        default="utf-8",
        help="read text in this encoding (default: %(default)s)",
    )

    random = commands.add_parser(
        "random",
        help="write random text",
        description="Write LENGTH random characters and nothing else.",
    )
    random.set_defaults(run=_random)
    random.add_argument(
        "length",
        metavar="LENGTH",
        type=_length,
        help="how many; K, M, G and T stand for thousands, millions and so on",
    )
    random.add_argument(
        "--alphabet",
        metavar="letters|alphanumeric|TEXT",
        type=_alphabet,
        default="letters",
        help="which: letters (default), letters and digits, or those of an ASCII text",
    )
    random.add_argument(
        "--seed",
        metavar="S",
        type=_seed,
        help="a number or a text; the same one gives the same characters again",
    )
    return parser


def _text_encoding(name: str) -> str:
    try:
        "".encode(name)
    except (LookupError, ValueError) as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return codecs.lookup(name).name


def _length(text: str) -> int:
    unit = text[-1:] if text[-1:] in _UNITS else ""
    number = text.removesuffix(unit)
    if not re.fullmatch("[0-9]{1,18}", number):
        raise argparse.ArgumentTypeError(f"not a length: {text[:20]!r}")
    return int(number) * _UNITS[unit]


def _alphabet(text: str) -> str:
    alphabet = _ALPHABETS.get(text, text)
    try:
        random_string(0, alphabet=alphabet)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return alphabet


def _seed(text: str) -> int | str:
    if not re.fullmatch("-?[0-9]+", text):
        return text
    try:
        return int(text)
    except ValueError as error:  # Python reads no number of thousands of digits.
        raise argparse.ArgumentTypeError(str(error)) from None


def _random(options: argparse.Namespace) -> int:
    source = Source(options.alphabet, options.seed, threads=None)
    buffer = ffi.new("uint8_t[]", min(options.length, _RANDOM_BLOCK))
    for start in range(0, options.length, _RANDOM_BLOCK):
        source.fill(buffer, len(buffer))
        rest = memoryview(ffi.buffer(buffer))[: options.length - start]
        while rest:  # Where Python does not buffer, a write may be a part of it.
            rest = rest[sys.stdout.buffer.write(rest) :]
    return 0


def _count(options: argparse.Namespace) -> int:
    encoding = None if options.bytes else options.encoding
    total = 0
    status = 0
    for name in options.files:
        try:
            count = count_doubles(_read(name), encoding=encoding)
        except OSError as error:
            _complain(name, error.strerror)
            status = _FAILED
        except UnicodeError as error:
            _complain(name, f"not {encoding}: {_where(error)}; try --bytes, or --encoding NAME")
            status = _FAILED
        else:
            total += count
            print(f"{count}\t{name}")
    if len(options.files) > 1:
        print(f"{total}\ttotal")
    return status


def _where(error: UnicodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"{error.reason} at byte {error.start}"
    return str(error)


def _read(name: str) -> bytes:
    if name != "-":
        with open(name, "rb") as file:  # noqa: PTH123 (a Path forgets a slash at the end)
            return file.read()
    if sys.stdin is None:
        raise OSError(errno.EBADF, "standard input is closed")
    return sys.stdin.buffer.read()


def _complain(name: str, reason: str | None) -> None:
    if sys.stderr is not None:
        print(f"doubles: {name}: {reason}", file=sys.stderr)
