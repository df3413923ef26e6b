"""The CASE/UCO export conforms to the ontology and carries the hashes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from case_utils.case_validate import validate

from cases.models import Exhibit

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_graph_conforms_and_names_exhibit_steps_and_derived_files(
    bundle: Path, exhibit: Exhibit
) -> None:
    file = bundle / "data" / "case.jsonld"
    outcome = validate(str(file), inference="none", allow_warnings=False)
    assert outcome.conforms, outcome.text
    nodes = json.loads(file.read_text())["@graph"]
    kinds = [node["@type"].split(":")[1] for node in nodes]
    assert kinds.count("Investigation") == 1
    # Received, analysed and exported, and the analysis itself.
    assert kinds.count("InvestigativeAction") == 4
    # The exhibit, the face and its heat map.
    assert kinds.count("File") == 3
    assert exhibit.sha512 in file.read_text()
    (old,) = [node for node in _hashes(nodes) if node["uco-types:hashMethod"] == "MD5"]
    assert old["uco-types:hashValue"]["@value"] == exhibit.md5
    assert old["rdfs:comment"] == "for look-up in old hash sets only, not for integrity"


def _hashes(nodes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    facets = [facet for node in nodes for facet in node.get("uco-core:hasFacet", [])]
    return [found for facet in facets for found in facet.get("uco-observable:hash", [])]


def test_a_graph_with_a_wrong_term_does_not_conform(bundle: Path, tmp_path: Path) -> None:
    text = (bundle / "data" / "case.jsonld").read_text()
    broken = tmp_path / "broken.jsonld"
    broken.write_text(text.replace("uco-observable:sizeInBytes", "uco-observable:sizeInBites"))
    assert not validate(str(broken), inference="none", allow_warnings=False).conforms
