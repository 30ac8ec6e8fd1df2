"""Results -> text for people. Pure: no file, no model, no data."""
