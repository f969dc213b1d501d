"""Debian packages that the image takes files from."""

import pathlib
import re
import shutil
import subprocess

from . import binary


class Packages:
    """Debian packages, unpacked: the newest that apt knows, or the machine's own files where apt gets none."""

    def __init__(self, cache: pathlib.Path, folder: pathlib.Path):
        self.cache, self.folder = cache, folder
        self.versions: dict[str, str] = {}
        cache.mkdir(parents=True, exist_ok=True)

    def unpack(self, package: str) -> pathlib.Path:
        target = self.folder / package
        if target.exists():
            return target
        target.mkdir(parents=True)
        if file := self._downloaded(package):
            binary.run("dpkg-deb", "-x", file, target)
            self.versions[package] = binary.run("dpkg-deb", "-f", file, "Version").strip()
        else:
            print(f"package: apt gets no {package}; the image takes this machine's")
            self._copy_installed(package, target)
        return target

    def _downloaded(self, package: str) -> pathlib.Path | None:
        said = subprocess.run(["apt-cache", "policy", package], capture_output=True, text=True).stdout
        wanted = re.search(r"Candidate: (\S+)", said)
        if not wanted:
            return None
        name = f"{package}_{wanted.group(1).replace(':', '%3a')}_*.deb"
        if not list(self.cache.glob(name)):
            subprocess.run(["apt-get", "download", "-qq", package], cwd=self.cache, capture_output=True)
        return next(iter(self.cache.glob(name)), None)

    def _copy_installed(self, package: str, target: pathlib.Path) -> None:
        self.versions[package] = binary.run("dpkg-query", "-W", "-f", "${Version}", package)
        for line in binary.run("dpkg-query", "-L", package).splitlines():
            source = pathlib.Path(line)
            if source.is_symlink() or source.is_file():
                place = target / line.lstrip("/")
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, place, follow_symlinks=False)
