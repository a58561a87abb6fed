"""Proofs equal RFC 6962 written down recursively, pymerkle's, and nothing mutated is ever accepted."""

import hashlib

import pymerkle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from partner_agent.wire.proofs import (
    EMPTY_ROOT,
    Node,
    ProofError,
    consistency_plan,
    inclusion_plan,
    leaf_hash,
    make_proof,
    perfect_root,
    subtree_nodes,
    verify_consistency,
    verify_inclusion,
)
from tests.support import merkle

# The roots published with Certificate Transparency's reference tests, for these eight leaves.
LEAVES = [bytes.fromhex(t) for t in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
LEAVES.append(bytes(range(0x60, 0x70)))
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
HASHES = [leaf_hash(b"%d" % i) for i in range(600)]
SIZES = st.integers(1, 600)


def _read(node: Node) -> bytes:
    return perfect_root(HASHES[node.index << node.level : (node.index + 1) << node.level])


def _root(size: int) -> bytes:
    return make_proof([subtree_nodes(0, size)], _read)[0]


@pytest.mark.parametrize("size", range(1, 9))
def test_published_roots_are_ours(size: int):
    """The eight published tree heads come out."""
    assert merkle.root([leaf_hash(leaf) for leaf in LEAVES[:size]]).hex() == ROOTS[size - 1]
    nodes = subtree_nodes(0, size)
    hashes = [leaf_hash(leaf) for leaf in LEAVES]
    [root] = make_proof([nodes], lambda n: perfect_root(hashes[n.index << n.level : (n.index + 1) << n.level]))

    assert root.hex() == ROOTS[size - 1]


@given(SIZES, st.data())
@settings(max_examples=300, deadline=None)
def test_inclusion_proof_is_the_recursive_one_and_verifies(size: int, data: st.DataObject):
    """For any leaf of any tree, our proof equals the RFC's definition and is accepted."""
    index = data.draw(st.integers(0, size - 1))
    proof = make_proof(inclusion_plan(index, size), _read)

    assert proof == merkle.path(index, HASHES[:size])
    verify_inclusion(HASHES[index], index=index, size=size, proof=proof, root=_root(size))


@given(SIZES, st.data())
@settings(max_examples=300, deadline=None)
def test_consistency_proof_is_the_recursive_one_and_verifies(size: int, data: st.DataObject):
    """For any two sizes, our proof equals the RFC's definition and is accepted."""
    old = data.draw(st.integers(1, size))
    proof = make_proof(consistency_plan(old, size), _read)

    assert proof == merkle.consistency(old, HASHES[:size])
    verify_consistency(old_size=old, old_root=_root(old), size=size, root=_root(size), proof=proof)


@given(st.integers(2, 600), st.data())
@settings(max_examples=1500, deadline=None)
def test_mutated_inclusion_proof_is_refused(size: int, data: st.DataObject):
    """A changed leaf, root, index, size or proof hash, one more or one fewer, is never accepted."""
    index = data.draw(st.integers(0, size - 1))
    leaf, root, proof = HASHES[index], _root(size), make_proof(inclusion_plan(index, size), _read)
    match data.draw(st.sampled_from(["leaf", "root", "index", "step", "more", "fewer", "swap"])):
        case "leaf":
            leaf = _flip(leaf, data)
        case "root":
            root = _flip(root, data)
        case "index":
            index = data.draw(st.integers(0, size - 1).filter(lambda i: i != index))
        case "step":
            at = data.draw(st.integers(0, len(proof) - 1))
            proof[at] = _flip(proof[at], data)
        case "more":
            proof.insert(data.draw(st.integers(0, len(proof))), hashlib.sha256(b"x").digest())
        case "fewer":
            del proof[data.draw(st.integers(0, len(proof) - 1))]
        case _:
            proof = [root, *proof[1:]]

    with pytest.raises(ProofError):
        verify_inclusion(leaf, index=index, size=size, proof=proof, root=root)


@given(st.integers(2, 300), st.data())
@settings(max_examples=1500, deadline=None)
def test_rewritten_history_is_refused(size: int, data: st.DataObject):
    """However the log rewrites a leaf below the old size, its own honest-looking proof does not verify."""
    old = data.draw(st.integers(1, size - 1))
    forged = list(HASHES[:size])
    forged[data.draw(st.integers(0, old - 1))] = hashlib.sha256(b"forged").digest()

    with pytest.raises(ProofError):
        verify_consistency(
            old_size=old,
            old_root=_root(old),
            size=size,
            root=merkle.root(forged),
            proof=merkle.consistency(old, forged),
        )


@given(st.integers(2, 600), st.data())
@settings(max_examples=800, deadline=None)
def test_mutated_consistency_proof_is_refused(size: int, data: st.DataObject):
    """A changed proof hash or root, one more or one fewer, is never accepted."""
    old = data.draw(st.integers(1, size - 1))
    roots, proof = [_root(old), _root(size)], make_proof(consistency_plan(old, size), _read)
    match data.draw(st.sampled_from(["root", "step", "more", "fewer"])):
        case "root":
            at = data.draw(st.integers(0, 1))
            roots[at] = _flip(roots[at], data)
        case "step":
            at = data.draw(st.integers(0, len(proof) - 1))
            proof[at] = _flip(proof[at], data)
        case "more":
            proof.insert(data.draw(st.integers(0, len(proof))), hashlib.sha256(b"x").digest())
        case _:
            del proof[data.draw(st.integers(0, len(proof) - 1))]

    with pytest.raises(ProofError):
        verify_consistency(old_size=old, old_root=roots[0], size=size, root=roots[1], proof=proof)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 64, 100])
