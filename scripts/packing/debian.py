"""Debian packages: the server, and its symbols for a debugger."""

import gzip
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile
import textwrap

from . import binary, manual
from .release import DESCRIPTION, ROOT, SUMMARY, Release

# Debian's own variables name who releases.
MAINTAINER = f"{os.environ.get('DEBFULLNAME', 'Pharos maintainers')} <{os.environ.get('DEBEMAIL', 'maintainers@pharos.invalid')}>"
SCRIPTS = ("preinst", "postinst", "prerm", "postrm")
CONFIGURATION = "etc/pharos/pharos.yaml"


def write(path: pathlib.Path, content: str | bytes, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)


def compressed(text: str) -> bytes:
    return gzip.compress(text.encode(), compresslevel=9, mtime=0)


def control(release: Release, fields: dict[str, str], summary: str, description: str) -> str:
    lines = [f"{name}: {value}" for name, value in fields.items()]
    text = textwrap.wrap(description, 78, initial_indent=" ", subsequent_indent=" ")
    return "\n".join([*lines, f"Description: {summary}", *text]) + "\n"


def change_log(release: Release, package: str) -> str:
    """The form that Debian's tools read; what has changed stands in the project's own file."""
    from email.utils import formatdate
    return (
        f"{package} ({release.debian_version}) unstable; urgency=medium\n\n  * Release {release.version}, commit "
        f"{release.commit[:12]}.\n    What has changed: /usr/share/doc/pharos/CHANGELOG.md.gz\n\n"
        f" -- {MAINTAINER}  {formatdate(release.epoch, localtime=False)}\n")


def copyright_file() -> str:
    return (
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: pharos\n\n"
        "Files: *\nCopyright: 2026 the authors of Pharos\nLicense: Apache-2.0\n"
        " On Debian systems the full text is in /usr/share/common-licenses/Apache-2.0.\n"
        " .\n What the executable was built from, with the licences of each part, is listed in\n"
        " /usr/share/doc/pharos/pharos.spdx.json.gz\n")


def finish(tree: pathlib.Path, release: Release, fields: dict[str, str], summary: str, description: str) -> None:
    """What every package has: control, sums, the list of configuration files."""
    files = sorted(path for path in tree.rglob("*") if path.is_file() and "DEBIAN" not in path.parts)
    kilobytes = sum(-(-path.stat().st_size // 1024) for path in files)
    write(tree / "DEBIAN" / "control", control(release, fields | {"Installed-Size": str(kilobytes)}, summary, description))
    sums = "".join(
        f"{hashlib.md5(path.read_bytes()).hexdigest()}  {path.relative_to(tree)}\n" for path in files
        if not path.relative_to(tree).parts[0] == "etc")
    write(tree / "DEBIAN" / "md5sums", sums)
    for folder in tree.rglob("*"):
        if folder.is_dir():
            folder.chmod(0o755)
    tree.chmod(0o755)


def build(tree: pathlib.Path, release: Release, target: pathlib.Path) -> None:
    """dpkg-deb sorts by name; times beyond SOURCE_DATE_EPOCH become that time, so all of them do."""
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zxz", "-z6", "--build", tree, target], check=True, capture_output=True,
        env=os.environ | {"SOURCE_DATE_EPOCH": str(release.epoch), "XZ_DEFAULTS": "--threads=1"})


def server(release: Release, executable: pathlib.Path, bill: str, target: pathlib.Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        (tree / "usr" / "bin").mkdir(parents=True)
        shutil.copy2(executable, tree / "usr" / "bin" / "pharos")
        write(tree / CONFIGURATION, (ROOT / "deploy" / "pharos.yaml").read_bytes())
        write(tree / "lib" / "systemd" / "system" / "pharos.service",
              (ROOT / "deploy" / "systemd" / "pharos.service").read_bytes())
        share = tree / "usr" / "share"
        write(share / "man" / "man1" / "pharos.1.gz", compressed(manual.page(executable, release.version, release.epoch)))
        for shell, path in manual.SHELLS.items():
            # bash and zsh read these files, they do not run them.
            write(tree / "usr" / path, manual.completion(executable, shell).removeprefix("#!/bin/bash\n"))
        documents = share / "doc" / "pharos"
        write(documents / "copyright", copyright_file())
        write(documents / "changelog.gz", compressed(change_log(release, "pharos")))
        write(documents / "CHANGELOG.md.gz", compressed((ROOT / "CHANGELOG.md").read_text()))
        write(documents / "pharos.spdx.json.gz", compressed(bill))
        write(share / "lintian" / "overrides" / "pharos", (ROOT / "deploy" / "debian" / "lintian-overrides").read_bytes())
        for script in SCRIPTS:
            source = ROOT / "deploy" / "debian" / script
            if source.exists():
                write(tree / "DEBIAN" / script, source.read_bytes(), 0o755)
        write(tree / "DEBIAN" / "conffiles", f"/{CONFIGURATION}\n")
        fields = {
            "Package": "pharos", "Version": release.debian_version, "Architecture": release.debian_architecture,
            "Maintainer": MAINTAINER, "Section": "net", "Priority": "optional",
            "Depends": ", ".join([binary.dependencies(executable), "adduser", "ca-certificates"]),
        }
        finish(tree, release, fields, SUMMARY, DESCRIPTION)
        build(tree, release, target)


def symbols(release: Release, file: pathlib.Path, identity: str, target: pathlib.Path) -> None:
    """The symbols, where debuggers look for them by the identity of the executable."""
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        place = tree / "usr" / "lib" / "debug" / ".build-id" / identity[:2] / f"{identity[2:]}.debug"
        place.parent.mkdir(parents=True)
        shutil.copy2(file, place)
        (tree / "usr" / "share" / "doc").mkdir(parents=True)
        (tree / "usr" / "share" / "doc" / "pharos-dbgsym").symlink_to("pharos")
        fields = {
            "Package": "pharos-dbgsym", "Version": release.debian_version, "Architecture": release.debian_architecture,
            "Auto-Built-Package": "debug-symbols", "Build-Ids": identity,
            "Maintainer": MAINTAINER, "Section": "debug", "Priority": "optional",
            "Depends": f"pharos (= {release.debian_version})",
        }
        finish(tree, release, fields, "debug symbols for pharos", "Symbols of the server, for debuggers and profilers.")
        build(tree, release, target)
