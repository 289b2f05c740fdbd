"""Pictures of digits, from a person's photograph to MNIST's form and to what is written there.

MNIST's pictures were made like this: the ink's bounding box was scaled into 20x20 pixels with antialiasing, keeping its
aspect, and then placed so that the ink's centre of mass lies in the centre of 28x28 pixels.

Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition", 1998,
section III.A.
"""

from groundup.pictures.mnist import Prepared, to_mnist
from groundup.pictures.reading import read_picture

__all__ = ["Prepared", "read_picture", "to_mnist"]
