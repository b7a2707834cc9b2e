"""An HTTP client with the shape of today's `requests` of micropython-lib, for the agent's tests.

It holds its socket module as `socket`, speaks HTTP/1.1, reads all of the head, follows redirects
with all headers, and checks no certificate: whatever protects the key is the agent's.
"""

import socket


class Response:
    """An answer whose body was not read yet."""

    def __init__(self, status, raw):
        self.status_code = status
        self.raw = raw

    def close(self):
        """Close the connection."""
        self.raw.close()


def request(method, url, data=None, headers=None):
    """Make a request and return its answer."""
    headers = dict(headers or {})
    proto, _, host, path = url.split("/", 3)
    port = 80
    if proto == "https:":
        import tls

        port = 443
    if ":" in host:
        host, port = host.split(":", 1)
    info = socket.getaddrinfo(host, int(port), 0, socket.SOCK_STREAM)[0]
    s = socket.socket(info[0], socket.SOCK_STREAM, info[2])
    try:
        s.connect(info[-1])
        if proto == "https:":
            context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
            context.verify_mode = tls.CERT_NONE
            s = context.wrap_socket(s, server_hostname=host)
        s.write(b"%s /%s HTTP/1.1\r\n" % (method, path))
        if data:
            headers["Content-Length"] = str(len(data))
        headers["Connection"] = "close"
        for name in headers:
            s.write(name)
            s.write(b": ")
            s.write(headers[name])
            s.write(b"\r\n")
        s.write(b"\r\n")
        if data:
            s.write(data)
        words = s.readline().split(None, 2)
        if len(words) < 2:
            raise ValueError("HTTP error: BadStatusLine:\n%s" % words)
        status = int(words[1])
        redirect = None
        while True:
            line = s.readline()
            if not line or line == b"\r\n":
                break
            if line.startswith(b"Location:"):
                redirect = str(line[10:-2], "utf-8")
    except OSError:
        s.close()
        raise
    if redirect:
        s.close()
        return request("GET" if status < 304 else method, redirect, data, headers)
    return Response(status, s)
