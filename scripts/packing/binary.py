"""The executable: without its symbols, which go into a file beside it, and what it needs of the system."""

import dataclasses
import pathlib
import re
import shutil
import subprocess
import tempfile

CONTROL = "Source: pharos\nPackage: pharos\nArchitecture: any\nDepends: ${shlibs:Depends}\nDescription: none\n"


def run(*words, **options) -> str:
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True, **options).stdout


@dataclasses.dataclass
class Library:
    """A shared library that the executable is linked to."""

    name: str
    path: pathlib.Path
    package: str
    package_version: str


def split(built: pathlib.Path, executable: pathlib.Path, symbols: pathlib.Path) -> None:
    """Writes what runs, and beside it what a debugger wants; the first names the second."""
    run("objcopy", "--only-keep-debug", "--compress-debug-sections=zlib", built, symbols)
    run("objcopy", "--strip-all", "--remove-section=.comment", built, executable)
    # The name alone: a debugger looks for it beside the executable and below /usr/lib/debug.
    run("objcopy", f"--add-gnu-debuglink={symbols.name}", executable.resolve(), cwd=symbols.parent)
    executable.chmod(0o755)
    symbols.chmod(0o644)


def build_id(executable: pathlib.Path) -> str | None:
    found = re.search(r"Build ID: ([0-9a-f]+)", run("readelf", "-n", executable))
    return found.group(1) if found else None


def needed(executable: pathlib.Path) -> list[str]:
    return re.findall(r"NEEDED\s+(\S+)", run("objdump", "-p", executable))


def libraries(executable: pathlib.Path) -> list[Library]:
    """All of them, those that others need included, with the Debian packages that they come from."""
    found = []
    for name, path in re.findall(r"^\s*(?:(\S+) => )?(/\S+) \(0x", run("ldd", executable), re.MULTILINE):
        file = pathlib.Path(path)
        package = owner(file)
        version = run("dpkg-query", "-W", "-f", "${Version}", package)
        found.append(Library(name or file.name, file, package.split(":")[0], version))
    return sorted(found, key=lambda each: each.name)


def owner(file: pathlib.Path) -> str:
    """The package of a file. Where /lib is a link to /usr/lib, dpkg may know it by either name."""
    for path in (file, file.resolve(), pathlib.Path(str(file.resolve()).removeprefix("/usr")), pathlib.Path("/usr" + str(file))):
        answer = subprocess.run(["dpkg-query", "-S", str(path)], capture_output=True, text=True)
        if answer.returncode == 0:
            return answer.stdout.split(": ")[0].split(",")[0]
    raise SystemExit(f"package: {file} belongs to no Debian package")


def dependencies(executable: pathlib.Path) -> str:
    """What `Depends:` has to say, with the least versions whose symbols are used."""
    if shutil.which("dpkg-shlibdeps") is None:
        raise SystemExit("package: dpkg-shlibdeps is needed, of Debian's dpkg-dev")
    with tempfile.TemporaryDirectory() as folder:
        control = pathlib.Path(folder, "debian", "control")
        control.parent.mkdir()
        control.write_text(CONTROL)
        line = run("dpkg-shlibdeps", "-O", "-e", executable.resolve(), cwd=folder)
    return line.strip().removeprefix("shlibs:Depends=")
