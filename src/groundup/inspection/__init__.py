"""What a network does, in numbers: nothing here draws, and nothing here changes the model that it is given."""
