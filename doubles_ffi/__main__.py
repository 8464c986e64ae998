"""`python -m doubles_ffi` is the command `doubles`."""

import signal
import sys

from doubles_ffi.cli import main

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # And not ignored.
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # It ends the process, here and in the script.
sys.exit(main())
