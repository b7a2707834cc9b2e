"""The clouds that take passings: one module each, of the name that `startline.clouds` knows it by.

A cloud's module has `headers(identity, key)` of every call, which are (method, path) of
`open_session` (with its body), `close_session`, `list_sessions`, `list_passings` and
`send_passings` (with what stands around the list); `passing`, one of that list; and, of answers,
`session_token`, `counted` and `is_gone`, by the values of FIELDS and what is said under WORDS.
SESSION_FIELDS are what a session's token and alias are called in a list, PASSING_NUMBER what a
passing's number is; all names are bytes. A cloud without a module
here takes no passings: they are stored, and exported.
"""
