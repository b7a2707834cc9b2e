"""The factory: a batch of serial numbers, the ledger of what became of them, labels and reports."""
