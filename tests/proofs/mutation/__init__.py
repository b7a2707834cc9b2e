"""Mutation testing of the agent: one thing is changed at a time, and a proof has to notice.

Why no library does it:

- mutmut writes its mutants into the module beside the original, behind calls that pick one by an
  environment variable, and forks one Python for each. What has to be mutated here is compiled by
  mpy-cross and runs in another VM, where neither those calls nor that variable exist.
- cosmic-ray changes a file in place and runs a command, which would do. But it changes operators,
  numbers and keywords only: no statement is removed or exchanged with its neighbour, no term of a
  condition dropped, and these are the faults to be afraid of. Its runs in parallel want a server
  and a clone of the repository each, and it keeps no word about which proof noticed.
"""
