"""What each layer, loss and optimizer comes to on a GPU: tables keyed by type."""
