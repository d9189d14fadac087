"""A build context holds what its files name, and its Dockerfile's commands make a service."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lightsmith.deployment.build_context import MEBI, write_context
from tests.lightsmith.serving.conftest import folders  # noqa: F401  # a fixture
from tests.lightsmith.serving.test_application import png

NAME = "lightsmith-photos"
BWRAP = shutil.which("bwrap")
SYSTEM = ["--ro-bind", "/usr", "/usr", "--ro-bind", "/etc", "/etc", "--proc", "/proc", "--dev", "/dev"]
SYSTEM += [part for name in ("lib", "lib64", "bin") for part in ("--symlink", f"usr/{name}", f"/{name}")]
MOST_MIB = 350 - 130  # beside the base image of Python, which has 130 at most
# In the container's own network: wait for its health, ask, try to write, end it.
ASK = """
"$@" & service=$!
for _ in $(seq 300); do python3 -c "$HEALTH" 2>/dev/null && break; sleep 0.1; done
python3 - <<'END'
from pathlib import Path
from urllib.request import Request, urlopen
image = Path("/item.png").read_bytes()
headers = {"Authorization": "Bearer key", "Content-Type": "image/png"}
print(urlopen(Request("http://127.0.0.1:8000/predict", image, headers)).read().decode())
END
id -u; touch /written /service/written 2>&1
kill -TERM $service; wait $service; echo "ended $?"
"""


@pytest.fixture
def context(tmp_path: Path, folders: Callable[..., Path]) -> Path:  # noqa: F811
    write_context(folders("photos"), tmp_path / "image", NAME)
    return tmp_path / "image"


def instructions(context: Path) -> list[list[tuple[str, str]]]:
    """The instructions of the Dockerfile's stages."""
    lines = (context / "Dockerfile").read_text(encoding="utf-8").splitlines()
    found: list[list[tuple[str, str]]] = []
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "FROM":
            found.append([])
        elif word.isupper() and found:
            found[-1].append((word, rest))
    return found


def test_it_holds_all_that_is_copied_and_no_placeholder_is_left(context: Path) -> None:
    for word, rest in (one for stage in instructions(context) for one in stage):
        if word == "COPY" and not rest.startswith("--from"):
            assert (context / rest.split()[0]).exists()
    texts = {path.name: path.read_text(encoding="utf-8") for path in context.iterdir() if path.is_file()}
    assert not [name for name, text in texts.items() if re.search(r"<<\w+>>", text)]
    assert not [name for name, text in texts.items() if re.search(r"https?://(?!127\.0\.0\.1)", text)]
    assert (context / "lightsmith/lightsmith/serving/page/page.html").is_file()
    sources = [path for path in (context / "lightsmith").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in sources) < 4 * MEBI  # code, and no weights


def test_the_image_is_nobodys_and_has_a_health_check(context: Path) -> None:
    last = dict(instructions(context)[-1])
    assert last["USER"] == "65532:65532"
    assert "/readyz" in last["HEALTHCHECK"]
    assert json.loads(last["ENTRYPOINT"])[-2:] == ["--host=0.0.0.0", "--port=8000"]
    assert json.loads(last["CMD"]) == ["--keys=/run/secrets/lightsmith/keys.txt"]


def manifests(context: Path) -> dict[str, Any]:
    found = yaml.safe_load_all((context / "kubernetes.yaml").read_text(encoding="utf-8"))
    return {one["kind"]: one for one in found}


