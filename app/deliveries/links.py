"""Signed tokens for the links in mails. A token says what the link does, and only this server can make one."""

from itsdangerous import BadSignature, SignatureExpired, URLSafeSerializer, URLSafeTimedSerializer

from app import store
from app.context import Context
from app.errors import Problem

CONFIRMED_WITHIN = 48 * 3600  # seconds


def confirming(context: Context, subscription: store.deliveries.Subscription) -> str:
    """The token of a link that confirms a subscription."""
    return _timed(context).dumps([subscription.target, subscription.query, subscription.pace, subscription.lang])


def confirmed(context: Context, token: str) -> tuple[str, str, str, str]:
    """(address, query, pace, language) of a confirmation token. Raises Problem: 403, or 410 if the token is too old."""
    try:
        target, query, pace, lang = _timed(context).loads(token, max_age=CONFIRMED_WITHIN)
    except SignatureExpired:
        raise Problem(
            410, "token-expired", "The link is too old", "It was valid for 48 hours. Subscribe again."
        ) from None
    except (BadSignature, ValueError, TypeError):
        raise Problem(403, "token-wrong", "The link is not one of ours") from None
    return target, query, pace, lang


def leaving(context: Context, subscription: store.deliveries.Subscription) -> str:
    """The token of a link that ends a subscription."""
    return URLSafeSerializer(store.identity.secret(context.engine), salt="leave").dumps(subscription.name)


def left(context: Context, token: str) -> str:
    """The name of the subscription that a token ends. Raises Problem (403)."""
    try:
        return str(URLSafeSerializer(store.identity.secret(context.engine), salt="leave").loads(token))
    except BadSignature:
        raise Problem(403, "token-wrong", "The link is not one of ours") from None


def once(engine: store.Engine, base: str, link: store.accounts.OneTimeLink) -> str:
    """The URL of a link that works once, under the server's public URL `base`. Raises Unavailable."""
    path = {"setup": "setup", "invite": "join", "reset": "reset"}[link.kind]
    token = URLSafeSerializer(store.identity.secret(engine), salt="once").dumps(link.id)
    return f"{base}/{path}/{token}"


def once_id(context: Context, token: str) -> str:
    """The id of the link that works once; empty if the token is not one of ours."""
    try:
        return str(URLSafeSerializer(store.identity.secret(context.engine), salt="once").loads(token))
    except BadSignature:
        return ""


def applying(engine: store.Engine, application: str) -> str:
    """The token of the link that confirms the address of an application for accreditation."""
    return str(URLSafeSerializer(store.identity.secret(engine), salt="applying").dumps(application))


def applied(context: Context, token: str) -> str:
    """The id of the application whose address a token confirms; empty if the token is not one of ours."""
    try:
        return str(URLSafeSerializer(store.identity.secret(context.engine), salt="applying").loads(token))
    except BadSignature:
        return ""


def _timed(context: Context) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(store.identity.secret(context.engine), salt="confirm")
