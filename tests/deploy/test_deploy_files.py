"""The files under deploy/ speak of settings, roles, metrics and documents that there are."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import donablock.monitors
import donablock.roles
import donablock.store
import donablock.web
from donablock.settings import ROOT, Settings
from donablock.telemetry import REGISTRY

DEPLOY = ROOT / "deploy"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
_METRIC = re.compile(r"\bdonablock_[a-z0-9_]+")


def _rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _panels() -> list[tuple[str, str]]:
    """Title and expression of everything that is drawn."""
    return [
        (f"{path.stem}: {panel['title']}", target["expr"])
        for path in DASHBOARDS
        for panel in json.loads(path.read_text())["panels"]
        for target in panel["targets"]
    ]


def _known_metrics() -> set[str]:
    """Every name that /metrics of some role may answer with."""
    for package in (donablock.store, donablock.monitors, donablock.web, donablock.roles):
        for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
            if ".migrations" not in module.name:  # scripts that only Alembic can run
                importlib.import_module(module.name)
    names: set[str] = set()
    for family in REGISTRY.collect():
        suffixes = {
            "counter": ["_total"],
            "histogram": ["_bucket", "_sum", "_count"],
        }.get(family.type, [""])
        names |= {family.name + suffix for suffix in suffixes}
    return names


def test_every_metric_of_alerts_and_dashboards_is_told():
    used = {
        metric: where
        for where, text in [
            *((rule["alert"], rule["expr"]) for rule in _rules()),
            *_panels(),
        ]
        for metric in _METRIC.findall(text)
    }
    assert len(used) > 20
    known = _known_metrics()
    assert {metric: where for metric, where in used.items() if metric not in known} == {}


def test_every_alert_has_a_test_and_a_page_to_read():
    tested = {
        case["alertname"]
        for test in yaml.safe_load((DEPLOY / "prometheus" / "alerts.test.yml").read_text())["tests"]
        for case in test.get("alert_rule_test", [])
        if case["exp_alerts"]
    }
    assert {rule["alert"] for rule in _rules()} == tested
    headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / "operations.md").read_text(), re.M)
    anchors = {re.sub(r"[^a-z0-9 -]", "", text.lower()).replace(" ", "-") for text in headings}
    for rule in _rules():
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert page == "docs/operations.md"
        assert anchor in anchors, rule["alert"]


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not here: install Debian's `prometheus`, or Prometheus itself")
    return found


def _run(*command: str, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_alerts_fire_when_they_should_and_are_silent_else(promtool):
    folder = DEPLOY / "prometheus"
    assert "SUCCESS" in _run(promtool, "test", "rules", "alerts.test.yml", cwd=folder)


def test_prometheus_takes_the_configuration(promtool, tmp_path):
    for name in ("alerts.yml", "prometheus.yml"):
        text = (DEPLOY / "prometheus" / name).read_text()
        (tmp_path / name).write_text(text.replace("/etc/prometheus/", ""))
    assert "valid" in _run(promtool, "check", "config", "prometheus.yml", cwd=tmp_path)


def test_every_panel_asks_what_prometheus_understands(promtool, tmp_path):
    rules = [
        {
            "record": f"panel:{place}",
            "expr": expr.replace("$__rate_interval", "5m").replace("$chain", ".*"),
        }
        for place, (_, expr) in enumerate(_panels())
    ]
    file = {"groups": [{"name": "panels", "rules": rules}]}
    (tmp_path / "panels.yml").write_text(yaml.safe_dump(file))
    assert f"{len(rules)} rules found" in _run(
        promtool, "check", "rules", "panels.yml", cwd=tmp_path
    )


# --- settings and roles ---------------------------------------------------------------------------


def _compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    return found["services"]


def _ours() -> dict[str, Any]:
    return {
        name: one for name, one in _compose().items() if (one.get("command") or [""])[0] == "run"
    }


def _settings_named(text: str) -> set[str]:
    return set(re.findall(r"\bDONABLOCK_[A-Z_]+", text)) - {"DONABLOCK_IMAGE"}


def test_every_setting_that_is_named_is_one():
    known = {f"DONABLOCK_{name.upper()}" for name in Settings.model_fields}
    files = [path for path in DEPLOY.rglob("*") if path.is_file() and path.suffix != ".md"]
    named = set().union(*(_settings_named(path.read_text()) for path in files))
    assert len(named) > 5
    assert named - known == set()


def test_every_role_runs_in_both_and_is_scraped():
    from donablock.roles.process import ROLES

    in_compose = {one["command"][1] for one in _ours().values()}
    in_kubernetes = set()
    for path in (DEPLOY / "kubernetes").rglob("*.yaml"):
        for document in yaml.safe_load_all(path.read_text()):
            if document and document["kind"] == "Deployment":
                container = document["spec"]["template"]["spec"]["containers"][0]
                in_kubernetes.add(container["args"][1])
    scraped = {
        target.partition(":")[0]
        for job in yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())[
            "scrape_configs"
        ]
        for static in job["static_configs"]
        for target in static["targets"]
    }
    assert in_compose == set(ROLES)
    assert in_kubernetes == set(ROLES)
    assert scraped == set(_ours())


def test_kustomize_builds_the_example():
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not here: install it to build the Kubernetes files")
    built = list(
        yaml.safe_load_all(_run(kubectl, "kustomize", "example", cwd=DEPLOY / "kubernetes"))
    )
    deployments = {one["metadata"]["name"]: one for one in built if one["kind"] == "Deployment"}
    assert {"worker-1", "worker-56", "matcher-1", "matcher-56", "api", "deliverer"} <= set(
        deployments
    )
    for deployment in deployments.values():
        selector = deployment["spec"]["selector"]["matchLabels"]
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert selector.items() <= labels.items()
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert not container["securityContext"]["allowPrivilegeEscalation"]
    # no two select each other's pods
    selectors = [
        tuple(sorted(one["spec"]["selector"]["matchLabels"].items()))
        for one in deployments.values()
    ]
    assert len(set(selectors)) == len(selectors)


# --- packages -------------------------------------------------------------------------------------


def _locked(name: str) -> dict[str, str]:
    text = (ROOT / name).read_text()
    return dict(re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", text, re.M))


def test_the_image_has_the_versions_that_are_tested():
    image, tested = _locked("requirements-run.txt"), _locked("requirements.txt")
    assert len(image) > 40
    assert {name: version for name, version in image.items() if tested.get(name) != version} == {}
