"""Faults that `make trust-self-test` plants, and the rows that have to find them."""

from typing import NamedTuple


class Plant(NamedTuple):
    """A text that occurs once in a file, its replacement, and the row that must fail then."""

    name: str
    file: str
    old: str
    new: str
    row: str


PLANTS = (
    Plant(
        "a lock across fork",
        "rustlib/src/pool.rs",
        "    let _building = Building::start(&BUILDER, owner)?;",
        "    static LOCK: std::sync::Mutex<()> = std::sync::Mutex::new(());\n"
        "    let _building = LOCK.lock();",
        "fork",
    ),
    Plant(
        "an error's position counted from the chunk",
        "doubles_ffi/_library/stretch.py",
        "        position = self.end\n",
        "        position = len(self.tail)\n",
        "python_fuzzing",
    ),
    Plant(
        "a reader's number taken as it is",
        "doubles_ffi/files/reading.py",
        "size = operator.index(answer)",
        "size = answer",
        "hostile",
    ),
    Plant(
        "a short read taken for the end",
        "doubles_ffi/files/reading.py",
        "        filled += size\n",
        "        filled += size\n        break\n",
        "files",
    ),
    Plant(
        "a count that is one call, however long",
        "doubles_ffi/_library/stretch.py",
        "SLICE = 64 * 1024 * 1024",
        "SLICE = 1 << 62",
        "interrupts",
    ),
    Plant(
        "a panic where no thread can be started",
        "rustlib/src/pool.rs",
        "            && let Ok(pool) = builder.build()\n        {\n",
        "        {\n            let pool = builder.build().unwrap();\n",
        "resources",
    ),
    Plant(
        "a length of 32 bits",
        "doubles_ffi/counting.py",
        "            stretch.append(kind, pointer, size, limit)\n",
        "            stretch.append(kind, pointer, size & 0xFFFFFFFF, limit)\n",
        "huge",
    ),
    Plant(
        "tallies that are never freed",
        "doubles_ffi/_library/stretch.py",
        "ffi.gc(made(lib.doubles_tally_new()), lib.doubles_tally_free)",
        "made(lib.doubles_tally_new())",
        "soak",
    ),
    # If the machine has no free-threaded Python, `python -m trust.no_gil` makes one.
    Plant(
        "a data race",
        "doubles_ffi/counter.py",
        "            mutex = self._lock\n",
        "            mutex = RLock()\n",
        "free_threaded",
    ),
    Plant(
        "flush after 256 instead of 255",
        "rustlib/src/kernel/avx2.rs",
        "const BLOCKS_PER_FLUSH: usize = 255;",
        "const BLOCKS_PER_FLUSH: usize = 256;",
        "fuzzing",
    ),
    Plant(
        "a lost merge at a seam",
        "rustlib/src/summary.rs",
        "                .saturating_add(self.seam(&right).is_some().into()),",
        "                .saturating_add(0),",
        "fuzzing",
    ),
    Plant(
        "a read one byte too far",
        "rustlib/src/kernel/avx2.rs",
        "    let equal = if pairs <= VECTOR {",
        "    // SAFETY: none.\n"
        "    std::hint::black_box(unsafe { data.add(length).read() });\n"
        "    let equal = if pairs <= VECTOR {",
        "sanitizers",
    ),
    Plant(
        "a piece of a file read from the file's beginning, on Windows",
        "doubles_ffi/_windows.py",
        "    file.seek(start)\n",
        "",
        "windows",
    ),
    Plant(
        "an unguarded export",
        "rustlib/src/ffi.rs",
        "    guard(|| Ok(pool::num_threads() as u64))",
        "    pool::num_threads() as i64",
        "panics",
    ),
)
