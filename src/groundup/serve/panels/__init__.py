"""The parts that the tabs Mistakes and Break are made of."""
