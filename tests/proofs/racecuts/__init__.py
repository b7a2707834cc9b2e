"""Power cuts of the race: what a reader has stored is at the cloud once, wherever power goes."""
