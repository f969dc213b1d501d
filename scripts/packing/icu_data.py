"""Makes the data of Foundation's ICU smaller: icu_data.py OBJECT

Foundation brings 34 MB of texts for every language, sorting orders and character sets. The server shows no text of them: it
writes numbers and times in the forms of the protocols. What is kept is English and what belongs to no language; a
language that is not there falls back to it, as ICU does with every language that it does not know.

Writes an object file and prints the name of the data. With `--wrap=NAME` the linker takes the object's wherever NAME is
meant; nothing refers to the library's own any more, which --gc-sections then leaves out.
Exits with 3 if this toolchain's library is not as expected: then the whole data is linked, and nothing is lost but space.
"""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile

LOCALES = {"root", "en", "en_001", "en_US", "en_US_POSIX"}
# Tables that belong to no language and serve what a server does not do: other character sets, names of characters,
# look-alikes, the preparation of names in protocols that it does not speak, the choice of a language.
LEFT_OUT = {"cnvalias.icu", "confusables.cfu", "langInfo.res", "unames.icu"}
KINDS_LEFT_OUT = {"cnv", "spp"}


class Unexpected(Exception):
    """The library is not as this file expects it."""


def static_library() -> pathlib.Path:
    info = json.loads(subprocess.run(
        ["swiftc", "-static-stdlib", "-print-target-info"], check=True, capture_output=True, text=True).stdout)
    path = pathlib.Path(info["paths"]["runtimeResourcePath"]) / "linux" / "lib_FoundationICU.a"
    if not path.exists():
        raise Unexpected(f"there is no {path}")
    return path


def member(archive: bytes, wanted: str) -> bytes:
    """A member of an `ar` archive, with names in GNU form."""
    if archive[:8] != b"!<arch>\n":
        raise Unexpected("not an archive")
    names, at = b"", 8
    while at + 60 <= len(archive):
        name, size = archive[at : at + 16].decode().rstrip(), int(archive[at + 48 : at + 58])
        content = archive[at + 60 : at + 60 + size]
        if name == "//":
            names = content
        elif name.startswith("/") and name[1:].isdigit():
            begin = int(name[1:])
            name = names[begin : names.index(b"\n", begin)].decode()
        if name.rstrip("/") == wanted:
            return content
        at += 60 + size + size % 2
    raise Unexpected(f"the archive has no {wanted}")


def data_symbol(elf: bytes) -> tuple[str, bytes]:
    """The name and content of the one symbol `icudt…_dat` of a 64-bit object file."""
    if elf[:6] != b"\x7fELF\x02\x01":
        raise Unexpected("not a little-endian 64-bit object")
    (offset,), (size, count) = struct.unpack_from("<Q", elf, 0x28), struct.unpack_from("<HH", elf, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", elf, offset + index * size) for index in range(count)]
    for kind, begin, length, link in ((each[1], each[4], each[5], each[6]) for each in sections):
        if kind != 2:
            continue
        strings = sections[link][4]
        for at in range(begin, begin + length, 24):
            name, _, _, section, value, bytes_ = struct.unpack_from("<IBBHQQ", elf, at)
            text = elf[strings + name : elf.index(b"\0", strings + name)].decode()
            if text.startswith("icudt") and text.endswith("_dat"):
                start = sections[section][4] + value
                return text, elf[start : start + bytes_]
    raise Unexpected("no symbol icudt…_dat")


def entries(data: bytes) -> tuple[int, list[tuple[str, bytes]]]:
    """The length of the package's header, and its files with their names."""
    header, magic = struct.unpack_from("<HH", data, 0)
    if magic != 0x27DA or data[12:16] != b"CmnD":
        raise Unexpected("not a package of ICU data")
    (count,) = struct.unpack_from("<I", data, header)
    places = [struct.unpack_from("<II", data, header + 4 + 8 * index) for index in range(count)]
    ends = [begin for _, begin in places[1:]] + [len(data) - header]
    files = []
    for (name, begin), end in zip(places, ends):
        text = data[header + name : data.index(b"\0", header + name)].decode()
        files.append((text, data[header + begin : header + end]))
    return header, files


def is_kept(name: str) -> bool:
    """Of the top folder only: those below are for sorting, currencies, names of zones, breaking lines, spelling numbers."""
    *folders, file = name.split("/")[1:]
    stem, _, kind = file.rpartition(".")
    if folders or file in LEFT_OUT or kind in KINDS_LEFT_OUT:
        return False
    language = stem.split("_")[0]
    return kind != "res" or stem in LOCALES or not (language.islower() and len(language) <= 3)


def package(header: bytes, files: list[tuple[str, bytes]]) -> bytes:
    """The form that `entries` reads: offsets count from the end of the header, and each file begins at a multiple of 16."""
    names, at = b"", 4 + 8 * len(files)
    offsets = []
    for name, _ in files:
        offsets.append(at + len(names))
        names += name.encode() + b"\0"
    names += b"\0" * (-(at + len(names)) % 16)
    begin, table, body = at + len(names), b"", b""
    for (_, content), name_at in zip(files, offsets):
        table += struct.pack("<II", name_at, begin + len(body))
        body += content + b"\0" * (-len(content) % 16)
    return header + struct.pack("<I", len(files)) + table + names + body


def smaller(data: bytes) -> bytes:
    length, files = entries(data)
    kept = [(name, content) for name, content in files if is_kept(name)]
    result = package(data[:length], kept)
    if entries(result)[1] != [(name, content + b"\0" * (-len(content) % 16)) for name, content in kept]:
        raise Unexpected("what was written does not read back")
    return result


def write_object(symbol: str, data: bytes, path: pathlib.Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        blob, source = pathlib.Path(folder, "data"), pathlib.Path(folder, "data.S")
        blob.write_bytes(data)
        source.write_text(
            f'.section .rodata.{symbol},"a"\n.balign 16\n.globl {symbol}\n.type {symbol},@object\n{symbol}:\n'
            f'.incbin "data"\n.size {symbol}, {len(data)}\n.section .note.GNU-stack,"",@progbits\n')
        subprocess.run(["clang", "-c", "data.S", "-o", "data.o"], cwd=folder, check=True)
        path.write_bytes(pathlib.Path(folder, "data.o").read_bytes())


def main(path: str) -> None:
    name, data = data_symbol(member(static_library().read_bytes(), "icu_packaged_data.cpp.o"))
    write_object(f"__wrap_{name}", smaller(data), pathlib.Path(path))
    print(name)


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Unexpected as fault:
        print(f"icu_data: {fault}", file=sys.stderr)
        sys.exit(3)
