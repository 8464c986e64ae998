"""Python's side counts, cuts, refuses and parses as Python itself does.

cd tests && python -m trust.python_fuzzing SECONDS SEED
"""

import codecs
import contextlib
import io
import json
import operator
import os
import random
import sys
import tempfile
import time
import warnings
from collections import Counter
from encodings.aliases import aliases
from pathlib import Path

from reference import count as count_slowly
from strategies import LONE_SURROGATES, UNITS
from trust.children import PartError, ask, rounds
from trust.model import Figure, keep

import doubles_ffi
from doubles_ffi import DoubleCounter, count_doubles, count_file, tally_doubles
from doubles_ffi.cli import main as run_command

GOAL = "10,000,000 examples, no difference"
EXAMPLES = 10_000_000


def run(seconds):
    examples = 0
    for _, each, seed in rounds(["all"], seconds):
        try:
            examples += ask("trust.python_fuzzing", each, seed, seconds=each)
        except PartError as error:
            return Figure(f"a difference after {examples:,} examples: {error}", passed=False)
        if examples >= EXAMPLES:
            break
    return Figure(
        f"{examples:,} examples, no difference", passed=True, reached=examples >= EXAMPLES
    )


def text_encodings():
    """Return the names of all encodings that Python has for text, with those that are aliases."""
    found = []
    for name in sorted({*aliases, *aliases.values(), "utf-8-sig", "punycode", "idna"}):
        with contextlib.suppress(LookupError, UnicodeError):
            "".encode(name)
            found.append(name)
    return found


ENCODINGS = text_encodings()

# Bytes with a meaning in some encoding, in front and among others.
PIECES = [b"a", b"b", b"\n", b"\0", b"\\", b"+", b"-", b"\x1b$B", b"\x1b(B", b"~{", b"~}", b"\x0e"]
PIECES += [bytes([byte]) for byte in (0x7F, 0x80, 0x8F, 0xA1, 0xC2, 0xE2, 0xED, 0xF0, 0xF4, 0xFE)]
PIECES += [unit.encode() for unit in UNITS]
PIECES += [codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE]
PIECES += ["\ud800".encode("utf-8", "surrogatepass"), b"\xc0\x80", b"\xf4\x90\x80\x80"]


def any_text(units):
    runs = [random.choice(units) * run_length() for _ in range(random.randrange(12))]
    return "".join(runs)


def run_length():
    """Return a short length; now and then one beyond what a lane of a register counts."""
    return random.randrange(1, 5) if random.random() < 0.999 else random.randrange(20_000)


def any_bytes(encoding):
    """Return text in an encoding, or nearly."""
    data = b"".join(random.choices(PIECES, k=random.randrange(12)))
    if random.random() < 0.5:
        with contextlib.suppress(UnicodeError):  # Some can't ignore what they have no bytes for.
            data = any_text(UNITS).encode(encoding, "ignore")
    if data and random.random() < 0.3:
        start = random.randrange(len(data))
        end = random.choice([start, start + 1, len(data)])
        data = data[:start] + random.choice([b"", random.choice(PIECES)]) + data[end:]
    return data


def any_encoding():
    return random.choice(["utf-8", "utf-8", "UTF8", random.choice(ENCODINGS)])


def oracle(units):
    if len(units) < 100:
        return count_slowly(units)
    return sum(map(operator.eq, units, units[1:]))


def tally(units):
    return Counter(left for left, right in zip(units, units[1:]) if left == right)


def outcome(function, *arguments, **options):
    """Return what a function does: its result, or all that its error says."""
    try:
        return function(*arguments, **options)
    except UnicodeDecodeError as error:
        wrong = error.object[error.start : error.end] if error.end <= len(error.object) else None
        return error.encoding, error.start, error.end, error.reason, wrong or error.object
    except (UnicodeError, ValueError) as error:
        return type(error), str(error)


def same(found, expected, *case):
    if found != expected:
        raise AssertionError(f"{found!r}, not {expected!r}, for {case!r}")


class Trickle(io.RawIOBase):
    """A file that is read a few bytes at a time."""

    def __init__(self, data):
        self.rest = data

    def readable(self):
        return True

    def readinto(self, buffer):
        size = min(len(buffer), len(self.rest), random.randrange(1, 9))
        buffer[:size], self.rest = self.rest[:size], self.rest[size:]
        return size


def decoding():
    """Bytes in an encoding are counted, or refused, as what `bytes.decode` makes of them."""
    encoding = any_encoding()
    data = any_bytes(encoding)
    text = outcome(data.decode, encoding)
    given = random.choice([bytes, bytearray, memoryview])(data)
    count = tallied = text
    if isinstance(text, str):
        count, tallied = oracle(text), tally(text)
    same(outcome(count_doubles, given, encoding=encoding), count, data, encoding)
    chosen = random.randrange(8)
    if chosen == 0:
        same(outcome(tally_doubles, given, encoding=encoding), tallied, data, encoding)
    elif chosen == 1:
        same(outcome(count_file, Trickle(data), encoding=encoding), count, data, encoding)


