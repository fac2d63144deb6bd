"""Says in a sentence, for operators, why the cache cannot be used. No sentence quotes a password."""

import ssl

import redis
from redis.exceptions import (
    ClusterDownError,
    MasterDownError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
)
from redis.sentinel import MasterNotFoundError

from app.cache.servers import TIMEOUT

# Otherwise the first class that an error belongs to decides.
KINDS: tuple[tuple[type[Exception], str], ...] = (
    (ReadOnlyError, "it is a read-only replica; give the address of the primary, or of Sentinel"),
    (OutOfMemoryError, "it is full and removes no old entries; set its maxmemory-policy to allkeys-lru"),
    (
        NoPermissionError,
        "the user does not have the right to do that; docs/operating.md says which rights it needs",
    ),
    (MovedError, "it is one node of a cluster; the URL must begin with redis+cluster:// or rediss+cluster://"),
    (MasterDownError, "it is a replica that has lost its primary"),
    (ClusterDownError, "its cluster is down, because some slots have no node"),
    (redis.AuthenticationError, "it refuses the user or the password"),
    (redis.exceptions.BusyLoadingError, "it is still loading its data"),
    (redis.exceptions.MaxConnectionsError, "it has too many connections"),
    (redis.TimeoutError, f"it does not answer within {TIMEOUT * 1000:.0f} ms"),
)
NO_CLUSTER = "Cluster mode is not enabled"  # as redis-py says it
# Words in the text of an error whose class says too little.
WORDS = (
    ("NOAUTH", "it refuses the user or the password"),
    ("MISCONF", "it refuses writes because it cannot write to its own disk (MISCONF)"),
    ("NOREPLICAS", "it refuses writes because it has too few replicas (NOREPLICAS)"),
    ("DB index is out of range", "it has no database with that number"),
    ("alert certificate required", "it asks for a certificate; set PRESSRELAY_REDIS_CERTIFICATE"),
    ("CERTIFICATE_REQUIRED", "it asks for a certificate; set PRESSRELAY_REDIS_CERTIFICATE"),
    ("unknown ca", "it does not accept the certificate of PRESSRELAY_REDIS_CERTIFICATE"),
    ("UNKNOWN_CA", "it does not accept the certificate of PRESSRELAY_REDIS_CERTIFICATE"),
    ("file of the user or the password", "the file of the user or the password cannot be read"),
    ("Connection closed", "it closes the connection; perhaps it expects TLS, or has too many clients"),
    ("onnection reset", "it closes the connection; perhaps it expects TLS, or has too many clients"),
    ("onnection refused", "nothing listens at that address"),
    ("No such file", "its socket does not exist"),
    ("Name or service not known", "the name of its host is not known"),
    ("name resolution", "the name of its host is not known"),
)


def why(error: BaseException) -> str:
    """What is wrong with the server that raised or answered this error, and what to do: the end of a sentence."""
    texts = []
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not accepted ({cause.verify_message}); see PRESSRELAY_REDIS_CA"
        texts.append(str(cause))
        cause = cause.__cause__ or cause.__context__
    text = "\n".join(texts)
    if isinstance(error, MasterNotFoundError):
        return _without_primary(text)
    if NO_CLUSTER in text:
        return "it is not a cluster; the URL must begin with redis:// or rediss://"
    if isinstance(error, RedisClusterException) and error.__cause__ is not None:
        return f"no node of its cluster can be reached; the last one: {why(error.__cause__)}"
    for line in texts:  # what led to an error comes after it
        for words, sentence in WORDS:
            if words in line:
                return sentence
    for kind, sentence in KINDS:
        if isinstance(error, kind):
            return sentence
    return f"it answers with an error of the kind {type(error).__name__}"


def _without_primary(text: str) -> str:
    if any(words in text for words in ("WRONGPASS", "NOAUTH", "AuthenticationError", "Authentication required")):
        return "Sentinel refuses the user or the password; see PRESSRELAY_SENTINEL_PASSWORD_FILE"
    if "No master found" in text and " : " not in text:
        return "Sentinel knows no working primary of that name"
    return "no Sentinel answers, or none knows a working primary of that name"
