"""The documentation. It is a package so that it is installed with the server, which shows it at `/docs`; it holds no code."""
