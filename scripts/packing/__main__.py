"""Packs a built server: python -m packing BUILT DIST. Called by scripts/package, which builds it."""

import argparse
import hashlib
import pathlib
import shutil
import tempfile

from . import archive, bill, binary, debian, image, manual, sizes
from .release import ROOT, Release


def tarball(release: Release, executable: pathlib.Path, symbols: str) -> bytes:
    """Everything to copy into place by hand, below one folder that names the version."""
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        debian.write(tree / "bin" / "pharos", executable.read_bytes(), 0o755)
        debian.write(tree / "share" / "man" / "man1" / "pharos.1", manual.page(executable, release.version, release.epoch))
        for shell, path in manual.SHELLS.items():
            debian.write(tree / path, manual.completion(executable, shell))
        for source, target in {
            "LICENSE": "LICENSE", "README.md": "README.md", "CHANGELOG.md": "CHANGELOG.md",
            "deploy/pharos.yaml": "etc/pharos/pharos.yaml", "deploy/systemd/pharos.service": "systemd/pharos.service",
            "docs/deployment.md": "docs/deployment.md", "docs/configuration.md": "docs/configuration.md",
        }.items():
            debian.write(tree / target, (ROOT / source).read_bytes())
        debian.write(tree / "LIBRARIES", "".join(
            f"{each.name:24} {each.package} {each.package_version}\n" for each in binary.libraries(executable)))
        for path in tree.rglob("*"):
            if path.is_dir():
                path.chmod(0o755)
        name = f"pharos-{release.version}-linux-{release.machine}"
        return archive.gzipped(archive.tar_of(tree, release.epoch, prefix=f"{name}/"))


def sums(dist: pathlib.Path) -> str:
    """As `sha256sum -c` reads it. The image's folder has its own sums: its files are named by them."""
    files = sorted(path for path in dist.iterdir() if path.is_file() and path.name != "SHA256SUMS")
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("built", type=pathlib.Path)
    parser.add_argument("dist", type=pathlib.Path)
    parser.add_argument("--resolved", type=pathlib.Path, required=True)
    parser.add_argument("--checkouts", type=pathlib.Path, required=True)
    parser.add_argument("--packages", type=pathlib.Path, required=True, help="where downloaded Debian packages are kept")
    options = parser.parse_args()
    release, dist = Release.of_working_tree(), options.dist
    shutil.rmtree(dist, ignore_errors=True)
    dist.mkdir(parents=True)
    stem = f"pharos-{release.version}-linux-{release.machine}"
    with tempfile.TemporaryDirectory() as folder:
        executable, symbols = pathlib.Path(folder, "pharos"), pathlib.Path(folder, "pharos.debug")
        binary.split(options.built, executable, symbols)
        text = bill.of(release, executable, options.resolved, options.checkouts)
        (dist / f"{stem}.spdx.json").write_text(text)
        (dist / f"{stem}.tar.gz").write_bytes(tarball(release, executable, symbols.name))
        (dist / f"{stem}-dbgsym.tar.gz").write_bytes(archive.gzipped(archive.tar_of_files(
            {f"{stem}-dbgsym/{symbols.name}": symbols.read_bytes()}, release.epoch)))
        package = f"{release.debian_version}_{release.debian_architecture}.deb"
        debian.server(release, executable, text, dist / f"pharos_{package}")
        if identity := binary.build_id(executable):
            debian.symbols(release, symbols, identity, dist / f"pharos-dbgsym_{package}")
        layout = dist / f"pharos-{release.version}-oci-{release.debian_architecture}"
        image.build(release, executable, options.packages, layout)
        (dist / f"{layout.name}.tar").write_bytes(archive.tar_of(layout, release.epoch))
        (dist / f"{stem}.sizes.txt").write_text(sizes.table(options.built, executable))
    (dist / "SHA256SUMS").write_text(sums(dist))


main()
