"""Manual page and completions, from what the commands say about themselves."""

import json
import pathlib
import re
import subprocess
import time

SHELLS = {
    "bash": "share/bash-completion/completions/pharos",
    "zsh": "share/zsh/vendor-completions/_pharos",
    "fish": "share/fish/vendor_completions.d/pharos.fish",
}


def escaped(text: str) -> str:
    """Text for roff: no line of it is a request, no hyphen is a dash."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line[:1] in ".'" else line for line in text.split("\n"))


def names(argument: dict) -> str:
    words = [("-" if name["kind"] == "short" else "--") + name["name"] for name in argument.get("names", [])]
    value = f" <{argument.get('valueName', 'value')}>" if argument["kind"] != "flag" else ""
    return (", ".join(words) + value) if words else f"<{argument.get('valueName', 'value')}>"


def options(command: dict) -> list[str]:
    lines = []
    for argument in command.get("arguments", []):
        if argument.get("shouldDisplay", True) and names(argument) not in ("--version", "-h, --help"):
            lines += [".TP", f"\\fB{escaped(names(argument))}\\fR", escaped(argument.get("abstract", ""))]
            if argument.get("defaultValue"):
                lines.append(escaped(f"Default: {argument['defaultValue']}."))
    return lines


def commands(command: dict, path: str) -> list[str]:
    lines = []
    for each in command.get("subcommands", []):
        name = f"{path} {each['commandName']}"
        if each["commandName"] == "help" or not each.get("shouldDisplay", True):
            continue
        lines += [f'.SS "{escaped(name)}"', escaped(each.get("abstract", ""))]
        if each.get("discussion"):
            lines += [".PP", escaped(each["discussion"])]
        lines += options(each) + commands(each, name)
    return lines


def page(executable: pathlib.Path, version: str, epoch: int) -> str:
    """pharos(1)."""
    said = subprocess.run([executable, "--experimental-dump-help"], check=True, capture_output=True, text=True).stdout
    command = json.loads(said)["command"]
    abstract = re.sub(r"\.$", "", command["abstract"])
    lines = [
        f'.TH PHAROS 1 "{time.strftime("%Y-%m-%d", time.gmtime(epoch))}" "pharos {version}" "Pharos"',
        ".SH NAME", f"pharos \\- {escaped(abstract)}",
        ".SH SYNOPSIS", ".B pharos", "\\fIcommand\\fR [\\fIoptions\\fR]",
        ".SH DESCRIPTION", ".nf", escaped(command.get("discussion", "")), ".fi",
        ".SH COMMANDS", *commands(command, "pharos"),
        ".SH FILES",
        ".TP", "\\fI/etc/pharos/pharos.yaml\\fR", "Configuration of the service.",
        ".TP", "\\fI/etc/pharos/environment\\fR", "Variables for the service, one NAME=value per line; it may be missing.",
        ".TP", "\\fI/var/lib/pharos\\fR", "What the service stores.",
        ".SH ENVIRONMENT",
        "Every key of the configuration is a variable, too: http_server.port is PHAROS_HTTP_SERVER_PORT.",
        ".SH SIGNALS",
        ".TP", "SIGTERM, SIGINT", escaped("End in order: every client is told to reconnect, within shutdown.timeout."),
        ".TP", "SIGHUP", "Read the certificate again.",
    ]
    return "\n".join(line for line in lines if line) + "\n"


def completion(executable: pathlib.Path, shell: str) -> str:
    return subprocess.run(
        [executable, "--generate-completion-script", shell], check=True, capture_output=True, text=True).stdout
