"""Raw input to tensors: checked tables, file readers, splits, and what is learned from training rows alone."""
