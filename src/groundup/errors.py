"""Errors that a person can act on: what was wrong, where, and what would be right.

The command line prints the message of any `GroundupError` without a traceback and exits with 2.
"""


class GroundupError(Exception):
    """A mistake of the user, or something broken in what the user gave; the message says how to mend it."""


class ParameterError(GroundupError, ValueError):
    """A parameter of a layer, loss, optimizer, schedule or initializer is of the wrong type or out of range."""


class NetworkError(GroundupError, ValueError):
    """The layers of a network do not fit together, or a network's description cannot be understood."""


class StateError(GroundupError, ValueError):
    """Named arrays do not fit the network: a name is missing or unknown, or a shape differs."""


class DataError(GroundupError, ValueError):
    """A data set cannot be found, read or understood."""


class ModelError(GroundupError, ValueError):
    """A model file cannot be read, or does not hold what a model file must hold."""


class PictureError(GroundupError, ValueError):
    """A picture cannot be read, or holds nothing that could be a digit."""


class RecordingError(GroundupError, ValueError):
    """A recording of memory states cannot be read, or lacks what a comparison needs."""


class ConfigurationError(GroundupError, ValueError):
    """A training configuration has an unknown key, a value out of range, or settings that contradict each other."""
