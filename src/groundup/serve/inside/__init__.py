"""What the tab Inside shows, a view a file: layers, the network in three dimensions, weights, reasons, gradients."""
