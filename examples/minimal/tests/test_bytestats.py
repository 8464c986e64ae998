import bytestats
import pytest
from bytestats import ffi, lib


@pytest.mark.parametrize("data", [b"a", bytearray(b"abba"), memoryview(bytes(range(256)) * 9)])
def test_results_are_those_of_python(data):
    assert bytestats.count(data, 97) == bytes(data).count(b"a")
    assert bytestats.summary(data) == (sum(data), max(data))
    assert bytestats.mean(data) == sum(data) // len(data)


def test_what_is_wrong_becomes_a_status_and_an_exception():
    with pytest.raises(ValueError, match="no bytes have no mean"):
        bytestats.mean(b"")
    with pytest.raises(RuntimeError, match="a pointer is NULL"):
        bytestats._call(lib.bytestats_summary, b"a", ffi.NULL)
    for wrong in ((ffi.NULL, 1), (b"", 2**63)):
        assert lib.bytestats_mean(*wrong) == lib.BYTESTATS_BAD_POINTER
