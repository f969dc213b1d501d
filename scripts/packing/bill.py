"""What the executable was built from and is linked to, as SPDX 2.3 in JSON."""

import hashlib
import json
import pathlib
import re

from . import binary
from .release import ROOT, Release


def identifier(text: str) -> str:
    return "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", text)


def licence(checkout: pathlib.Path) -> str:
    """By the text beside the sources; what is not recognised is not claimed."""
    for path in sorted(checkout.glob("LICENSE*")) + sorted(checkout.glob("LICENCE*")):
        text = path.read_text(errors="replace")[:2000]
        if "Apache License" in text:
            return "Apache-2.0 WITH Swift-exception" if "Runtime Library Exception" in path.read_text(errors="replace") else "Apache-2.0"
        if "Permission is hereby granted, free of charge" in text:
            return "MIT"
    return "NOASSERTION"


def package(name: str, version: str, **more) -> dict:
    return {"SPDXID": identifier(f"{name}-{version}"), "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False, "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION",
            "copyrightText": "NOASSERTION"} | more


def swift_packages(resolved: pathlib.Path, checkouts: pathlib.Path) -> list[dict]:
    """Those that SwiftPM resolved; which of their parts are linked, it alone knows."""
    found = []
    for pin in sorted(json.loads(resolved.read_text())["pins"], key=lambda each: each["identity"]):
        state, location = pin["state"], pin["location"].removesuffix(".git")
        version = state.get("version") or state["revision"]
        path = location.split("://", 1)[-1].split("/", 1)[-1]
        found.append(package(
            pin["identity"], version, downloadLocation=f"git+{pin['location']}@{state['revision']}",
            licenseDeclared=licence(checkouts / pathlib.PurePath(location).name),
            externalRefs=[{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                           "referenceLocator": f"pkg:swift/{location.split('://', 1)[-1].split('/')[0]}/{path}@{version}"}]))
    return found


def debian_packages(versions: dict[str, str], architecture: str) -> list[dict]:
    return [
        package(name, version, externalRefs=[{
            "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
            "referenceLocator": f"pkg:deb/debian/{name}@{version}?arch={architecture}"}])
        for name, version in sorted(versions.items())]


def toolchain() -> dict:
    said = binary.run("swift", "--version")
    version = re.search(r"Swift version (\S+)", said).group(1)
    return package("swift", version, licenseDeclared="Apache-2.0 WITH Swift-exception",
                   comment="The compiler, and its runtime libraries and Foundation, which are part of the executable.")


def document(release: Release, executable: pathlib.Path, parts: list[dict], libraries: list[dict]) -> str:
    sum_ = hashlib.sha256(executable.read_bytes()).hexdigest()
    ours = package("pharos", release.version, licenseDeclared="Apache-2.0", primaryPackagePurpose="APPLICATION",
                   checksums=[{"algorithm": "SHA256", "checksumValue": sum_}],
                   sourceInfo=f"built from commit {release.commit}")
    relations = [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": ours["SPDXID"]}]
    relations += [{"spdxElementId": ours["SPDXID"], "relationshipType": kind, "relatedSpdxElement": each["SPDXID"]}
                  for kind, group in (("STATIC_LINK", parts), ("DYNAMIC_LINK", libraries)) for each in group]
    return json.dumps({
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"pharos-{release.version}",
        # A name that no other document has: it holds the sum of the executable.
        "documentNamespace": f"urn:sha256:{sum_}",
        "creationInfo": {"created": release.time, "creators": ["Tool: scripts/package"]},
        "packages": [ours, *parts, *libraries], "relationships": relations,
    }, indent=1) + "\n"


def of(release: Release, executable: pathlib.Path, resolved: pathlib.Path, checkouts: pathlib.Path) -> str:
    versions = {each.package: each.package_version for each in binary.libraries(executable)}
    return document(release, executable, [toolchain(), *swift_packages(resolved, checkouts)],
                    debian_packages(versions, release.debian_architecture))
