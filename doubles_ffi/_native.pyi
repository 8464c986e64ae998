# The compiled module, made by cffi from rustlib/include/doubles.h, which has the signatures.
from typing import Any

ffi: Any
lib: Any
