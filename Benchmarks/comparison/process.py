"""What a server's processes have used so far, from /proc."""

import os
import pathlib

TICKS = os.sysconf("SC_CLK_TCK")


def family(pid):
    """A process and its descendants; those that have ended are left out."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := stat(entry)):
            parents[int(entry)] = int(fields[1])
    found = [pid]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return [one for one in found if one in parents]


def stat(pid):
    """The fields after the name, which may itself hold anything; None when the process has ended."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def cpu_seconds(pid):
    """User and system time of a process and its descendants."""
    total = 0
    for one in family(pid):
        if fields := stat(one):
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory_bytes(pid):
    """Proportional set size of a process and its descendants."""
    total = 0
    for one in family(pid):
        try:
            for line in pathlib.Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        except OSError:
            continue
    return total
