"""A certificate of one's own authority: people and workers who trust it reach the farm."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.farm.studio import Studio


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """The file of a certificate for this machine that signs itself; its key is beside it."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "1", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(tmp_path / "tls.key"), "-out", str(tmp_path / "tls.pem")),
        ],
        check=True,
        capture_output=True,
    )
    return tmp_path / "tls.pem"


@pytest.fixture
def studio(tmp_path: Path, authority: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    """A farm at an https address, with a worker of its own and a key for ann."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    made = Studio(tmp_path, workers=1)
    made.farm.environment |= {
        "RUSHLIGHT_TLS_CERTIFICATE": str(authority),
        "RUSHLIGHT_TLS_KEY": str(authority.with_suffix(".key")),
    }
    made.key("ann", "admin")
    made.farm.start()
    yield made
    made.close()


def test_its_workers_and_people_who_trust_it_get_their_frames(studio: Studio) -> None:
    words = ("--renderer", "command", "--set", "program=paint", "--output", "out:a.####.png")
    painted = [word for one in ("--first", "1", "--last", "1") for word in ("--arg", one)]

    done = studio(
        *("submit", "--watch", *words, "--frames", "1", *painted), key=studio.folder / "ann.key"
    )

    assert done.returncode == 0, done.stderr
    assert studio.farm.url.startswith("https://")
    assert (studio.farm.data / "out" / "a.0001.png").exists()


def test_who_does_not_trust_it_sends_nothing_and_hears_what_to_do(studio: Studio) -> None:
    done = studio("ls", key=studio.folder / "ann.key", SSL_CERT_FILE="")

    assert done.returncode == 6
    assert "SSL_CERT_FILE" in done.stderr
    assert "rushlight up" not in done.stderr
