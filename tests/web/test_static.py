"""Static files: named by content, cached for good, ranges and gzip by the book, and nothing but our own list."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar.testing import TestClient

from gateway.web.static import IMMUTABLE, REVALIDATE, Assets
from tests.support.pages import web_app

ASSETS = Assets.load()
NAME = "css/app.css"
BODY = ASSETS.files[NAME].body


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """The static files behind a client."""
    with TestClient(web_app()) as client:
        yield client


@pytest.mark.parametrize(
    "path",
    [
        "/static/x/../render.py",
        "/static/x/%2e%2e/render.py",
        "/static/x/..%2f..%2frender.py",
        "/static/x//etc/passwd",
        "/static/x/%2fetc/passwd",
        "/static/x/css",
        "/static/x/css/app.css%00",
        "/static/x/nothing.css",
    ],
)
def test_nothing_outside_the_list_is_served(client, path):
    """Whatever the path says, only listed files exist."""
    assert client.get(path).status_code == 404


def test_a_current_address_is_cached_for_good(client):
    """The digest in the address covers the bytes, so a browser never asks again."""
    response = client.get(ASSETS.url(NAME))

    assert response.content == BODY
    assert response.headers["cache-control"] == IMMUTABLE
    assert response.headers["content-type"].startswith("text/css")


def test_an_old_address_gives_the_current_file_to_be_revalidated(client):
    """A page left open over an update still works, and does not poison the cache."""
    assert client.get(f"/static/0123/{NAME}").headers["cache-control"] == REVALIDATE


def test_a_known_file_is_not_sent_again(client):
    """If-None-Match with our tag is answered 304 without a body."""
    etag = client.get(ASSETS.url(NAME)).headers["etag"]

    response = client.get(ASSETS.url(NAME), headers={"if-none-match": f'"other", W/{etag}'})

    assert (response.status_code, response.content) == (304, b"")


def test_gzip_is_sent_where_it_is_understood(client):
    """The compressed form is the same file, and says so to caches."""
    response = client.get(ASSETS.url(NAME), headers={"accept-encoding": "gzip"})
    plain = client.get(ASSETS.url(NAME), headers={"accept-encoding": "identity"})

    assert response.headers["content-encoding"] == "gzip"
    assert response.content == plain.content == BODY
    assert gzip.decompress(ASSETS.files[NAME].compressed) == BODY
    assert plain.headers["vary"] == "accept-encoding"


def test_a_range_gives_just_these_bytes(client):
    """206 with Content-Range, never compressed."""
    response = client.get(ASSETS.url(NAME), headers={"range": "bytes=10-19", "accept-encoding": "gzip"})

    assert response.status_code == 206
    assert response.content == BODY[10:20]
    assert response.headers["content-range"] == f"bytes 10-19/{len(BODY)}"
    assert "content-encoding" not in response.headers


def test_a_range_of_a_changed_file_gives_the_whole(client):
    """If-Range that names another version does not mix two files."""
    response = client.get(ASSETS.url(NAME), headers={"range": "bytes=0-1", "if-range": '"old"'})

    assert (response.status_code, response.content) == (200, BODY)


def test_a_range_past_the_end_is_416(client):
    """The answer says how large the file is."""
    response = client.get(ASSETS.url(NAME), headers={"range": f"bytes={len(BODY)}-"})

    assert response.status_code == 416
    assert response.headers["content-range"] == f"bytes */{len(BODY)}"


def test_symbolic_links_are_left_out(tmp_path: Path):
    """A link dropped into the folder does not publish what it points at."""
    (tmp_path / "real.css").write_text("a{}")
    (tmp_path / "link.css").symlink_to("/etc/passwd")

    assert set(Assets.load(tmp_path).files) == {"real.css"}


def test_a_page_cannot_name_a_missing_file():
    """A typing mistake fails the page in tests instead of being a 404 in a browser."""
    with pytest.raises(KeyError):
        ASSETS.url("css/ap.css")


def test_modules_are_served_as_javascript(client):
    """Browsers refuse modules of another type."""
    for name in ("js/app.js", "vendor/maplibre/maplibre-gl.mjs"):
        assert client.get(ASSETS.url(name)).headers["content-type"].startswith("text/javascript")
