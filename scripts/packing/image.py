"""A container image in the OCI layout, made of Debian's packages: no container tool is needed, and no shell is inside."""

import hashlib
import json
import pathlib
import shutil
import tempfile

from . import archive, binary
from .unpacked import Packages
from .release import DESCRIPTION, ROOT, Release

# A number that no user of a machine has; Kubernetes wants a number to see that it is not root.
USER = 65532
# Beside the libraries: authorities for TLS to the application, to key sets and brokers.
AUTHORITIES = "ca-certificates"
OPENSSL = "openssl"
TYPES = "application/vnd.oci.image"
# Nanoseconds, as the field wants them.
SECOND = 1_000_000_000


def copy_library(tree: pathlib.Path, unpacked: pathlib.Path, library: binary.Library) -> None:
    """The file that the name leads to, under the name that the loader looks for."""
    found = next((path for path in unpacked.rglob(library.path.name)), None)
    if found is None:
        raise SystemExit(f"package: {library.package} has no {library.path.name}")
    place = tree / "usr" / library.path.relative_to("/usr" if library.path.parts[1] == "usr" else "/")
    place.parent.mkdir(parents=True, exist_ok=True)
    # Links name files of the same folder.
    target = found.parent / found.readlink().name if found.is_symlink() else found
    shutil.copyfile(target, place)
    place.chmod(0o755)


def authorities(tree: pathlib.Path, unpacked: pathlib.Path, openssl: pathlib.Path) -> None:
    """The bundle that `update-ca-certificates` makes, and the names under which OpenSSL looks for it."""
    certificates = sorted(unpacked.glob("usr/share/ca-certificates/mozilla/*.crt"))
    if not certificates:
        raise SystemExit("package: ca-certificates has no certificates")
    bundle = tree / "etc" / "ssl" / "certs" / "ca-certificates.crt"
    bundle.parent.mkdir(parents=True)
    bundle.write_bytes(b"".join(path.read_bytes().rstrip(b"\n") + b"\n" for path in certificates))
    folder = tree / "usr" / "lib" / "ssl"
    folder.mkdir(parents=True)
    (folder / "cert.pem").symlink_to("/etc/ssl/certs/ca-certificates.crt")
    (folder / "certs").symlink_to("/etc/ssl/certs")
    (folder / "openssl.cnf").symlink_to("/etc/ssl/openssl.cnf")
    shutil.copyfile(openssl / "etc" / "ssl" / "openssl.cnf", tree / "etc" / "ssl" / "openssl.cnf")


def copyright_of(package: str, packages: Packages) -> pathlib.Path:
    """Packages made of one source may share a folder: then it is a link to that of another package."""
    folder = packages.unpack(package) / "usr" / "share" / "doc" / package
    if folder.is_symlink():
        other = folder.readlink().name
        folder = packages.unpack(other) / "usr" / "share" / "doc" / other
    return folder / "copyright"


def root(tree: pathlib.Path, executable: pathlib.Path, packages: Packages) -> dict[str, int]:
    """Fills a folder with all that the server needs; tells which paths are not root's."""
    for library in binary.libraries(executable):
        copy_library(tree, packages.unpack(library.package), library)
    # As Debian has it: the folders of the root are names for those below /usr.
    for name in ("bin", "lib", "lib64", "sbin"):
        (tree / "usr" / name).mkdir(parents=True, exist_ok=True)
        (tree / name).symlink_to(f"usr/{name}")
    authorities(tree, packages.unpack(AUTHORITIES), packages.unpack(OPENSSL))
    for package in list(packages.versions):
        place = tree / "usr" / "share" / "doc" / package / "copyright"
        place.parent.mkdir(parents=True)
        shutil.copyfile(copyright_of(package, packages), place)
    shutil.copyfile(executable, tree / "usr" / "bin" / "pharos")
    (tree / "usr" / "bin" / "pharos").chmod(0o755)
    texts = {
        "etc/passwd": f"root:x:0:0:root:/root:/sbin/nologin\npharos:x:{USER}:{USER}::/var/lib/pharos:/sbin/nologin\n",
        "etc/group": f"root:x:0:\npharos:x:{USER}:\n",
        "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
        "etc/pharos/pharos.yaml": (ROOT / "deploy" / "pharos.yaml").read_text(),
        "usr/share/doc/pharos/LICENSE": (ROOT / "LICENSE").read_text(),
    }
    for name, text in texts.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    (tree / "var" / "lib" / "pharos").mkdir(parents=True)
    (tree / "tmp").mkdir()
    for path in tree.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    (tree / "tmp").chmod(0o1777)
    (tree / "var" / "lib" / "pharos").chmod(0o750)
    return {"var/lib/pharos": USER}


