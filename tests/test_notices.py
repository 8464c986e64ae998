"""What wheels say of the crates that are linked into the library; `make notices` renews it."""

import json
import re
import subprocess
from pathlib import Path

import pytest

CRATE = Path(__file__).parents[1] / "rustlib"


@pytest.fixture(scope="module")
def linked():
    """The crates that are linked on any system: what Cargo.lock has beside them is for tests."""
    command = ["cargo", "tree", "--locked", "--edges", "normal", "--target", "all"]
    command += ["--prefix", "none"]
    command += ["--format", "{p}|{l}", "--manifest-path", CRATE / "Cargo.toml"]
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    crates = re.findall(r"^([\w-]+) v(\S+)(?: \(\*\))?\|(.+?)(?: \(\*\))?$", output, re.MULTILINE)
    assert len(crates) > 10
    return {(name, version): licence for name, version, licence in crates}


def test_the_bill_of_materials_names_each(linked):
    bill = json.loads((CRATE / "doubles.cdx.json").read_text("utf-8"))
    assert bill["metadata"]["component"]["name"] == "doubles"
    assert {(part["name"], part["version"]) for part in bill["components"]} == set(linked)
    assert not re.findall(r"file:", json.dumps(bill))


def test_the_notices_hold_the_licence_of_each(linked):
    notices = (CRATE / "LICENSES-THIRD-PARTY.yml").read_text("utf-8")
    entries = notices.split("\n- package_name: ")[1:]
    found = {}
    for entry in entries:
        version = re.search(r"package_version: (.+)", entry)[1]
        found[entry.splitlines()[0], version] = entry
    assert set(found) == set(linked)
    for entry in found.values():
        assert "Permission is hereby granted" in " ".join(entry.split())


def test_the_project_s_own_licence_holds_for_all(linked):
    """Each may be used under either of the two, in whatever order and manner it says so."""
    for crate, licence in linked.items():
        assert {"MIT", "Apache-2.0"} <= set(re.split(r" OR |/", licence)), crate
