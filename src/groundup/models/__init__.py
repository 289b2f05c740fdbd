"""Models: networks with their state and the files that hold them, named recipes, and what a model gets right."""
