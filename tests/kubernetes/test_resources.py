"""Objects in a text: what identifies them, their fields, their edits, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from multimesh.errors import MultimeshError
from multimesh.kubernetes.resources import Resource, is_local, resources
from multimesh.yamltext.edits import Text, applied
from multimesh.yamltext.fieldpath import BadShape

BODY = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: d
  namespace: ns
  labels: {a: x, b: y}
spec:
  list: [p, q]
  word: some text
  deep:
    here: 1
  template:
    spec:
      initContainers: [{name: i}]
      containers: [{name: c}, {image: z}]
"""


def one(text: str = BODY, line: int = 1) -> Resource:
    (resource,) = resources(Text(text, "chart.yaml", line), "some-rule")
    return resource


def result(resource: Resource) -> str:
    return applied(resource.text.text, resource.text.planned())


def bad(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(BadShape) as error:
        call()
    return error.value.path, error.value.what


def refused(text: str) -> MultimeshError:
    with pytest.raises(MultimeshError) as error:
        list(resources(Text(text, "chart.yaml", 5), "some-rule"))
    return error.value


# --- what identifies an object -------------------------------------------------------------------


def test_an_object_has_group_kind_name_and_namespace() -> None:
    found = one()
    assert (found.group, found.kind, found.name, found.namespace) == ("apps", "Deployment", "d", "ns")
    assert (found.title, found.where) == ("Deployment/ns/d", "chart.yaml:1: Deployment/ns/d")
    assert (found.rule, found.dropped, found.notices, found.sequence, found.component) == (
        "some-rule", "", [], None, None,
    )  # fmt: skip


def test_what_is_absent_is_empty() -> None:
    found = one("kind: A\n")
    assert (found.group, found.name, found.namespace, found.title) == ("", "", "", "A")
    assert one("kind: A\nmetadata: {name: b}\n").title == "A/b"


def test_the_place_of_an_object_is_its_line_in_the_file() -> None:
    assert one("\n\nkind: A\n", line=7).where == "chart.yaml:9: A"


@pytest.mark.parametrize(
    ("metadata", "what"),
    [("metadata: []", "metadata"), ("metadata: {name: [a]}", "metadata/name"), ("metadata: {name: a, namespace: {}}", "metadata/namespace")],
)  # fmt: skip
def test_an_identity_of_another_shape_is_refused(metadata: str, what: str) -> None:
    error = refused(f"kind: A\n{metadata}\n")
    assert error.what.startswith(f"{what} ")
    assert error.where.startswith("chart.yaml:5: A")
    assert error.hint == "Look at what 'helm template' prints at this line."
    assert error.rule == "some-rule"


def test_an_error_and_a_notice_name_object_and_rule() -> None:
    found = one(line=4)
    error = found.error("is wrong", "Correct it.")
    assert (error.where, error.what, error.hint, error.rule) == (found.where, "is wrong", "Correct it.", "some-rule")
    found.notice("some-finding", "warning", "is odd", "Look at it.")
    assert found.notices == [{
        "id": "some-finding", "severity": "warning", "resource": "Deployment/ns/d", "where": "chart.yaml:4",
        "message": "is odd", "remedy": "Look at it.", "rule": "some-rule",
    }]  # fmt: skip


# --- fields --------------------------------------------------------------------------------------


def test_fields_are_read_by_path() -> None:
    found = one()
    assert found.value("spec/word") == "some text"
    assert found.value("spec/absent") == ""
    assert found.get("spec/absent") is None
    node = found.get("spec/word")
    assert node is not None
    assert node.value == "some text"
    assert [item.value for item in found.items("spec/list")] == ["p", "q"]
    assert [path for path, _ in found.find("spec/template/spec/containers/[name=c]")] == [
        "spec/template/spec/containers/[name=c]"
    ]


def test_labels_are_read_once() -> None:
    found = one()
    assert found.labels() == {"a": "x", "b": "y"}
    assert found.labels() is found.labels()
    assert one("kind: A\n").labels() == {}


@pytest.mark.parametrize(
    ("key", "read"),
    [
        ("on", "true"), ("No", "false"), ("y", "true"), ("0x10", "16"), ("1_0", "10"), ("'on'", "on"), ('"0x10"', "0x10"),
        ("one", "one"), ("none", "none"), ('"o\\x6e"', "on"), ("a.b/c", "a.b/c"),
    ],
)  # fmt: skip
def test_the_key_of_a_label_is_read_as_helm_reads_it(key: str, read: str) -> None:
    assert one(f"kind: A\nmetadata:\n  labels:\n    {key}: x\n").labels() == {read: "x"}


def test_labels_of_merge_keys_are_read() -> None:
    text = "kind: A\nbase: &base {on: x, b: y}\nmetadata:\n  labels: {<<: *base, a: z}\n"
    assert one(text).labels() == {"true": "x", "b": "y", "a": "z"}


@pytest.mark.parametrize(("key", "shown"), [("null", "null"), ("~", "~"), ("1.5", "1.5")])
def test_a_key_of_a_label_that_is_not_text_to_helm_is_refused(key: str, shown: str) -> None:
    found = one(f"kind: A\nmetadata:\n  labels: {{{key}: x}}\n")
    assert bad(found.labels) == ("metadata/labels", f'has the key "{shown}", which is not text')


@pytest.mark.parametrize("labels", ["{a: [x]}", "{[a]: x}", "{a: x, b: {}}"])
def test_labels_that_are_not_text_are_refused(labels: str) -> None:
    found = one(f"kind: A\nmetadata:\n  labels: {labels}\n")
    assert bad(found.labels) == ("metadata/labels", "holds something that is not text")


def test_containers_are_read_once_init_containers_first() -> None:
    found = one()
    assert [path for path, _ in found.containers()] == [
        "spec/template/spec/initContainers/[name=i]",
        "spec/template/spec/containers/[name=c]",
        "spec/template/spec/containers/[name=]",
    ]
    assert found.containers() is found.containers()
    assert one("kind: A\n").containers() == []


@pytest.mark.parametrize("group", ["initContainers", "containers"])
def test_a_container_that_is_not_a_mapping_is_refused(group: str) -> None:
    found = one(f"kind: A\nspec: {{template: {{spec: {{{group}: [a]}}}}}}\n")
    assert bad(found.containers) == (f"spec/template/spec/{group}", "holds something that is not a container")


# --- edits ---------------------------------------------------------------------------------------

SMALL = "kind: A\nspec:\n  list:\n  - p\n  word: w\n  none:\n"


def test_an_item_is_appended_to_a_list_or_to_a_new_one() -> None:
    found = one(SMALL)
    spec = found.get("spec")
    assert spec is not None
    found.append_to(spec, "list", "q", "spec/list")
    found.append_to(spec, "new", "r", "spec/new")
    assert result(found).replace('"', "") == SMALL.replace("- p\n", "- p\n  - q\n").rstrip("\n") + "\n  new:\n  - r\n"


def test_an_item_is_not_appended_to_text() -> None:
    found = one(SMALL)
    spec = found.get("spec")
    assert spec is not None
    assert bad(lambda: found.append_to(spec, "word", "q", "spec/word")) == ("spec/word", "is not a list")


@pytest.mark.parametrize(
    ("path", "added"),
    [
        ("spec/new", "  new: v\n"),
        ("spec/a/b/c", "  a:\n    b:\n      c: v\n"),
        ("spec/a~1b", "  a/b: v\n"),
    ],
)
def test_a_value_is_put_at_a_path_and_mappings_are_created(path: str, added: str) -> None:
    found = one("kind: A\nspec:\n  word: w\n")
    found.put_at(path, "v")
    (edit,) = found.text.planned()
    assert [*edit.reasons] == [("some-rule", path)]
    assert result(found).replace('"', "") == f"kind: A\nspec:\n  word: w\n{added}"


def test_a_value_is_put_at_a_path_below_another_node() -> None:
    found = one("kind: A\nspec:\n  deep:\n    a: b\n")
    found.put_at("c", "v", found.get("spec/deep"), "spec/deep")
    (edit,) = found.text.planned()
    assert [*edit.reasons] == [("some-rule", "spec/deep/c")]
    assert result(found).replace('"', "").endswith("    a: b\n    c: v\n")


def test_a_value_is_not_put_below_text() -> None:
    found = one("kind: A\nspec:\n  word: w\n")
    assert bad(lambda: found.put_at("spec/word/a/b", "v")) == ("spec/word", "is not a mapping")
    word = found.get("spec/word")
    assert bad(lambda: found.put_at("a/b", "v", word, "spec/word")) == ("spec/word", "is not a mapping")


def test_a_dropped_object_names_the_rule() -> None:
    found = one(SMALL)
    found.drop()
    assert (found.dropped, found.text.planned()) == ("some-rule", [])


LISTED = "kind: List\napiVersion: v1\nitems:\n- kind: A\n- kind: B\n- kind: C\n"


def test_a_dropped_item_of_a_list_is_removed_from_it() -> None:
    text = Text(LISTED)
    second = list(resources(text, "some-rule"))[1]
    second.drop()
    assert second.dropped == "some-rule"
    assert applied(text.text, text.planned()) == LISTED.replace("- kind: B\n", "")


def test_an_item_alone_is_an_object_and_the_first_of_its_list() -> None:
    """A large List is cut into its items, and each is a text of its own."""
    text = Text("- kind: A\n")
    (found,) = resources(text, "some-rule", is_item=True)
    found.drop()
    assert (found.title, found.dropped) == ("A", "some-rule")
    assert applied(text.text, text.planned()).strip() == "[]"


# --- texts inside an object ----------------------------------------------------------------------

CONFIG = "kind: ConfigMap\ndata:\n  a: |\n    k: one\n  b: [x]\n  c: !!binary eA==\n"


def test_a_text_inside_has_an_editor() -> None:
    found = one(CONFIG)
    inside = found.embedded("data/a")
    assert inside is not None
    assert (inside.source, inside.title, inside.rule) == ("k: one\n", "ConfigMap", "some-rule")
    assert found.embedded("data/z") is None


@pytest.mark.parametrize("path", ["data/b", "data/c"])
def test_what_is_not_text_has_no_editor(path: str) -> None:
    found = one(CONFIG)
    assert bad(lambda: found.embedded(path))[1]


def test_lines_inside_have_an_editor() -> None:
    found = one(CONFIG)
    assert found.lines("data/a") is not None
    assert found.lines("data/z") is None
    assert bad(lambda: found.lines("data/b")) == ("data/b", "is not text")


# --- the objects of a text -----------------------------------------------------------------------


def titles(text: str) -> list[str]:
    return [found.title for found in resources(Text(text))]


def test_every_document_is_an_object() -> None:
    assert titles("kind: A\n---\nkind: B\n") == ["A", "B"]
    assert titles("") == []
    assert titles("---\n---\n~\n---\nnull\n---\nkind: B\n") == ["B"]


def test_the_items_of_a_list_are_objects_also_of_a_list_in_a_list() -> None:
    assert titles(LISTED) == ["A", "B", "C"]
    assert [found.sequence and found.sequence[1] for found in resources(Text(LISTED))] == [0, 1, 2]
    assert titles("kind: ConfigMapList\nitems: [{kind: List, items: [{kind: A}, {kind: B}]}, {kind: C}]\n") == [
        "A", "B", "C",
    ]  # fmt: skip
    assert titles("kind: List\nitems: []\n") == []
    assert titles("kind: List\nitems:\n") == []
    # An object without items is an ordinary object.
    assert titles("kind: AllowList\n") == ["AllowList"]


def test_items_of_another_kind_than_a_list_are_refused() -> None:
    """Helm installs the items of any object that has some, instead of the object itself."""
    error = refused("kind: A\nitems: [{kind: B}]\n")
    assert error.what == "a A has items, which Helm would install instead of the A itself"
    assert error.hint == "Write the items as documents of their own, or as the items of a List."


@pytest.mark.parametrize("items", ["items: text", "items: {a: b}", "<<: [{a: b}, {items: text}]"])
def test_items_that_are_not_a_list_are_refused_in_every_kind(items: str) -> None:
    """Helm cannot read such an object, or only as an item of a List beside other documents."""
    assert "and not a list" in refused(f"kind: A\n{items}\n").what
    assert titles("kind: A\nitems:\n") == ["A"]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("'null'\n", ': "null"'), ("word\n", ': "word"'), (f"{'x' * 70}\n", f': "{"x" * 60}"'), ("- a\n", ": a list"),
        ("{}\n", ": it has no kind: an empty mapping"),
        ("a: 1\nb: 2\n", ": it has no kind: keys a, b"),
        ("{a: 1, [b]: 2, c: 3, d: 4, e: 5, f: 6}\n", ": it has no kind: keys a, ?, c, d, e"),
        (f"{'k' * 40}: 1\n", f": it has no kind: keys {'k' * 30}"),
        ("kind: ''\n", ": it has no kind: keys kind"),
        ("kind: List\nitems: [word]\n", ': "word"'),
    ],
)  # fmt: skip
def test_a_document_that_is_not_an_object_is_refused_with_an_excerpt(text: str, what: str) -> None:
    error = refused(text)
    assert error.what == f"a document is not a Kubernetes object{what}"
    of_item = "It is an item of a list, which holds objects only: look at what writes the list."
    assert error.hint == (of_item if "items" in text else "Look at what 'helm template' prints at this line.")
    assert error.where == ("chart.yaml:6" if "items" in text else "chart.yaml:5")


