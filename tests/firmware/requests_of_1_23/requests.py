"""An HTTP client with the shape of MicroPython 1.23's `requests`, for the agent's tests.

It holds its socket module as `usocket`, speaks HTTP/1.0, refuses chunked bodies, follows
redirects with all headers, and checks no certificate: whatever protects the key is the agent's.
"""

import socket as usocket


class Response:
    """An answer whose body was not read yet."""

    def __init__(self, status, raw):
        self.status_code = status
        self.raw = raw

    def close(self):
        """Close the connection."""
        self.raw.close()


def request(method, url, data=None, headers={}):  # noqa: B006
    """Make a request and return its answer."""
    proto, _, host, path = url.split("/", 3)
    port = 80
    if proto == "https:":
        import tls

        port = 443
    if ":" in host:
        host, port = host.split(":", 1)
    info = usocket.getaddrinfo(host, int(port), 0, usocket.SOCK_STREAM)[0]
    s = usocket.socket(info[0], usocket.SOCK_STREAM, info[2])
    try:
        s.connect(info[-1])
        if proto == "https:":
            context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
            context.verify_mode = tls.CERT_NONE
            s = context.wrap_socket(s, server_hostname=host)
        s.write(b"%s /%s HTTP/1.0\r\n" % (method, path))
        for name in headers:
            s.write(name)
            s.write(b": ")
            s.write(headers[name])
            s.write(b"\r\n")
        if data:
            s.write(b"Content-Length: %d\r\n" % len(data))
        s.write(b"Connection: close\r\n\r\n")
        if data:
            s.write(data)
        status = int(s.readline().split(None, 2)[1])
        redirect = None
        while True:
            line = s.readline()
            if not line or line == b"\r\n":
                break
            if line.startswith(b"Transfer-Encoding:") and b"chunked" in line:
                raise ValueError("Unsupported " + str(line, "utf-8"))
            if line.startswith(b"Location:"):
                redirect = str(line[10:-2], "utf-8")
    except OSError:
        s.close()
        raise
    if redirect:
        s.close()
        return request("GET" if status < 304 else method, redirect, data, headers)
    return Response(status, s)