def test_the_manifests_fit_each_other_and_the_service(context: Path, folders: Callable[..., Path]) -> None:  # noqa: F811
    found = manifests(context)
    assert found.keys() == {"Deployment", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler"}
    pod = found["Deployment"]["spec"]["template"]
    labels, container = pod["metadata"]["labels"], pod["spec"]["containers"][0]
    assert found["Service"]["spec"]["selector"].items() <= labels.items()
    for kind in ("Deployment", "PodDisruptionBudget"):
        assert found[kind]["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert found["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"] == found["Deployment"]["metadata"]["name"]
    sha256 = json.loads((folders("photos") / "proof.json").read_text())["sha256"]
    assert container["image"] == f"{NAME}:{sha256[:12]}"
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert container["env"][0]["valueFrom"]["resourceFieldRef"] == {"resource": "limits.cpu"}
    assert container["env"][0]["name"] == "OMP_NUM_THREADS"  # which lightsmith/studies/machine_share.py reads
    paths = {name: probe["httpGet"]["path"] for name, probe in container.items() if name.endswith("Probe")}
    assert paths == {"startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"}
    assert container["volumeMounts"][0]["mountPath"] == "/run/secrets/lightsmith"


def test_what_is_scaled_on_is_what_the_adapter_makes_of_what_the_service_counts(context: Path) -> None:
    metrics = manifests(context)["HorizontalPodAutoscaler"]["spec"]["metrics"]
    scaled_on = metrics[0]["pods"]["metric"]["name"]
    rule = yaml.safe_load((context / "prometheus-adapter.yaml").read_text())["rules"]["custom"][0]
    counted = rule["seriesQuery"].partition("{")[0]
    assert re.sub(rule["name"]["matches"], rule["name"]["as"], counted) == scaled_on
    source = (context / "lightsmith/lightsmith/serving/monitoring/metrics.py").read_text()
    assert f'"{counted.removesuffix("_sum")}"' in source


def test_compose_mounts_files_that_are_there_or_that_its_head_says_to_make(context: Path) -> None:
    text = (context / "compose.yaml").read_text(encoding="utf-8")
    mounted = re.findall(r"\./([\w.-]+):", text)
    made = re.findall(r"([\w-]+\.txt)", text.partition("services:")[0])
    assert {name for name in mounted if not (context / name).exists()} == {*made}
    scraped = yaml.safe_load((context / "prometheus.yml").read_text())["scrape_configs"][0]
    service = scraped["static_configs"][0]["targets"][0].partition(":")[0]
    assert service in yaml.safe_load(text)["services"]
    assert 'job="lightsmith"' in (context / "alerts.yaml").read_text()
    assert scraped["job_name"] == "lightsmith"


def test_systemd_starts_what_the_readme_puts_there(context: Path) -> None:
    unit = (context / "lightsmith.service").read_text(encoding="utf-8")
    readme = (context / "README.md").read_text(encoding="utf-8")
    home = f"/opt/{NAME}"
    started = shlex.split(re.findall(r"^ExecStart=(.*)", unit, re.MULTILINE)[0])
    assert started[1] == f"{home}/lightsmith/cli.py"
    assert f"cp -r lightsmith export {home}/" in readme
    assert f"--target {home}/packages" in readme
    assert f"PYTHONPATH={home}/packages" in unit


@pytest.mark.parametrize("name", ["Photos", "a_b", "-a", "a--b", ""])
def test_a_name_that_no_image_has_is_refused(name: str, tmp_path: Path, folders: Callable[..., Path]) -> None:  # noqa: F811
    with pytest.raises(ValueError, match=f"--name={name} must be"):
        write_context(folders("photos"), tmp_path / "image", name)
    assert not list(tmp_path.iterdir())


def test_an_export_whose_proof_failed_is_refused_and_nothing_written(
    tmp_path: Path,
    folders: Callable[..., Path],  # noqa: F811
) -> None:
    export = tmp_path / "export"
    shutil.copytree(folders("photos"), export)
    proof = json.loads((export / "proof.json").read_text())
    (export / "proof.json").write_text(json.dumps({**proof, "passed": False}))
    with pytest.raises(ValueError, match="failed its proof"):
        write_context(export, tmp_path / "image", NAME)
    assert [path.name for path in tmp_path.iterdir()] == ["export"]


@pytest.mark.slow
@pytest.mark.skipif(BWRAP is None, reason="needs bubblewrap for a root that cannot be written")
def test_its_commands_make_a_service_that_nobody_runs_on_a_root_that_cannot_be_written(
    context: Path, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    (root / "service").mkdir(parents=True)
    packages, service = instructions(context)
    for word, rest in packages + [one for one in service if one[0] == "COPY" and "--from" not in one[1]]:
        follow(word, rest, context, root)
    size = sum(path.stat().st_size for path in (root / "service").rglob("*") if path.is_file())
    assert size / MEBI < MOST_MIB
    (tmp_path / "item.png").write_bytes(png())
    digest = subprocess.run(["sha256sum"], input=b"key", capture_output=True, check=True).stdout.decode().split()[0]
    (tmp_path / "keys.txt").write_text(f"me {digest}\n")
    said = ask_within(dict(service), root, tmp_path)
    assert '"prediction"' in said
    assert said.count("Read-only file system") == 2
    assert "\n65532\n" in said
    assert said.endswith("ended 0\n")


def follow(word: str, rest: str, context: Path, root: Path) -> None:
    """Carry out an instruction of the Dockerfile below a folder."""
    if word == "COPY":
        source, target = (Path(part) for part in rest.split())
        place = root / target.relative_to("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(context / source, place) if (context / source).is_dir() else shutil.copy(
            context / source, place
        )
    if word == "RUN":
        bound = [part for path in root.iterdir() for part in ("--bind", str(path), f"/{path.name}")]
        command = [str(BWRAP), *SYSTEM, *bound, "--tmpfs", "/tmp", "sh", "-c", rest]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if "pip install" in rest and ran.returncode and re.search(r"No matching distribution|connection", ran.stderr):
            pytest.skip("the packages cannot be fetched here")
        assert ran.returncode == 0, ran.stderr


def ask_within(settings: dict[str, str], root: Path, tmp_path: Path) -> str:
    """Start the image's command as its user with its environment, no network and no writable file; what was said."""
    user, group = settings["USER"].split(":")
    environment = dict(pair.split("=", 1) for pair in settings["ENV"].split())
    environment["PATH"] = "/usr/local/bin:/usr/bin:/bin"
    environment["HEALTH"] = json.loads(settings["HEALTHCHECK"].partition("CMD ")[2])[2]
    places = {root / "service": "/service", tmp_path / "item.png": "/item.png"}
    places[tmp_path / "keys.txt"] = "/run/secrets/lightsmith/keys.txt"
    bound = [part for path, place in places.items() for part in ("--ro-bind", str(path), place)]
    given = [part for name, value in environment.items() for part in ("--setenv", name, value)]
    inside = ["--unshare-all", "--uid", user, "--gid", group, *SYSTEM, *bound, "--remount-ro", "/"]
    started = json.loads(settings["ENTRYPOINT"]) + json.loads(settings["CMD"])
    command = [str(BWRAP), *inside, "--clearenv", *given, "bash", "-c", ASK, "ask", *started]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
