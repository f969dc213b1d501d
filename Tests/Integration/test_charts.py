"""The Helm chart: linted and rendered by Helm's own library, its output held against Kubernetes' schemas and against the server.

PHAROS_CHARTS_PYTHON is the Python that has them.
"""

import json
import os
import subprocess

import pytest
import yaml

from harness.server import ROOT, binary, clean_environment

PYTHON = os.environ.get("PHAROS_CHARTS_PYTHON", str(ROOT / ".tools" / "venv-charts" / "bin" / "python"))
pytestmark = pytest.mark.skipif(not os.path.exists(PYTHON), reason="SKIP charts: PHAROS_CHARTS_PYTHON names no Python")

NATS = {"type": "nats", "nats": {"url": ["nats://nats.nats.svc:4222"]}}
REDIS = {"type": "redis", "redis": {"address": ["redis.redis.svc:6379"]}}
SECRET = {"values": {"PHAROS_ENGINE_SECRET": "sixteen bytes at least", "PHAROS_HTTP_API_KEY": "key"}}
ENGINES = {
    "memory": {},
    "disk": {"engine": {"type": "disk"}},
    "topic": {"engine": {"type": "topic"}, "replicas": 3, "secret": SECRET},
    "nats": {"engine": NATS, "replicas": 3, "secret": {"existing": "kept"}},
    "redis": {"engine": REDIS, "replicas": 2},
    "all at once": {
        "engine": NATS, "replicas": 3, "secret": {"existing": "kept"}, "shutdownDelaySeconds": 9, "terminationGracePeriodSeconds": 60,
        "ingress": {"enabled": True, "className": "nginx", "hosts": ["a.example"], "tls": [{"secretName": "t", "hosts": ["a.example"]}]},
        "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
        "service": {"type": "LoadBalancer", "sessionAffinity": "ClientIP", "annotations": {"a": "b"}},
        "imagePullSecrets": [{"name": "pull"}], "podLabels": {"team": "chat"}, "podAnnotations": {"c": "d"},
        "nodeSelector": {"disk": "fast"}, "tolerations": [{"key": "k", "operator": "Exists"}],
        "topologySpreadConstraints": [{
            "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "pharos"}}}],
        "extraEnv": [{"name": "PHAROS_LOG_LEVEL", "value": "warning"}],
        "config": {"channel": {"namespaces": [{"name": "news", "allow_subscribe_for_client": True}]},
                   "client": {"allowed_origins": ["https://a.example"]}}},
}


def chart(command: str, *words: str) -> subprocess.CompletedProcess:
    return subprocess.run([PYTHON, str(ROOT / "deploy/helm/render.py"), command, *words], capture_output=True, text=True, timeout=120)


def rendered(values: dict) -> list[dict]:
    """The documents; every one is as Kubernetes wants it, or there are none."""
    done = chart("render", json.dumps(values))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def of_kind(documents: list[dict], kind: str) -> list[dict]:
    return [each for each in documents if each["kind"] == kind]


def pods(documents: list[dict]) -> list[dict]:
    return [each["spec"]["template"]["spec"] for each in documents if each["kind"] in ("Deployment", "StatefulSet")]


def test_helm_finds_nothing_to_correct():
    done = chart("lint")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    # A picture for catalogues is what it recommends.
    assert told["errors"] == [] and [each for each in told["messages"] if each["severity"] > 1] == [], told


@pytest.mark.parametrize("engine", ENGINES)
def test_the_server_understands_the_configuration_and_the_variables(engine, tmp_path):
    documents = rendered(ENGINES[engine])
    text = of_kind(documents, "ConfigMap")[0]["data"]["pharos.yaml"]
    (tmp_path / "pharos.yaml").write_text(text)
    variables = {}
    for pod in pods(documents):
        for each in pod["containers"][0]["env"]:
            variables[each["name"]] = each.get("value", "name-of-a-pod")
    for secret in of_kind(documents, "Secret"):
        variables |= secret["stringData"]
    told = subprocess.run(
        [binary(), "config", "check", "-c", str(tmp_path / "pharos.yaml")], capture_output=True, text=True, timeout=60,
        env=clean_environment() | variables)
    assert told.returncode == 0, told.stdout + told.stderr
    written = yaml.safe_load(text)
    assert written["http_server"]["address"] == "0.0.0.0" and written["health"]["enabled"] is True
    assert not {"hmac_secret_key", "key", "secret", "password", "token"} & set(_keys(written))


def _keys(value):
    if isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from _keys(each)
    elif isinstance(value, list):
        for each in value:
            yield from _keys(each)


@pytest.mark.parametrize("engine", ENGINES)
def test_every_pod_is_locked_down_and_asked_the_right_questions(engine):
    documents = rendered(ENGINES[engine])
    shutdown = yaml.safe_load(of_kind(documents, "ConfigMap")[0]["data"]["pharos.yaml"])["shutdown"]
    delay = int(shutdown["delay"].removesuffix("s"))
    assert delay == ENGINES[engine].get("shutdownDelaySeconds", 5)
    for pod in pods(documents):
        container = pod["containers"][0]
        assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] == 65532
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
        assert pod["enableServiceLinks"] is False and pod["automountServiceAccountToken"] is False
        assert container["livenessProbe"]["httpGet"]["path"] == "/health/live"
        assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"
        assert container["readinessProbe"]["periodSeconds"] * container["readinessProbe"]["failureThreshold"] < delay
        assert pod["terminationGracePeriodSeconds"] >= delay + 30 + 10
        assert {"name": "data", "mountPath": "/var/lib/pharos"} in container["volumeMounts"]


def test_what_each_engine_makes():
    kinds = {
        engine: sorted(f"{each['kind']} {each['metadata']['name']}" for each in rendered(values)
                       if each["kind"] in ("Deployment", "StatefulSet", "PodDisruptionBudget", "Secret"))
        for engine, values in ENGINES.items()}
    several = ["Deployment pharos", "PodDisruptionBudget pharos"]
    assert kinds == {
        "memory": ["Deployment pharos"], "disk": ["StatefulSet pharos"],
        "topic": [*several, "Secret pharos", "StatefulSet pharos-topic"],
        "nats": several, "redis": several, "all at once": several}


def test_selectors_find_the_pods_they_mean():
    documents = rendered(ENGINES["topic"])
    labels = {each["metadata"]["name"]: each["spec"]["template"]["metadata"]["labels"]
              for each in documents if each["kind"] in ("Deployment", "StatefulSet")}
    for service in of_kind(documents, "Service"):
        chosen = [name for name, of in labels.items() if service["spec"]["selector"].items() <= of.items()]
        assert chosen == [service["metadata"]["name"]], service["metadata"]["name"]
    address = yaml.safe_load(of_kind(documents, "ConfigMap")[0]["data"]["pharos.yaml"])["engine"]["topic"]["address"]
    assert address == "pharos-topic:8300"


@pytest.mark.parametrize("values, said", [
    ({"replicas": 3}, "several replicas need engine.type"),
    ({"replicas": 2, "engine": {"type": "disk"}}, "several replicas need engine.type"),
    ({"engine": {"type": "topic"}}, "PHAROS_ENGINE_SECRET"),
    ({"engine": {"type": "nats"}}, "engine.nats.url"),
    ({"engine": {"type": "kafka"}}, "engine"),
    ({"engnie": {}}, "engnie"),
    ({"secret": {"values": {"api_key": "x"}}}, "api_key"),
])
def test_what_cannot_work_is_refused_with_the_way_out(values, said):
    done = chart("render", json.dumps(values))
    assert done.returncode != 0 and said in done.stderr, done.stderr


def test_the_plain_files_are_what_the_chart_renders():
    done = chart("plain")
    assert done.returncode == 0, done.stderr
    for name, text in json.loads(done.stdout).items():
        assert (ROOT / "deploy" / "kubernetes" / name).read_text() == text, f"{name}: scripts/charts writes it"
