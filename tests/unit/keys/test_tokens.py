"""How keys look, and what is taken for one."""

import pytest

from rushlight.keys.tokens import TOKEN_PREFIX, digest, mint, parse, same_digest


def test_a_key_reads_back_as_it_was_minted() -> None:
    minted = mint()
    parsed = parse(minted.text)

    assert parsed is not None
    assert (parsed.key_id, parsed.digest) == (minted.key_id, minted.digest)
    assert minted.text == f"rlk_{minted.key_id}_{parsed.secret}"


def test_no_two_are_alike_and_each_has_256_bits() -> None:
    texts = {mint().text for _ in range(1000)}

    assert len(texts) == 1000
    assert {len(text.rsplit("_", 1)[1]) * 5 // 8 for text in texts} == {32}


def test_a_secret_is_not_shown_by_accident() -> None:
    minted = mint()
    parsed = parse(minted.text)
    secret = minted.text.rsplit("_", 1)[1]

    assert secret not in f"{minted!r} {parsed!r}"
    assert digest(secret) not in f"{minted!r} {parsed!r}"


@pytest.mark.parametrize(
    "change",
    [
        str.upper,
        lambda text: text + " ",
        lambda text: text + "\n",
        lambda text: text[:-1],
        lambda text: text + "a",
        lambda text: text.replace("rlk_", "rlx_"),
        lambda text: text.replace("_", "-"),
        lambda text: text[:-1] + "\u0661",
        lambda text: "",
    ],
)
def test_what_differs_in_form_is_none(change: object) -> None:
    assert callable(change)
    assert parse(change(mint().text)) is None


def test_a_token_is_no_key_and_a_key_no_token() -> None:
    assert parse(mint(TOKEN_PREFIX).text) is None
    assert parse(mint().text, TOKEN_PREFIX) is None
    assert parse(mint(TOKEN_PREFIX).text, TOKEN_PREFIX) is not None


def test_digests_are_compared_whole() -> None:
    assert same_digest(digest("a"), digest("a"))
    assert not same_digest(digest("a"), digest("b"))
