"""The peers: small real applications that serve the same articles, each as its own documentation shows.

They run under Granian with the options of `pressrelay serve`, and find what they serve by the environment variable BENCH_PEER.
"""