def configuration(release: Release, layer: str) -> dict:
    return {
        "architecture": release.debian_architecture, "os": "linux", "created": release.time,
        "config": {
            "User": f"{USER}:{USER}",
            "ExposedPorts": {"8000/tcp": {}},
            # A container has an address of its own; what may come to it is its network's business.
            "Env": ["PATH=/usr/bin", "PHAROS_HTTP_SERVER_ADDRESS=0.0.0.0", "PHAROS_STORE_PATH=/var/lib/pharos"],
            "Entrypoint": ["/usr/bin/pharos"],
            "Cmd": ["serve", "--config", "/etc/pharos/pharos.yaml"],
            "WorkingDir": "/var/lib/pharos",
            "Volumes": {"/var/lib/pharos": {}},
            "StopSignal": "SIGTERM",
            # An extension of Docker, which podman does not read; Kubernetes has probes of its own.
            "Healthcheck": {"Test": ["CMD", "/usr/bin/pharos", "health"], "Interval": 10 * SECOND, "Timeout": 5 * SECOND,
                            "StartPeriod": 10 * SECOND, "Retries": 3},
            "Labels": {
                "org.opencontainers.image.title": "pharos",
                "org.opencontainers.image.description": DESCRIPTION,
                "org.opencontainers.image.version": release.version,
                "org.opencontainers.image.revision": release.commit,
                "org.opencontainers.image.created": release.time,
                "org.opencontainers.image.licenses": "Apache-2.0",
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [layer]},
        "history": [{"created": release.time, "created_by": "scripts/package"}],
    }


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def build(release: Release, executable: pathlib.Path, cache: pathlib.Path, target: pathlib.Path) -> dict[str, str]:
    """Writes the layout into the folder `target`; the versions of the packages that are inside."""

    def blob(data: bytes, kind: str) -> dict:
        (target / "blobs" / "sha256" / digest(data).split(":")[1]).write_bytes(data)
        return {"mediaType": f"{TYPES}.{kind}", "digest": digest(data), "size": len(data)}

    shutil.rmtree(target, ignore_errors=True)
    (target / "blobs" / "sha256").mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        packages = Packages(cache, pathlib.Path(folder, "packages"))
        tree = pathlib.Path(folder, "root")
        owners = root(tree, executable, packages)
        layer = archive.tar_of(tree, release.epoch, owners=owners)
    written = blob(archive.gzipped(layer), "layer.v1.tar+gzip")
    described = blob(json.dumps(configuration(release, digest(layer)), indent=1).encode(), "config.v1+json")
    manifest = blob(json.dumps({
        "schemaVersion": 2, "mediaType": f"{TYPES}.manifest.v1+json", "config": described, "layers": [written],
    }, indent=1).encode(), "manifest.v1+json")
    manifest["platform"] = {"architecture": release.debian_architecture, "os": "linux"}
    # podman and its like call the image so.
    manifest["annotations"] = {"org.opencontainers.image.ref.name": f"pharos:{release.version}"}
    (target / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
    (target / "index.json").write_text(json.dumps(
        {"schemaVersion": 2, "mediaType": f"{TYPES}.index.v1+json", "manifests": [manifest]}, indent=1))
    return packages.versions
