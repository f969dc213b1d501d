"""Archives whose bytes depend on nothing but what is in them."""

import gzip
import io
import pathlib
import tarfile


def tar_of(folder: pathlib.Path, epoch: int, prefix: str = "", owners: dict[str, int] | None = None) -> bytes:
    """A tar of everything below `folder`: sorted, all of one time. Modes are the files' own.

    Everything is root's, but for the paths in `owners`, which belong to the user and the group of that number.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in sorted(folder.rglob("*"), key=lambda each: each.relative_to(folder).parts):
            name = str(path.relative_to(folder))
            entry = archive.gettarinfo(path, prefix + name)
            if entry.islnk():
                # A second name of the same file, which is chance: both are written as files.
                entry.type, entry.linkname, entry.size = tarfile.REGTYPE, "", path.stat().st_size
            entry.uid = entry.gid = (owners or {}).get(name, 0)
            entry.uname = entry.gname = "root" if entry.uid == 0 else ""
            entry.mtime = epoch
            if entry.isreg():
                with path.open("rb") as content:
                    archive.addfile(entry, content)
            else:
                archive.addfile(entry)
    return buffer.getvalue()


def gzipped(data: bytes) -> bytes:
    """As `gzip -n -9`: without a name and a time."""
    return gzip.compress(data, compresslevel=9, mtime=0)


def tar_of_files(files: dict[str, bytes], epoch: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.uname, entry.gname = len(content), epoch, "root", "root"
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()
