"""The command line: one small file a command, imported only when that command is called."""

from __future__ import annotations

import importlib
import sys

import click

import groundup
from groundup.errors import GroundupError

COMMANDS = {
    "train": "Train a network and keep it in a run folder.",
    "evaluate": "Measure a model on a data set: accuracy, confusion matrix, worst mistakes.",
    "committee": "Put several models into one file, to answer together.",
    "predict": "Recognise the digits in pictures.",
    "export": "Write a model for other programs: ONNX, or one HTML page.",
    "show": "Look at digits, weights, activations, answers and learning curves.",
    "play": "Draw digits in the browser, and open, break and train the network there.",
    "explain": "Show the computation of a neuron, a loss or a gradient, number by number.",
    "gradcheck": "Check every backward pass against the definition of a derivative.",
    "memstate": "Record every value of a training, and find the first that differs.",
    "data": "Fetch, verify and describe data sets.",
    "info": "Say what this machine has and what groundup makes of it.",
}


class LazyGroup(click.Group):
    """A group that imports a command's file when it is called, so that ``--help`` answers at once."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names in the order in which a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return ``groundup.cli.<name>.command``."""
        if name not in COMMANDS:
            return None
        command = importlib.import_module(f"groundup.cli.{name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(groundup.__version__, prog_name="groundup")
def program() -> None:
    """Handwritten-digit recognition, built from the ground up."""


def main() -> None:
    """Run the command line: 0 done, 1 the thing asked for did not hold, 2 wrong use or bad input, 130 stopped."""
    try:
        code = program(prog_name="groundup", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):  # the latter: a second one, while click handles the first
        click.echo("groundup: stopped.", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (GroundupError, OSError) as error:  # the latter: a file that cannot be written, a full disk
        click.echo(f"groundup: {error}", err=True)
        sys.exit(2)
    sys.exit(code if isinstance(code, int) else 0)
