"""Documents that say what the code says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import blocks
from portl.cli.app import invoke
from portl.errors import TemplateError
from portl.legacy.parse import parse_legacy
from portl.model.load import parse_document, parse_job
from portl.plan import plan_job
from portl.reference import reference
from portl.template.functions import FUNCTIONS
from portl.template.syntax import parse

ROOT = Path(__file__).parents[4]
DOCS = ROOT / "docs" / "portl"


def test_the_reference_is_what_the_models_say() -> None:
    assert (DOCS / "reference.md").read_text(encoding="utf-8") == reference(), "python -m portl.reference writes it"


def test_the_reference_can_be_printed() -> None:
    done = subprocess.run([sys.executable, "-m", "portl.reference"], capture_output=True, text=True, check=True)
    assert done.stdout == reference()


def test_every_function_is_in_it() -> None:
    for name in FUNCTIONS:
        assert f"| `{name}` |" in reference()


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_every_expression_in_the_documents_can_be_parsed(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = [match for match in re.findall(r'"([^"\n]*\{\{[^"\n]*)"', text) if "…" not in match]
    without = ("reference.md", "connections.md", "transactions.md", "running.md", "hooks.md")
    assert found or path.name in without
    for template in found:
        try:
            parse(template)
        except TemplateError as error:
            pytest.fail(f"{path.name}: {template}: {error}")


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_every_job_in_the_documents_is_right(path: Path) -> None:
    for block in blocks(path.read_text(encoding="utf-8")):
        if block.language == "yaml":
            document = parse_document(block.text, "job.yaml", DOCS)
            if document.is_legacy:
                parse_legacy(document)
                continue
            has_steps = "\nsteps:" in f"\n{block.text}"
            plan_job(parse_job(block.text if has_steps else f"{block.text}steps: [{{id: a, type: csv.read, path: a}}]"))


def test_the_mistakes_in_the_concepts_are_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job, console = list(blocks((DOCS / "concepts.md").read_text(encoding="utf-8")))
    text = job.text
    for right, wrong in (("| trim", "| trimm"), ("{{ steps.read", "{{ steps.raed"), ("path: /res", "paht: /res")):
        assert right in text
        text = text.replace(right, wrong, 1)
    (tmp_path / "job.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    ((command, printed),) = console.commands()
    assert invoke(command.split()[1:]) == 2
    assert capsys.readouterr().err == printed


@pytest.mark.parametrize(
    "path", [*sorted(DOCS.glob("*.md")), ROOT / "packages/portl/README.md"], ids=lambda path: path.name
)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_the_first_job_of_the_readme_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = (ROOT / "packages/portl/README.md").read_text(encoding="utf-8")
    shell = re.findall(r"```sh\n(.*?)```", readme, re.DOTALL)[1]
    job = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)[0]
    python = Path(sys.executable).parent
    subprocess.run(["/bin/sh", "-ec", shell], cwd=tmp_path, env={"PATH": f"{python}:/usr/bin:/bin"}, check=True)
    (tmp_path / "job.yaml").write_text(job, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert invoke(["validate", "job.yaml"]) == 0
    assert invoke(["run", "job.yaml", "--dry-run"]) == 0
    assert invoke(["run", "job.yaml"]) == 0
    assert "save: 2 items, 2 inserted, 0 updated" in capsys.readouterr().err
    assert invoke(["run", "job.yaml"]) == 0
    assert "save: 2 items, 0 inserted, 0 updated" in capsys.readouterr().err
    (tmp_path / "products.csv").write_text((tmp_path / "products.csv").read_text().replace("89.90", "many"))
    assert invoke(["run", "job.yaml"]) == 1
    told = capsys.readouterr().err.splitlines()[-1]
    assert told in readme
