"""Figures: of digits and answers, of a training, of what is inside a network.

Every function returns a `matplotlib.figure.Figure` and touches neither a screen nor any global state; `save` writes it
to a file. Matplotlib takes half a second to import: import this package only where a figure is drawn.
"""

from groundup.plots.answers import confusion, sheet
from groundup.plots.inside import activations, weights
from groundup.plots.maps import embedding, network, saliency
from groundup.plots.style import as_html, save
from groundup.plots.training import curves, gradient_sizes, ladder, learning_rate_finder, weight_histograms
from groundup.plots.trust import calibration, corruptions, coverage, robustness

__all__ = [
    "activations",
    "as_html",
    "calibration",
    "confusion",
    "corruptions",
    "coverage",
    "curves",
    "embedding",
    "gradient_sizes",
    "ladder",
    "learning_rate_finder",
    "network",
    "robustness",
    "saliency",
    "save",
    "sheet",
    "weight_histograms",
    "weights",
]
