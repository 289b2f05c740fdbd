"""The command line as a whole: it answers at once, and every command is as the others."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator

import click
import pytest

import groundup as package
from command_line import groundup, python
from groundup.cli import COMMANDS, program

THERE = [name for name in COMMANDS if importlib.util.find_spec(f"groundup.cli.{name}")]
HEAVY = ("numpy", "matplotlib", "PIL", "rich", "pooch", "requests", "safetensors", "torch")


def leaves(command: click.Command, *names: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command that does something, with the words that call it."""
    if not isinstance(command, click.Group):
        yield names, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        if len(names) or name in THERE:
            inner = command.get_command(context, name)
            assert inner is not None
            yield from leaves(inner, *names, name)


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--version"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = """
import json, sys
from groundup.cli import main
try:
    main()
finally:
    print(json.dumps([name for name in sys.modules if "." not in name]), file=sys.stderr)
"""
    done = python(code, *arguments)
    assert done.code == 0
    loaded = json.loads(done.err.splitlines()[-1])
    assert "click" in loaded
    assert not set(HEAVY) & set(loaded)


def test_help_names_every_command() -> None:
    done = groundup("--help")
    assert done.code == 0
    for name, words in COMMANDS.items():
        assert f"  {name} " in done.out
        assert words.split()[0] in done.out
    assert package.__version__ in groundup("--version").out


@pytest.mark.parametrize("name", THERE)
def test_every_command_has_help(name: str) -> None:
    done = groundup(name, "--help")
    assert done.code == 0
    assert done.out.startswith(f"Usage: groundup {name}")


def test_every_command_can_print_json() -> None:
    commands = dict(leaves(program))
    assert {names[0] for names in commands} == set(THERE)
    for names, command in commands.items():
        options = [option for parameter in command.params for option in parameter.opts]
        assert "--json" in options, names
        assert all(isinstance(each, click.Argument) or each.help for each in command.params), names


@pytest.mark.parametrize("arguments", [["trian"], ["--jsn"], ["train", "--no-such"], ["train", "--epochs"]])
def test_wrong_use_ends_with_2(arguments: list[str]) -> None:
    done = groundup(*arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines()[-1].startswith("Error: ")
    assert "Traceback" not in done.err


def test_without_a_command_it_says_what_there_is() -> None:
    done = groundup()
    assert "Commands:" in done.out + done.err
    assert done.code in (0, 2)


def test_control_c_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    from groundup.cli import train

    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "recipe", interrupted)
    done = groundup("train")
    assert (done.code, done.out) == (130, "")
    assert done.err.strip() == "groundup: stopped."


def test_a_full_disk_is_said_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from groundup.cli import train

    def full(name: str) -> None:
        raise OSError(28, "No space left on device", "runs/x")

    monkeypatch.setattr(train, "recipe", full)
    done = groundup("train")
    assert done.code == 2
    assert done.err.strip() == "groundup: [Errno 28] No space left on device: 'runs/x'"
