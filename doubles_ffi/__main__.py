"""`python -m doubles_ffi` is the command `doubles`; and so it is started on Windows."""

import signal
import sys

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # Not if it is ignored.
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # The script cli/doubles says why.

from doubles_ffi.cli import main

if __name__ == "__main__":  # Not where pip's program for Windows imports it, to call `main`.
    sys.exit(main())
