"""Faults that `make trust-self-test` plants, and the rows that have to find them."""

from typing import NamedTuple


class Plant(NamedTuple):
    """A text that stands once in a file, what replaces it, and the row that has to fail then."""

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
)
