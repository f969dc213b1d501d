"""Where the size of the executable goes: by section, and by the module whose code it is."""

import collections
import pathlib
import re

from . import binary

# A Swift symbol begins with the length of its module's name, or a letter for what belongs to the standard library.
MODULE = re.compile(r"^\$s(\d+)")
OTHERS = [
    (re.compile(r"^_ZN?K?6icu_\d+|^u[a-z]*_.*_swift|^_ZN?K?\d*swift_icu|^icudt"), "ICU"),
    (re.compile(r"^_ZN?K?5swift|^swift_|^_swift|^_ZL?\d*_?swift"), "Swift runtime"),
    (re.compile(r"^_?_?CF|^_NS|^kCF"), "CoreFoundation"),
    (re.compile(r"^_dispatch|^dispatch_"), "Dispatch"),
    (re.compile(r"^c_nio|^CNIO"), "NIO (C)"),
    (re.compile(r"^yaml_"), "CYaml"),
    (re.compile(r"^\$s"), "Swift, and its generics"),
]
KINDS = {"t": "code", "r": "data", "d": "data"}


def module(symbol: str) -> str:
    if found := MODULE.match(symbol):
        rest = symbol[found.end() :]
        # A name with a repeated word begins with 0; the word up to there tells enough.
        length = int(found.group(1)) or len(rest)
        return re.match(r"\w*", rest[:length] if not found.group(1).startswith("0") else words_of(rest)).group()
    return next((name for pattern, name in OTHERS if pattern.search(symbol)), "other")


def words_of(rest: str) -> str:
    return re.match(r"[A-Za-z_]*", rest).group()


def sections(executable: pathlib.Path) -> list[tuple[str, int]]:
    lines = binary.run("size", "-A", "-d", executable).splitlines()
    found = [(words[0], int(words[1])) for words in map(str.split, lines) if len(words) == 3 and words[1].isdigit()]
    return sorted(((name, size) for name, size in found if name != ".bss"), key=lambda each: -each[1])


def modules(built: pathlib.Path) -> list[tuple[str, int, int]]:
    sizes: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    seen = set()
    for line in binary.run("nm", "-S", "--defined-only", built).splitlines():
        words = line.split()
        # Several names of one place, as the linker folds equal functions, count once.
        if len(words) != 4 or words[2].lower() not in KINDS or words[0] in seen:
            continue
        seen.add(words[0])
        sizes[module(words[3])][KINDS[words[2].lower()]] += int(words[1], 16)
    rows = [(name, counts["code"], counts["data"]) for name, counts in sizes.items()]
    return sorted(rows, key=lambda each: -each[1] - each[2])


def table(built: pathlib.Path, executable: pathlib.Path) -> str:
    lines = [f"{executable.name}: {executable.stat().st_size:,} bytes", "", f"{'section':28} {'bytes':>12}"]
    lines += [f"{name:28} {size:12,}" for name, size in sections(executable) if size >= 10_000]
    lines += ["", f"{'by symbols':28} {'code':>12} {'data':>12}"]
    lines += [f"{name:28} {code:12,} {data:12,}" for name, code, data in modules(built) if code + data >= 50_000]
    return "\n".join(lines) + "\n"
