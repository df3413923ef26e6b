"""The extract as CASE/UCO JSON-LD (CASE 1.5), for other forensic tools.

Exhibits and derived files are observable files with their hashes; custody steps and analyses are
investigative actions with performer, instrument, object and result.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from typing import Any

CONTEXT = {
    "kb": "urn:dfd-platform:kb:",
    "case-investigation": "https://ontology.caseontology.org/case/investigation/",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "uco-action": "https://ontology.unifiedcyberontology.org/uco/action/",
    "uco-core": "https://ontology.unifiedcyberontology.org/uco/core/",
    "uco-identity": "https://ontology.unifiedcyberontology.org/uco/identity/",
    "uco-observable": "https://ontology.unifiedcyberontology.org/uco/observable/",
    "uco-tool": "https://ontology.unifiedcyberontology.org/uco/tool/",
    "uco-types": "https://ontology.unifiedcyberontology.org/uco/types/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
Node = dict[str, Any]


def graph(record: dict[str, Any]) -> dict[str, Any]:
    """The extract ``record`` as a JSON-LD document."""
    case = record["case"]
    exhibits = {exhibit["label"]: exhibit for exhibit in record["exhibits"]}
    objects = [
        *(_person(name) for name in sorted(_people(record))),
        *_exhibits(record),
        *_custody(record, exhibits),
        *_analyses(record, exhibits),
    ]
    investigation = {
        **_node("Investigation", case["id"], "case-investigation:Investigation"),
        "uco-core:name": f"{case['number']} {case['title']}",
        "uco-core:description": case["description"] or record["selection"],
        "uco-core:object": [{"@id": node["@id"]} for node in objects],
    }
    return {"@context": CONTEXT, "@graph": [investigation, *objects]}


def _exhibits(record: dict[str, Any]) -> Iterator[Node]:
    for exhibit in record["exhibits"]:
        file = _file(exhibit["id"], exhibit["name"], exhibit)
        yield file
        yield {
            **_node("ProvenanceRecord", exhibit["id"], "case-investigation:ProvenanceRecord"),
            "uco-core:description": "the recording as received",
            "case-investigation:exhibitNumber": exhibit["label"],
            "uco-core:object": {"@id": file["@id"]},
        }


def _custody(record: dict[str, Any], exhibits: dict[str, Any]) -> Iterator[Node]:
    for number, event in enumerate(record["custody"]):
        key = f"{record['export']}/custody/{number}"
        yield {
            **_action(key, event["kind"], event["occurred_at"], event["occurred_at"]),
            "uco-core:description": event["purpose"] or event["kind"],
            "uco-action:performer": _reference("Identity", event["actor"]),
            "uco-action:object": _reference("File", exhibits[event["exhibit"]]["id"]),
        }


def _analyses(record: dict[str, Any], exhibits: dict[str, Any]) -> Iterator[Node]:
    for run in record["analyses"]:
        tool = {
            **_node("AnalyticTool", run["id"], "uco-tool:AnalyticTool"),
            "uco-core:name": f"DFD Platform, profile {run['profile']}",
        }
        derived = [_file(a["id"], a["name"], a) for a in run["artefacts"]]
        yield tool
        yield from derived
        action = {
            **_action(run["id"], "analysis", run["started_at"], run["finished_at"]),
            "uco-core:description": f"detectors of profile {run['profile']}: {run['status']}",
            "uco-action:performer": _reference("Identity", run["by"]),
            "uco-action:instrument": {"@id": tool["@id"]},
            "uco-action:object": _reference("File", exhibits[run["exhibit"]]["id"]),
        }
        if derived:
            action["uco-action:result"] = [{"@id": node["@id"]} for node in derived]
        yield action


def _people(record: dict[str, Any]) -> Iterable[str]:
    yield from {event["actor"] for event in record["custody"]}
    yield from {run["by"] for run in record["analyses"]}


def _person(name: str) -> Node:
    return {**_node("Identity", name, "uco-identity:Identity"), "uco-core:name": name}


def _action(key: str, name: str, start: str, end: str) -> Node:
    times = {"startTime": start, "endTime": end}
    return {
        **_node("InvestigativeAction", key, "case-investigation:InvestigativeAction"),
        "uco-core:name": name,
        **{
            f"uco-action:{term}": {"@type": "xsd:dateTime", "@value": value}
            for term, value in times.items()
            if value
        },
    }


def _file(key: str, name: str, entry: dict[str, Any]) -> Node:
    return {
        **_node("File", key, "uco-observable:File"),
        "uco-core:hasFacet": [
            {
                **_node("FileFacet", key, "uco-observable:FileFacet"),
                "uco-observable:fileName": name,
                "uco-observable:sizeInBytes": {"@type": "xsd:integer", "@value": entry["size"]},
            },
            {
                **_node("ContentDataFacet", key, "uco-observable:ContentDataFacet"),
                "uco-observable:mimeType": entry["mime_type"],
                "uco-observable:hash": list(_hashes(key, entry)),
            },
        ],
    }


def _hashes(key: str, entry: dict[str, Any]) -> Iterator[Node]:
    yield _hash(key, "SHA256", entry["sha256"])
    if entry.get("sha512"):
        yield _hash(key, "SHA512", entry["sha512"])
    lookup = entry.get("lookup_hashes", {})
    for method, name in (("MD5", "md5"), ("SHA1", "sha1")):
        if lookup.get(name):
            yield {**_hash(key, method, lookup[name]), "rdfs:comment": lookup["use"]}


def _hash(key: str, method: str, value: str) -> Node:
    return {
        **_node("Hash", f"{key}/{method}", "uco-types:Hash"),
        "uco-types:hashMethod": method,
        "uco-types:hashValue": {"@type": "xsd:hexBinary", "@value": value},
    }


def _node(kind: str, key: str, type_: str) -> Node:
    return {**_reference(kind, key), "@type": type_}


def _reference(kind: str, key: str) -> dict[str, str]:
    """The same thing has the same name in every export."""
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"dfd-platform/{kind}/{key}")
    return {"@id": f"kb:{kind}-{name}"}
