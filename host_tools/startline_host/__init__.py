"""The bench computer's half of Startline: load, watch and prove a timing reader."""
