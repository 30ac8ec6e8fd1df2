"""A palaeontologist's report on a folder of images: what is in it, and what encoders make of it."""
