"""Which known name a person may have meant."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

__all__ = ["listed", "meant"]

# comparing names takes the product of their lengths
_LONGEST = 64
_SHOWN = 16


def meant(word: str, known: Collection[str]) -> str:
    """ "did you mean `value`?", or what is known if nothing is near."""
    plain = {_plain(name): name for name in reversed(list(known)) if len(name) <= _LONGEST}
    near = (
        get_close_matches(_plain(word), plain, n=1, cutoff=0.6) if len(word) <= _LONGEST else None
    )
    return f"did you mean `{plain[near[0]]}`?" if near else f"known here: {listed(known)}"


def listed(known: Collection[str]) -> str:
    names = list(known)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return (", ".join(names[:_SHOWN]) or "none") + more


def _plain(name: str) -> str:
    """tokenId, token_id and TokenID are one to whoever mistypes them."""
    return name.replace("_", "").lower()