def test_pymerkle_agrees(size: int):
    """Another implementation, pymerkle, has the same roots, and its proofs of growth hold between ours."""
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for i in range(size):
        tree.append_entry(b"%d" % i)

    assert tree.get_root() == _root(size)
    for old in range(1, size + 1):
        theirs = tree.prove_consistency(old, size)
        pymerkle.verify_consistency(_root(old), _root(size), theirs)


@pytest.mark.parametrize(("old", "size"), [(-1, 4), (5, 4)])
def test_impossible_sizes_are_refused(old: int, size: int):
    """A larger or negative old size has no proof, made or checked."""
    with pytest.raises(ProofError):
        consistency_plan(old, size)
    with pytest.raises(ProofError):
        verify_consistency(old_size=old, old_root=_root(4), size=size, root=_root(4), proof=[])


@pytest.mark.parametrize(("index", "size"), [(-1, 4), (4, 4), (0, 0)])
def test_leaf_outside_the_tree_is_refused(index: int, size: int):
    """A leaf the tree does not have has no proof, made or checked."""
    with pytest.raises(ProofError):
        inclusion_plan(index, size)
    with pytest.raises(ProofError):
        verify_inclusion(HASHES[0], index=index, size=size, proof=[], root=HASHES[0])


def test_growth_from_nothing_needs_no_proof_but_the_empty_root():
    """The empty tree is the beginning of every tree, and only under its own root."""
    verify_consistency(old_size=0, old_root=EMPTY_ROOT, size=5, root=_root(5), proof=[])

    with pytest.raises(ProofError):
        verify_consistency(old_size=0, old_root=_root(1), size=5, root=_root(5), proof=[])


def test_equal_sizes_demand_equal_roots():
    """Two heads of one size and different roots are a fork."""
    verify_consistency(old_size=4, old_root=_root(4), size=4, root=_root(4), proof=[])

    with pytest.raises(ProofError):
        verify_consistency(old_size=4, old_root=_root(3), size=4, root=_root(4), proof=[])


def test_hashes_of_another_size_are_refused():
    """A proof hash that is not 32 bytes is refused before anything is computed."""
    with pytest.raises(ProofError):
        verify_inclusion(HASHES[0], index=0, size=2, proof=[b"short"], root=_root(2))


def test_empty_and_endless_proofs_are_refused():
    """No proof where one is needed, and seventy hashes, are refused."""
    with pytest.raises(ProofError):
        verify_consistency(old_size=3, old_root=_root(3), size=5, root=_root(5), proof=[])
    with pytest.raises(ProofError):
        verify_inclusion(HASHES[0], index=0, size=2, proof=[HASHES[0]] * 70, root=_root(2))


def _flip(value: bytes, data: st.DataObject) -> bytes:
    bit = data.draw(st.integers(0, len(value) * 8 - 1))
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
