"""Where others reach the farm: only with keys, and with TLS if it is given a certificate."""

import ssl
import subprocess
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs
from tests.integration.api.conftest import serve

from rushlight.errors import SettingsInvalid
from rushlight.keys.store import KeyStore
from rushlight.settings import ServerSettings, read_settings
from rushlight_api.server import listen


def first_key(data: Path) -> str:
    with KeyStore.open(data) as store:
        return store.create("ann", "admin", created_by="test")[1]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for this machine, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "farm.pem", folder / "farm.key"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "1", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


def test_a_farm_without_keys_does_not_listen_where_others_reach_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="rushlight key create --role admin"):
        listen(ServerSettings(host="0.0.0.0", port=0, data=tmp_path))


def test_workers_keys_alone_do_not_open_it(tmp_path: Path) -> None:
    with KeyStore.open(tmp_path) as store:
        store.create("local-1", "worker", "local-1", created_by="farm")

    with pytest.raises(SettingsInvalid, match="no keys"):
        listen(ServerSettings(host="0.0.0.0", port=0, data=tmp_path))


async def test_with_a_key_it_listens_and_says_that_keys_can_be_read(tmp_path: Path) -> None:
    key = first_key(tmp_path)
    with capture_logs() as lines:
        async with serve(tmp_path, host="0.0.0.0") as farm:
            answer = await farm.http.get("/renders", headers={"authorization": f"Bearer {key}"})
            without = await farm.http.get("/renders")

    assert (answer.status_code, without.status_code) == (200, 401)
    assert farm.url.startswith("http://127.0.0.1:")
    assert "keys_travel_unencrypted" in [line["event"] for line in lines]


async def test_when_its_last_key_is_revoked_nobody_gets_in(tmp_path: Path) -> None:
    key = first_key(tmp_path)
    async with serve(tmp_path, host="0.0.0.0") as farm:
        [row] = farm.parts.keys.ls()
        farm.parts.keys.revoke(row.key_id, "test")
        answer = await farm.http.get("/renders", headers={"authorization": f"Bearer {key}"})

    assert answer.status_code == 401


async def test_it_speaks_tls_with_a_certificate(
    tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    cert, key = certificate
    trusting = ssl.create_default_context(cafile=str(cert))
    async with serve(tmp_path, tls_certificate=cert, tls_key=key) as farm:
        async with httpx.AsyncClient(verify=trusting) as client:
            url = farm.url.replace("http://", "https://")
            assert (await client.get(f"{url}/healthz")).status_code == 200
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(f"{farm.url.replace('https://', 'http://')}/healthz")


def test_half_a_certificate_is_refused(certificate: tuple[Path, Path]) -> None:
    with pytest.raises(SettingsInvalid, match="go together"):
        read_settings(ServerSettings, {"tls_certificate": certificate[0]}, environment={})


def test_files_that_do_not_belong_together_are_refused_before_anything_starts(
    tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    cert, key = certificate
    for given in ((key, key), (cert, tmp_path / "none.key")):
        settings = ServerSettings(port=0, data=tmp_path, tls_certificate=given[0], tls_key=given[1])
        with pytest.raises(SettingsInvalid, match="tls_certificate"):
            listen(settings)


def test_an_address_for_all_needs_the_name_in_the_certificate(
    tmp_path: Path, certificate: tuple[Path, Path]
) -> None:
    first_key(tmp_path)
    cert, key = certificate
    settings = ServerSettings(
        host="0.0.0.0", port=0, data=tmp_path, tls_certificate=cert, tls_key=key
    )
    with pytest.raises(SettingsInvalid, match="public_url"):
        listen(settings)