def test_a_kind_that_is_written_twice_is_explained() -> None:
    error = refused("kind: A\nkind: B\n")
    assert error.what == 'kind "kind" is written twice in one mapping'
    assert error.hint.startswith("Two resources are in one document, with no '---' between them")
    assert "--set revisionTags={TAG}" in error.hint


def test_a_kind_that_is_not_text_is_refused() -> None:
    error = refused("kind: [A]\n")
    assert error.what.startswith("kind ")
    assert error.hint == "Look at what 'helm template' prints at this line."


LOCAL = "metadata: {name: n, annotations: {config.kubernetes.io/local-config: 'true'}}"


@pytest.mark.parametrize(
    ("item", "local"),
    [
        ("kind: Kptfile", True), ("kind: MeshProfile", True), (f"kind: A, {LOCAL}", True), ("kind: A", False),
        ("kind: A, " + LOCAL.replace("true", "false"), False),
    ],
)  # fmt: skip
def test_items_of_the_tools_around_a_function_are_skipped(item: str, local: bool) -> None:
    alone = f"{{{item}}}\n"
    assert is_local(one(alone)) is local
    assert titles(f"kind: ResourceList\nitems: [{{{item}}}, {{kind: Z}}]\n")[-1] == "Z"
    assert len(titles(f"kind: ResourceList\nitems: [{{{item}}}, {{kind: Z}}]\n")) == (1 if local else 2)
    # A document of a chart is an object, whatever its kind.
    assert len(titles(alone)) == 1


def test_annotations_of_an_item_that_are_not_a_mapping_are_refused() -> None:
    error = refused("kind: List\nitems: [{kind: A, metadata: {name: n, annotations: [a]}}]\n")
    assert error.where == "chart.yaml:6: A/n"
    assert error.what.endswith(", which no rule knows")
    assert error.rule == ""
