"""The one exception of the agent's own."""


class StepFailed(Exception):
    """A step did not succeed.

    `args` are the step as the console names it, the reason in a word or two, and True where
    trying again in this boot cannot help.
    """
