"""What the tests share: a kernel to talk to, raw sockets, notebooks, a browser."""
