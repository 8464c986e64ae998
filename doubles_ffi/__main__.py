"""`python -m doubles_ffi` is the command `doubles`."""

import sys

from doubles_ffi.cli import command

sys.exit(command())
