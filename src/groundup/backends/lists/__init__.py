"""The `lists` backend: what NumPy does, in pure Python.

Read `layout` first (how a flat list becomes an array of any shape), then `array` (the array and its operators), then
whatever you are curious about. ``from groundup.backends.lists import namespace as xp`` gives the functions.
"""

from groundup.backends.lists.array import Array
from groundup.backends.lists.program import ListsBackend

__all__ = ["Array", "ListsBackend"]
