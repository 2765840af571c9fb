"""From files to tensors: readers, subsets, tokenisation, the order of mini-batches."""
