# Varnish in front of Pressrelay. docs/scaling.md says more; tests/test_caches.py runs this file with another port.
# Set PRESSRELAY_PURGE_URL=http://127.0.0.1:6081 (Varnish's own address), PRESSRELAY_PROXIES=1 and PRESSRELAY_BASE_URL.
vcl 4.1;

backend pressrelay {
    .host = "127.0.0.1";
    .port = "8080";
}

acl own {
    "127.0.0.1";
    "::1";
}

sub vcl_recv {
    # An article was withdrawn or corrected: drop every answer that names it in Surrogate-Key.
    if (req.method == "PURGE") {
        if (client.ip !~ own) {
            return (synth(403));
        }
        if (req.http.Surrogate-Key !~ "^article/[a-z2-7]{26}$") {
            return (synth(400));
        }
        ban("obj.http.Surrogate-Key ~ " + req.http.Surrogate-Key);
        return (synth(200));
    }
    # The server makes the id of a request, unless a proxy that sets it is in front of Varnish: then leave this line out.
    unset req.http.X-Request-Id;
    # A reader with a token may see more, and a delta (RFC 3229) is for one reader: pass both on.
    if (req.http.Authorization || req.http.A-IM || (req.method != "GET" && req.method != "HEAD")) {
        return (pass);
    }
    # The encoding that the server would choose, so that the cache holds a feed at most four times.
    if (req.http.Accept-Encoding ~ "(^|,)\s*zstd\s*(,|$)") {
        set req.http.Accept-Encoding = "zstd";
    } elsif (req.http.Accept-Encoding ~ "(^|,)\s*br\s*(,|$)") {
        set req.http.Accept-Encoding = "br";
    } elsif (req.http.Accept-Encoding ~ "(^|,)\s*gzip\s*(,|$)") {
        set req.http.Accept-Encoding = "gzip";
    } else {
        unset req.http.Accept-Encoding;
    }
    # Tracking parameters that other sites add to links; the server ignores them.
    set req.url = regsuball(req.url, "([?&])(utm_[a-z_]+|fbclid|gclid|msclkid)=[^&]*", "\1");
    set req.url = regsub(regsuball(regsuball(req.url, "&&+", "&"), "\?&+", "?"), "[?&]+$", "");
    # Public pages depend on no cookie but that of the language: cache each once for each language, not once for each person.
    if (req.url ~ "^/($|[?]|articles/|feeds([.?]|$)|feed[.?/]|f/|static/)") {
        if (req.http.Cookie ~ "(^|;\s*)lang=(ko|en)\s*(;|$)") {
            set req.http.Cookie = "lang=" + regsub(req.http.Cookie, "^(.*;)?\s*lang=(ko|en)\s*(;.*)?$", "\2");
        } else {
            unset req.http.Cookie;
        }
    }
    return (hash);
}

sub vcl_backend_response {
    # The server compresses, and each encoding is cached separately (Vary).
    set beresp.do_gzip = false;
    if (beresp.http.Cache-Control !~ "public") {
        set beresp.uncacheable = true;
        set beresp.ttl = 0s;
        return (deliver);
    }
    # Varnish takes max-age as ttl and stale-while-revalidate as grace: together 30 seconds. This keeps it from holding an answer longer.
    set beresp.keep = 0s;
}

sub vcl_deliver {
    if (obj.hits > 0) {
        set resp.http.X-Cache = "HIT";
    } else {
        set resp.http.X-Cache = "MISS";
    }
}
