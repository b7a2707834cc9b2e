"""`startline doctor`: what could stand in the way of a reader, each finding with its remedy."""
