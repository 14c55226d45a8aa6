"""`check -o html` and `verify -o html`: one page with the meshes, the namespaces and the findings."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from article import ARTICLE
from finding_cases import CASES, arguments
from program import profile
from running_clusters import sound

from multimesh.cli import main

#: Elements without an end.
VOID = ("meta", "br")


class Page(HTMLParser):
    """Gathers what a test asks about: text of cells by row, links, ids, and elements that are not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.elements: list[str] = []
        self.rows: list[list[str]] = []
        #: The links of each row, by the number of the cell.
        self.linked: list[list[list[str]]] = []
        self.twice = 0
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.elements.append(tag)
        self.links += [str(found[key]) for key in ("href", "src") if key in found]
        self.ids += [str(found["id"])] if "id" in found else []
        self.twice += found.get("class") == "twice"
        if tag == "tr":
            self.rows.append([])
            self.linked.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.linked[-1].append([])
        if tag == "a" and {"td", "th"} & set(self.open):
            self.linked[-1][-1].append(str(found["href"]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data

    def columns(self, link: str) -> set[str]:
        """Return the heads of the columns in which there is a link; in the head of a row it is about all columns."""
        found: set[str] = set()
        head: list[str] = []
        for texts, links in zip(self.rows, self.linked, strict=True):
            if not texts[0].strip() or texts[0].strip() in ("namespace", "example", "CRD"):
                head = [text.strip() for text in texts]
            for number, held in enumerate(links):
                if link in held:
                    found |= set(head[1:]) if number == 0 else {head[number]}
        return found

    def row(self, title: str) -> list[str]:
        """Return the cells of the row that begins with a text, with single blanks."""
        return next([" ".join(cell.split()) for cell in row] for row in self.rows if row[0].strip().startswith(title))


@pytest.fixture
def show(monkeypatch, capsysbinary, tmp_path):
    """Run a command with -o html, and return exit code and page."""
    monkeypatch.chdir(tmp_path)
    for name in ("affirmed", "blue"):
        Path(f"{name}.yaml").write_text(profile(name, f"istio-{name}", (f"nginx-{name}",)))

    def run(*arguments: str) -> tuple[int, Page]:
        code = main([*arguments, "-o", "html"])
        said = capsysbinary.readouterr()
        assert said.err == b""
        return code, Page(said.out.decode())

    return run


def injector(mesh: str, value: str) -> str:
    """Write the injector of a mesh, which selects one value of the injection label."""
    return (
        "apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingWebhookConfiguration\n"
        f"metadata: {{name: injector-{mesh}}}\nwebhooks:\n- name: sidecar-injector.istio.io\n"
        f"  clientConfig: {{service: {{name: istiod, namespace: istio-{mesh}, path: /inject}}}}\n"
        f"  namespaceSelector: {{matchLabels: {{istio-injection: {value}}}}}\n"
        "  rules: [{operations: [CREATE], apiGroups: [''], apiVersions: [v1], resources: [pods]}]\n"
    )


def test_a_page_shows_meshes_namespaces_and_findings(show) -> None:
    """Each mesh injects and validates in its own namespaces only."""
    code, page = show("check", "--profile=affirmed.yaml", "--profile=blue.yaml")
    assert code == 0
    assert page.open == []
    assert page.row("control plane in") == ["control plane in", "istio-affirmed", "istio-blue"]
    namespace, affirmed, blue = page.row("nginx-blue")
    assert "istio-injection=enabled-blue, multimesh.dev/mesh=blue" in namespace
    assert affirmed == "nothing"
    assert "injects: istio-sidecar-injector-blue" in blue
    assert "validates: istiod-default-validator-blue" in blue
    assert page.twice == 0
    assert "no-owner" in page.text


def test_a_page_loads_nothing_and_runs_nothing(show) -> None:
    """It can be opened from an archive of a pipeline, and links lead to places that are there."""
    _, page = show("check", "--profile=affirmed.yaml", "--profile=blue.yaml")
    assert {"script", "img", "link", "iframe"} & set(page.elements) == set()
    assert all(link.startswith("#") for link in page.links)
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_an_overlap_is_visible_where_it_is(show, tmp_path) -> None:
    """Two injectors that select one label: in the row of the namespace, and as a finding with an example."""
    for mesh in ("affirmed", "blue"):
        (tmp_path / f"{mesh}-injector.yaml").write_text(injector(mesh, "enabled-blue"))
    files = ("affirmed-injector.yaml", "blue-injector.yaml")
    code, page = show("check", *files, "--profile=affirmed.yaml", "--profile=blue.yaml")
    assert code == 1
    assert page.twice == 1
    cells = page.row("nginx-blue")
    assert "more than one mesh would inject a pod" in cells[0]
    assert all("injects: injector-" in cell for cell in cells[1:])
    assert "in a namespace labelled istio-injection=enabled-blue is seen by both" in page.text


@pytest.mark.parametrize("finding", CASES)
def test_each_finding_is_visible_where_it_arises(show, finding, tmp_path, capsysbinary) -> None:
    """In the column of each mesh that it names there is a link to it."""
    files = arguments(CASES[finding].hit, tmp_path)
    _, page = show("check", *files)
    main(["check", *files, "-o", "json"])
    found = json.loads(capsysbinary.readouterr().out)["findings"]
    meshes = {text.strip() for row in page.rows if not row[0].strip() for text in row[1:]}
    assert finding in {one["id"] for one in found}
    for one in found:
        link = f"#{one['severity']}-{one['id']}"
        assert link[1:] in page.ids
        assert {side["mesh"] for side in one["sides"]} & meshes <= page.columns(link), one
        assert page.columns(link) or not meshes


def test_the_recipe_of_the_article_shows_its_collisions_where_they_are(show, tmp_path) -> None:
    """Ports, gateways, trust domains and the Job in the rows of these, validators and Citadels with an example."""
    for mesh in ("affirmed", "blue"):
        (tmp_path / f"{mesh}.yaml").write_text(ARTICLE.replace("MESH", mesh))
    code, page = show("check", "affirmed.yaml", "blue.yaml")
    assert code == 1
    for title, finding in (
        ("node ports", "31380/TCP error: node-port"),
        ("gateways", "istio=ingressgateway warning: gateway-selector"),
        ("trust domain", "cluster.local warning: trust-domain"),
        ("shared resources", "error: embedded-cluster-scoped"),
    ):
        assert page.row(title)[1:] == [finding] * 2
    example = page.row("an Istio resource with any labels in a namespace with any labels is seen by both")
    assert example[1:] == [
        f"validates: istio-{mesh}-galley {mesh}-pilot.validation.istio.io" for mesh in ("affirmed", "blue")
    ]
    assert page.row("both Citadels serve kube-system")[1] == "serves: istio-affirmed/istio-citadel"


def test_versions_of_crds_are_compared(show, tmp_path) -> None:
    """A row for each CRD, with the finding in it."""
    _, page = show("check", *arguments(CASES["crd-version"].hit, tmp_path))
    crd, *versions = page.row("gateways.networking.istio.io")
    assert versions == ["v1beta1", "v1beta1 v1"]
    assert "error: crd-version" in crd


def test_the_shared_resources_have_an_owner(show) -> None:
    """As the profiles say."""
    Path("blue.yaml").write_text(profile("blue", "istio-blue", ("nginx-blue",), sharedResources="own"))
    _, page = show("check", "--profile=affirmed.yaml", "--profile=blue.yaml")
    assert page.row("shared resources")[1:] == ["leaves them to another mesh", "owns them"]


def test_text_of_others_is_escaped(show, tmp_path) -> None:
    """A name in a manifest is not markup."""
    (tmp_path / "role.yaml").write_text(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: '<script>x</script>'}\n"
    )
    code, page = show("check", "role.yaml", "--profile=affirmed.yaml")
    assert "script" not in page.elements
    assert page.open == []
    assert code in (0, 1)


def test_verify_shows_the_running_mesh(show, monkeypatch, tmp_path) -> None:
    """With the namespaces as they are labelled."""
    saved = tmp_path / "saved.json"
    saved.write_text(json.dumps({"apiVersion": "v1", "items": list(sound().values()), "kind": "List"}))
    code, page = show("verify", "--profile=affirmed.yaml", f"--file={saved}")
    assert code == 0
    assert "Nothing was found." in page.text
    assert "injects: istio-sidecar-injector-affirmed" in page.row("nginx-affirmed")[1]
