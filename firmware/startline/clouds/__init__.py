"""The clouds that the agent knows; `roles.find_cloud` finds them by the name in `claim.cloud`.

Each is one module: in this folder, or a role of its own, the package startline_NAME.

A cloud's module has NEEDED (names of settings), `request(identity, mark)` -> (path, headers,
body) of the one POST, and what `net.bind_request` reads the answer by: TOKEN (the token's name), WORDS (names
of what is said to people, the best first), ANSWERS (states by status, or by its hundreds), and
`canonical(value)`: the one form of a token, which is a text or the bytes of a number, or "" for what
is none. What a look goes by is LIST (a path with %d for the page; what token, mark, serial number
and date of creation are called; and, if not as RUFUS has them, which names lead to the list and to
the total), or a `lookup(ask, identity, mark)` of its own, which returns (state,
token, reason). `mark`, if any, goes to where the cloud's own list shows it again.
"""
