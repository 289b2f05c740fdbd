"""The parts of the tab Draw, a card a file."""
