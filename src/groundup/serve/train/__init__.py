"""The parts of the tab Train."""
