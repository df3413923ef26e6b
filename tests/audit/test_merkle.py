"""The trees are RFC 6962 trees: published roots, and proofs that fit every leaf."""

import hashlib

import pytest

from audit import merkle

# Leaf inputs and roots of the certificate-transparency reference implementation's test.
CT_INPUTS = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    assert merkle.root(merkle.frontier_of(CT_INPUTS[:size])).hex() == CT_ROOTS[size - 1]


def test_the_empty_tree_is_the_hash_of_nothing() -> None:
    assert merkle.root([]) == hashlib.sha256(b"").digest()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 13, 33])
def test_every_leaf_has_a_proof_and_only_its_own(size: int) -> None:
    entries = [hashlib.sha256(bytes([n])).digest() for n in range(size)]
    root = merkle.root(merkle.frontier_of(entries))
    for index, entry in enumerate(entries):
        path = merkle.inclusion_proof(entries, index)
        assert merkle.root_from_proof(entry, index, size, path) == root
        assert merkle.root_from_proof(b"\x00" * 32, index, size, path) != root


def test_a_proof_of_wrong_length_is_refused() -> None:
    entries = [bytes([n]) * 32 for n in range(6)]
    path = merkle.inclusion_proof(entries, 2)
    with pytest.raises(ValueError, match="too short"):
        merkle.root_from_proof(entries[2], 2, 6, path[:-1])
    with pytest.raises(ValueError, match="too long"):
        merkle.root_from_proof(entries[2], 2, 6, [*path, path[0]])
    with pytest.raises(ValueError, match="not in a tree"):
        merkle.root_from_proof(entries[2], 6, 6, path)


def test_a_frontier_survives_storage() -> None:
    nodes = merkle.frontier_of(CT_INPUTS)
    assert merkle.unpack(merkle.pack(nodes)) == nodes
