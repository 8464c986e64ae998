"""A file system that is slow and fails when told to; workers import it with the first file.

`faulty:///path` is the local file. What is wrong with those whose names contain "bad" is an option.
"""

import errno
import io
import os
import signal
import time
from pathlib import Path

import fsspec


class FaultyFileSystem(fsspec.AbstractFileSystem):
    protocol = "faulty"

    def __init__(self, delay=0.0, fault="", notes="", **options):
        super().__init__(**options)
        self.delay = delay  # seconds per read
        self.fault = fault
        self.notes = notes  # a directory where workers leave what has happened

    def info(self, path, **_):
        status = Path(path).stat()
        return {"name": path, "size": status.st_size, "type": "file", "mtime": status.st_mtime_ns}

    def _open(self, path, **_):
        return FaultyFile(path, self)


class FaultyFile(io.FileIO):
    def __init__(self, path, system):
        super().__init__(path)
        self.system = system

    def readinto(self, room):
        time.sleep(self.system.delay)
        fault, _, when = self.system.fault.partition(" ")
        if fault and "bad" in Path(self.name).name and (when == "always" or self.is_first()):
            if fault == "kill":
                os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
            raise OSError(errno.EIO, "the disk is worn out", self.name)
        return super().readinto(room)

    def is_first(self):
        try:
            (Path(self.system.notes) / Path(self.name).name).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


fsspec.register_implementation("faulty", FaultyFileSystem, clobber=True)
