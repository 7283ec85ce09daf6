#!/usr/bin/env python3
"""Writes a manual page for the program and for each of its commands from what it says of itself.

usage: sfumato --experimental-dump-help | manual.py VERSION FOLDER

The pages are sfumato.1 and sfumato-COMMAND.1; a command with subcommands has them on its page. Like the help texts they contain no date,
so that the same program gives the same bytes.
"""

import json
import re
import sys
from pathlib import Path


def escaped(text):
    """Text for roff: no character of it is a request or an escape, and hyphens stay what they are when copied."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def bold(text):
    return f"\\fB{escaped(text)}\\fR"


def italic(text):
    return f"\\fI{escaped(text)}\\fR"


def paragraphs(text):
    """Blank lines separate paragraphs; indented lines, which are examples, keep their breaks."""
    lines, in_example = [], False
    for line in text.split("\n"):
        is_example = line.startswith(" ")
        if is_example != in_example:
            lines.append(".nf\n.RS 4" if is_example else ".RE\n.fi")
            in_example = is_example
        lines.append(escaped(line.strip()) if line.strip() else ".PP")
    if in_example:
        lines.append(".RE\n.fi")
    return "\n".join(lines)


def shown(arguments):
    return [argument for argument in arguments or [] if argument.get("shouldDisplay", True)]


def option_names(argument):
    names = [("-" if name["kind"] == "short" else "--") + name["name"] for name in argument["names"]]
    value = " " + italic(argument["valueName"]) if argument["kind"] == "option" else ""
    return ", ".join(bold(name) for name in sorted(names, key=len)) + value


def synopsis(words, command):
    parts = [bold(words)]
    if command.get("subcommands"):
        parts.append(italic("command"))
    for argument in shown(command.get("arguments")):
        if argument["kind"] == "positional":
            name = italic(argument["valueName"]) + (" ..." if argument["isRepeating"] else "")
            parts.append(f"[{name}]" if argument["isOptional"] else name)
    return " ".join(parts) + " [" + italic("options") + "]"


def argument_entry(argument):
    head = italic(argument["valueName"]) if argument["kind"] == "positional" else option_names(argument)
    text = argument.get("abstract", "")
    if argument.get("allValues"):
        text += " One of: " + ", ".join(argument["allValues"]) + "."
    if argument.get("defaultValue") and argument["kind"] != "flag":
        text += f" Default: {argument['defaultValue']}."
    return f".TP\n{head}\n{escaped(text.strip())}"


def argument_sections(command, heading):
    """Arguments first, then the options under the titles that the help gives them."""
    sections = {}
    for argument in shown(command.get("arguments")):
        title = "Arguments" if argument["kind"] == "positional" else argument.get("sectionTitle") or "Options"
        sections.setdefault(title, []).append(argument_entry(argument))
    titles = sorted(sections, key=lambda title: (title != "Arguments", title == "Options"))
    return [f"{heading} {escaped(title.upper() if heading == '.SH' else title)}\n" + "\n".join(sections[title]) for title in titles]


def subcommands(command):
    return [child for child in command.get("subcommands", []) if child.get("shouldDisplay", True) and child["commandName"] != "help"]


def page(words, command, version, related):
    name = words.replace(" ", "-")
    parts = [
        f'.TH "{name.upper()}" 1 "" "sfumato {version}" "Sfumato"',
        f".SH NAME\n{escaped(name)} \\- {escaped(command['abstract'].rstrip('.'))}",
        ".SH SYNOPSIS\n" + synopsis(words, command),
    ]
    if command.get("discussion"):
        parts.append(".SH DESCRIPTION\n" + paragraphs(command["discussion"]))
    parts += argument_sections(command, ".SH")
    if words == "sfumato":
        parts.append(".SH COMMANDS")
        for child in subcommands(command):
            parts.append(f".TP\n{bold(name + '-' + child['commandName'])}(1)\n{escaped(child['abstract'])}")
    else:
        for child in subcommands(command):
            parts += subcommand_section(f"{words} {child['commandName']}", child)
    if related:
        parts.append(".SH SEE ALSO\n" + ", ".join(f"{bold(other)}(1)" for other in related))
    return "\n".join(parts) + "\n"


def subcommand_section(words, command):
    parts = [f".SH {escaped(words.upper())}\n{escaped(command['abstract'])}\n.PP\n{synopsis(words, command)}"]
    if command.get("discussion"):
        parts.append(".PP\n" + paragraphs(command["discussion"]))
    return parts + argument_sections(command, ".SS")


def main():
    version, folder = sys.argv[1], Path(sys.argv[2])
    program = json.load(sys.stdin)["command"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sfumato.1").write_text(page("sfumato", program, version, []))
    for command in subcommands(program):
        name = command["commandName"]
        (folder / f"sfumato-{name}.1").write_text(page(f"sfumato {name}", command, version, ["sfumato"]))


main()
