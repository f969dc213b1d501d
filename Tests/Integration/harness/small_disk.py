"""A disk that is small enough to fill."""

import contextlib
import os
import pathlib
import subprocess


class SmallDisk:
    """A file system of its own in memory, mounted at `directory`. Needs the right to mount: see `offered`."""

    def __init__(self, directory: pathlib.Path, megabytes: int = 16):
        self.directory, self.megabytes = directory, megabytes
        self.ballast = directory / "ballast"

    def __enter__(self) -> "SmallDisk":
        self.directory.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={self.megabytes}m", "pharos-test", str(self.directory)],
            check=True, capture_output=True)
        return self

    def __exit__(self, *_) -> None:
        subprocess.run(["umount", "--lazy", str(self.directory)], check=False, capture_output=True)

    def fill(self) -> None:
        """Leaves not one block free."""
        with open(self.ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"\0" * 4_096) == 4_096:
                pass

    def free(self) -> None:
        self.ballast.unlink(missing_ok=True)

    @staticmethod
    def offered(directory: pathlib.Path) -> bool:
        """Whether this process may mount: asked by trying."""
        if os.geteuid() != 0:
            return False
        try:
            with SmallDisk(directory, 1):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False
