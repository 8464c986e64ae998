# The compiled module, made by cffi from rustlib/include/doubles.h, which has the signatures.
from typing import Any

from cffi import FFI

ffi: FFI
lib: Any
