"""A wall clock that can be stepped under a running server, and nowhere else."""

import mmap
import pathlib
import shutil
import struct
import subprocess

SOURCE = pathlib.Path(__file__).with_name("clock_step.c")
# Swift brings the first.
COMPILERS = ("clang", "cc", "gcc")


class SteppedClock:
    """`environment` lets a server's wall clock follow `step`; its monotonic clock goes on as it is."""

    def __init__(self, directory: pathlib.Path):
        compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
        if compiler is None:
            raise FileNotFoundError(f"no C compiler, looked for {', '.join(COMPILERS)}")
        library, step = directory / "clock_step.so", directory / "clock_step"
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(SOURCE)], check=True)
        step.write_bytes(bytes(8))
        with open(step, "r+b") as file:
            self._step = mmap.mmap(file.fileno(), 8)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_STEP_FILE": str(step)}

    def step(self, seconds: float) -> None:
        """The wall clock is so many seconds off from now on."""
        self._step[:] = struct.pack("<q", int(seconds * 1e9))
