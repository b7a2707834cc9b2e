"""The clouds as this computer asks them: clients of the real services."""
