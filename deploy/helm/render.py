"""The chart by Helm's own library, and its output against the schemas of Kubernetes.

    render.py lint              what Helm has to say about the chart, as JSON
    render.py render VALUES     all documents as JSON, for values as JSON; status 1 with Helm's words if it refuses them
    render.py write             writes deploy/kubernetes
"""

import json
import pathlib
import sys

import helm_python as helm
import kubernetes_validate
import yaml

HERE = pathlib.Path(__file__).resolve().parent
CHART = HERE / "pharos"
PLAIN = HERE.parent / "kubernetes"
# The oldest that the chart is for, and a newer one.
VERSIONS = ("1.25", "1.34")
# Not of Kubernetes itself.
FOREIGN = {"ServiceMonitor"}
KINDS = ["ServiceAccount", "ConfigMap", "Secret", "Service", "StatefulSet", "Deployment", "PodDisruptionBudget", "Ingress"]

FILES = {
    "one-node.yaml": ("One node whose history is on a volume.", {"engine": {"type": "disk"}, "secret": {"existing": "pharos"}}),
    "three-nodes-nats.yaml": (
        "Three nodes as one server, over NATS with JetStream at nats.nats.svc.",
        {"replicas": 3, "engine": {"type": "nats", "nats": {"url": ["nats://nats.nats.svc:4222"]}}, "secret": {"existing": "pharos"}}),
}
HEAD = """# {title}
#
# Rendered from deploy/helm/pharos by scripts/charts. It needs the Secret first, whose keys are variables of the server:
#   kubectl create secret generic pharos --from-literal=PHAROS_HTTP_API_KEY=… --from-literal=PHAROS_CLIENT_TOKEN_HMAC_SECRET_KEY=…
# What clients may do stands in pharos.yaml, in the ConfigMap: as it is, nothing.
"""


class Dumper(yaml.SafeDumper):
    """Texts of several lines stay so."""


Dumper.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None))


def documents(values: dict) -> list[dict]:
    with helm.Chart.load(CHART) as chart:
        files = chart.render(values=values, name="pharos", namespace="default")
    found = [
        each for name, text in sorted(files.items()) if name.endswith(".yaml")
        for each in yaml.safe_load_all(text) if each]
    for each in found:
        if each["kind"] not in FOREIGN:
            for version in VERSIONS:
                kubernetes_validate.validate(each, version, strict=True)
    return found


def plain(title: str, values: dict) -> str:
    """Without what is Helm's: its labels, and the sums by which it sees changes."""
    parts = []
    for each in sorted(documents(values), key=lambda document: KINDS.index(document["kind"])):
        for metadata in (each["metadata"], each.get("spec", {}).get("template", {}).get("metadata", {})):
            labels = metadata.get("labels", {})
            for label in ("helm.sh/chart", "app.kubernetes.io/managed-by"):
                labels.pop(label, None)
            metadata.pop("annotations", None)
        parts.append(yaml.dump(each, Dumper=Dumper, sort_keys=False, width=120))
    return HEAD.format(title=title) + "---\n" + "---\n".join(parts)


def main(command: str, *rest: str) -> None:
    match command:
        case "lint":
            print(json.dumps(helm.lint(CHART, strict=True)))
        case "render":
            try:
                print(json.dumps(documents(json.loads(rest[0]))))
            except helm.HelmError as refusal:
                sys.exit(str(refusal))
        case "plain":
            print(json.dumps({name: plain(*file) for name, file in FILES.items()}))
        case "write":
            PLAIN.mkdir(exist_ok=True)
            for name, file in FILES.items():
                (PLAIN / name).write_text(plain(*file))


if __name__ == "__main__":
    main(*sys.argv[1:])
