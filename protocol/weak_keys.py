# SPDX-License-Identifier: EUPL-1.2
"""Ed25519 public keys for which anybody can sign: a party that registered one could deny all it ever signed.

A point of small order has no private key, and one signature under it can hold for every message; OpenSSL verifies it
all the same. Spec: ``spec/signing.md``. Not here: who may register which key (the covenant).
"""

from typing import Final

_FIELD: Final = 2**255 - 19
_ORDER_EIGHT: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
"""The y of two of the four points of order 8; that of the other two is its negative."""
_SMALL_ORDER: Final = frozenset((0, 1, _FIELD - 1, _ORDER_EIGHT, _FIELD - _ORDER_EIGHT))
"""The y of the eight points whose order divides 8; both signs of x are weak."""


def is_weak(public: bytes) -> bool:
    """Tell whether these 32 bytes are a point of small order, in any of its encodings."""
    y = int.from_bytes(public, "little") & (1 << 255) - 1
    return y % _FIELD in _SMALL_ORDER
