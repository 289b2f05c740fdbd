"""What a network does, in numbers: nothing here draws, and nothing here changes a network.

Every function takes a model and one picture, and returns plain arrays.
"""