def text():
    """A str is counted by its code points, lone surrogates included."""
    string = any_text(UNITS + LONE_SURROGATES)
    same(count_doubles(string), oracle(string), string)
    if not set(LONE_SURROGATES) & {*string}:
        encoded = string.encode()
        ladder = random.choice(["zip", "once", "once_bytes", "slice", "slice_parallel"])
        units = string if ladder in {"zip", "once"} else encoded
        rung = getattr(doubles_ffi, f"count_doubles_{ladder}")
        same(rung(random.choice([string, encoded])), oracle(units), string, ladder)


CONTINUATIONS = tuple(bytes([byte]) for byte in range(0x80, 0xC0))
UNFINISHED = "unexpected end of data"


def feed(parts):
    counter = DoubleCounter(encoding="utf-8")
    for part in parts:
        counter.update(part)


def cuts():
    """Counters of parts, cut anywhere and merged in any order, add up."""
    encoding = random.choice([None, "utf-8"])
    data = any_bytes("utf-8")
    units = data if encoding is None else outcome(data.decode, encoding)
    places = sorted(random.choices(range(len(data) + 1), k=random.randrange(4)))
    bounds = [0, *places, len(data)]
    parts = [data[start:end] for start, end in zip(bounds, bounds[1:])]
    has_tally = random.random() < 0.2
    if isinstance(units, tuple):
        if not data.startswith(CONTINUATIONS):  # Else it may be the end of text before it.
            same(outcome(feed, parts), None if units[3] == UNFINISHED else units, data, parts)
        return
    counters = [DoubleCounter(part, encoding=encoding, tally=has_tally) for part in parts]
    while len(counters) > 1:
        place = random.randrange(len(counters) - 1)
        counters[place : place + 2] = [counters[place] + counters[place + 1]]
    (counter,) = counters
    same((counter.count, counter.length), (oracle(units), len(units)), data, parts)
    if has_tally:
        same(counter.tally, tally(units), data, parts)


def rows():
    """Each row of a column is counted by itself."""
    make = random.choice([lambda: any_text(UNITS + LONE_SURROGATES), lambda: any_bytes("utf-8")])
    column = [None if random.random() < 0.1 else make() for _ in range(random.randrange(12))]
    expected = [None if row is None else oracle(row) for row in column]
    same(doubles_ffi.count_each(column).tolist(), expected, column)


NAMES = ["a", "-", "--", "-a", "--bytes", " ", "a b", "\n", "=", "ж", "\udcff", "$x", "'", '"', "["]
OPTIONS = ["--bytes", "--json", "--total-only", "--tally", "--encoding=latin-1", "--threads=1"]
NONSENSE = ["--top=0", "--encoding=klingon", "--threads=-1", "--no", "-x", "--glob=*", "-0"]


def command():
    """Files are counted and reported under the names that they have, whatever those look like."""
    names = random.choices(NAMES, k=random.randrange(1, 4))
    options = random.sample(OPTIONS, random.randrange(3))
    wrong = [random.choice(NONSENSE)] if random.random() < 0.1 else []
    if "--bytes" in options and "--encoding=latin-1" in options:
        wrong = ["--bytes"]  # They exclude each other.
    counts = [FILES[name].count(b"aa") for name in names]
    arguments = ["count", *options, *wrong, "--", *(f"./{name}" for name in names)]
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            status = run_command(arguments)
        except SystemExit as end:
            status = end.code
    if wrong:
        same((status, output.getvalue()), (2, ""), arguments)
        return
    same((status, errors.getvalue()), (0, ""), arguments)
    if "--json" in options:
        found = [json.loads(line) for line in output.getvalue().splitlines()]
        if "--total-only" in options:
            same([(each["files"], each["count"]) for each in found], [(len(names), sum(counts))])
        else:
            expected = [(f"./{name}", count) for name, count in zip(names, counts)]
            same([(each["file"], each["count"]) for each in found], expected, arguments)
        return
    lines = [f"{count}\t./{name}\n" for name, count in zip(names, counts)]
    if "--total-only" in options:
        lines = [f"{sum(counts)}\ttotal\n"]
    elif len(names) > 1:
        lines.append(f"{sum(counts)}\ttotal\n")
    same(output.getvalue()[: len("".join(lines))], "".join(lines), arguments)


# Each file holds as many pairs as its place in the list.
FILES = {name: b"aa " * place for place, name in enumerate(NAMES)}

KINDS = {decoding: 60, text: 20, cuts: 15, rows: 5, command: 0.2}


def main(seconds, seed):
    end = time.monotonic() + float(seconds)
    warnings.simplefilter("ignore")  # Of codecs that will be stricter.
    examples = 0
    kinds, weights = [*KINDS], [*KINDS.values()]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name, data in FILES.items():
            Path(name).write_bytes(data)
        while time.monotonic() < end:
            for number in range(1000):
                random.seed(f"{seed} {examples + number}")
                (kind,) = random.choices(kinds, weights)
                try:
                    kind()
                except Exception as error:
                    keep("python_fuzzing", f"{kind.__name__}-{seed}", repr(error).encode())
                    raise
            examples += 1000
    print(json.dumps(examples))


if __name__ == "__main__":
    main(*sys.argv[1:])
