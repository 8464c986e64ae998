"""The subcommand `doubles completions`, which makes its scripts from the parsers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from doubles_ffi.cli.parser import parsers

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator


def completions(options: argparse.Namespace) -> int:
    """Write the script that makes a shell complete the command."""
    sys.stdout.write(script(options.shell))
    return 0


def script(shell: str) -> str:
    """Return the script for a shell."""
    lines = {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell]()
    return "".join(f"{line}\n" for line in lines)


def _bash() -> Iterator[str]:
    """Where no word fits, bash completes file names. It passes = as a word of its own."""
    parser, commands = parsers()
    words = [*commands, *_flags(parser)]
    yield "_doubles() {"
    yield "    local words= word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}"
    yield "    if [[ $word == = ]]; then word="
    yield "    elif [[ $before == = ]]; then before=${COMP_WORDS[COMP_CWORD-2]}"
    yield "    fi"
    yield "    case $COMP_CWORD,${COMP_WORDS[1]},$before in"
    yield f"        1,*) words='{' '.join(words)}' ;;"
    for name, command in commands.items():
        for action in _options(command):
            if action.choices:
                for flag in action.option_strings:
                    yield f"        *,{name},{flag}) words='{' '.join(action.choices)}' ;;"
    for name, command in commands.items():
        yield f"        *,{name},*)"
        choices = [choice for action in _positionals(command) for choice in action.choices or ()]
        yield f"            case $word in -*) words='{' '.join(_flags(command))}' ;;"
        yield f"                *) words='{' '.join(choices)}' ;; esac ;;"
    yield "    esac"
    yield '    COMPREPLY=($(compgen -W "$words" -- "$word"))'
    yield "}"
    yield "complete -o default -F _doubles doubles"


def _zsh() -> Iterator[str]:
    parser, commands = parsers()
    yield "#compdef doubles"
    yield "_doubles() {"
    yield "    local state line context"
    yield f"    _arguments -C {' '.join(map(_zsh_option, _options(parser)))} \\"
    yield f"        '1:command:({' '.join(commands)})' '*::argument:->arguments'"
    yield '    [[ $state == arguments ]] && case "$line[1]" in'
    for name, command in commands.items():
        yield f"        {name}) _arguments \\"
        for action in _options(command):
            yield f"            {_zsh_option(action)} \\"
        for action in _positionals(command):
            yield f"            '*:{action.metavar}:{_zsh_values(action)}' ;;"
    yield "    esac"
    yield "}"
    yield "# If zsh loaded this file from its fpath, it wants completions at once."
    yield "if [[ $funcstack[1] == _doubles ]]"
    yield 'then _doubles "$@"'
    yield "else compdef _doubles doubles"
    yield "fi"


def _zsh_option(action: argparse.Action) -> str:
    text = _help(action).replace("[", r"\[").replace("]", r"\]").replace(":", r"\:")
    value = (
        f":{action.metavar or action.dest}:{_zsh_values(action)}" if _takes_value(action) else ""
    )
    flags = [f"{flag}{'=' if value else ''}" for flag in action.option_strings]
    return " ".join(_quote(f"{flag}[{text}]{value}", r"'\''") for flag in flags)


def _zsh_values(action: argparse.Action) -> str:
    if action.choices:
        return f"({' '.join(action.choices)})"
    return "_files" if action.metavar == "FILE" else ""


def _fish() -> Iterator[str]:
    parser, commands = parsers()
    at_first = "complete -c doubles -n __fish_use_subcommand"
    for action in _options(parser):
        yield f"{at_first} -f {_fish_option(action)}"
    for name, command in commands.items():
        yield f"{at_first} -f -a {name} -d {_fish_quote(command.description or '')}"
        within = f"complete -c doubles -n '__fish_seen_subcommand_from {name}'"
        for action in _options(command):
            yield f"{within} {_fish_option(action)}"
        for action in _positionals(command):
            yield f"{within} {_fish_values(action)}"


def _fish_option(action: argparse.Action) -> str:
    flags = [
        f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}"
        for flag in action.option_strings
    ]
    values = ["-r", _fish_values(action)] if _takes_value(action) else []
    return " ".join([*flags, *values, "-d", _fish_quote(_help(action))])


def _fish_values(action: argparse.Action) -> str:
    if action.choices:
        return f"-f -a '{' '.join(action.choices)}'"
    return "-F" if action.metavar == "FILE" else "-f"


def _fish_quote(text: str) -> str:
    return _quote(text.replace("\\", "\\\\"), r"\'")


def _quote(text: str, quotation_mark: str) -> str:
    return "'" + text.replace("'", quotation_mark) + "'"


def _options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in parser._actions if action.option_strings]


def _positionals(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in parser._actions if not action.option_strings]


def _flags(parser: argparse.ArgumentParser) -> list[str]:
    return [flag for action in _options(parser) for flag in action.option_strings]


def _takes_value(action: argparse.Action) -> bool:
    """Return whether the option takes the next word."""
    return action.nargs != 0


def _help(action: argparse.Action) -> str:
    """Return the help as argparse shows it."""
    return (action.help or "") % vars(action)
