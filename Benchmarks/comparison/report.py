"""The comparison's table, as Markdown with everything that is needed to take the run again."""

import datetime
import os
import pathlib
import platform
import re
import statistics

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"


def markdown(rows, servers, values, generator, rounds, seconds, flags):
    names = [peer.name for peer in servers]
    others = [peer for peer in servers if peer.name != "pharos"]
    compares = "pharos" in names
    head = ["Row", "Unit"] + [peer.title for peer in servers]
    if compares:
        head += [f"Pharos / {peer.title}" for peer in others] + ["Bound", "Held"]
    lines = [line(head), line(["---"] * 2 + ["---:"] * (len(head) - 2))]
    notes = []
    for row in rows:
        found = values[row.name]
        cells = [row.title, row.unit]
        cells += [number(median(found[peer.name]), row.unit) if row.measures(peer) else "" for peer in servers]
        if compares:
            cells += [ratio_text(found, peer.name) if row.measures(peer) else "" for peer in others]
            cells += bounds(row, found)
        notes += [f"{row.title}: {note}" for note in remarks(row, found)]
        lines.append(line(cells))
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    facts = [
        f"{date}, `scripts/bench{' ' + flags if flags else ''}`, {seconds / 60:.0f} minutes, load by {generator.title}, "
        f"medians of {rounds}; a ratio is the median of the rounds' ratios.",
        f"Machine: {machine()}.",
        "Versions: " + "; ".join(f"{peer.title} {peer.version()}" for peer in servers) + ".",
    ]
    parts = [facts, lines, [f"- {note}" for note in notes]]
    return "\n\n".join("\n".join(part) for part in parts if part)


def remarks(row, values):
    """What stands below the table about a row: its own note, and the figures of Pharos' median round."""
    found = [row.note] if row.note else []
    ours = sorted(value for value in values.get("pharos", []) if value is not None)
    if ours and (figures := getattr(ours[len(ours) // 2], "note", "")):
        found.append(figures + ".")
    return found


def bounds(row, values):
    """What Pharos may at most reach and whether it does, as two cells."""
    texts, held = [], []
    for peer, most in row.targets.items():
        texts.append(f"{most:g} x {peer}")
        ratio = median_ratio(values, peer)
        if ratio is not None:
            held.append(ratio <= most)
    found = median(values["pharos"])
    if row.limit is not None:
        texts.append(f"{row.limit:g}")
        if found is not None:
            held.append(found <= row.limit)
    if row.least is not None:
        texts.append(f"at least {row.least:g}")
        if found is not None:
            held.append(found >= row.least)
    return [", ".join(texts), ("yes" if all(held) else "NO") if held else ""]


def median(values):
    present = [value for value in values if value is not None]
    return statistics.median(present) if present else None


def median_ratio(values, peer):
    """The median over the rounds of Pharos divided by the peer."""
    if peer not in values:
        return None
    pairs = [(ours, theirs) for ours, theirs in zip(values["pharos"], values[peer]) if ours is not None and theirs]
    return statistics.median(ours / theirs for ours, theirs in pairs) if pairs else None


def ratio_text(values, peer):
    found = median_ratio(values, peer)
    return "-" if found is None else f"{found:.2f}"


def number(value, unit):
    if value is None:
        return "failed"
    if unit in ("bytes", "1/s"):
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def plain(value, unit):
    return f"{number(value, unit)} {unit}"


def line(cells):
    return "| " + " | ".join(cells) + " |"


def machine():
    model = "unknown processor"
    for text in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if text.startswith("model name"):
            model = text.split(":", 1)[1].strip()
            break
    kilobytes = int(pathlib.Path("/proc/meminfo").read_text().split()[1])
    return f"{os.cpu_count()} x {model}, {kilobytes / 1e6:.0f} GB, Linux {platform.release()}"


def write(table):
    """Replaces the results of the page; what people wrote around them stays."""
    text = PAGE.read_text()
    if BEGIN not in text:
        text = text.rstrip() + f"\n\n{BEGIN}\n{END}\n"
    pattern = re.compile(re.escape(BEGIN) + ".*" + re.escape(END), re.DOTALL)
    PAGE.write_text(pattern.sub(lambda _: f"{BEGIN}\n{table}\n{END}", text))
