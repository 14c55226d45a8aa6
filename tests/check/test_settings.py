"""`.multimesh.yaml`: findings that are ignored with a reason, severities, and strictness."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import pytest
import yaml
from finding_cases import live, thing
from program import profile

from multimesh.check.catalogue import CATALOGUE
from multimesh.check.settings_schema import settings_schema
from multimesh.cli import main

VALIDATOR = jsonschema.Draft7Validator(settings_schema())

NO_OWNER = {"finding": "no-owner", "reason": "another tool installs the CRDs"}


@pytest.fixture
def run(tmp_path, monkeypatch, capsysbinary):
    """Return a function that checks two profiles below meshes/: exit code, stdout, stderr."""
    for name in ("blue", "red"):
        (tmp_path / "meshes" / name).mkdir(parents=True)
        text = profile(name, f"istio-{name}", (f"nginx-{name}",))
        (tmp_path / "meshes" / name / "profile.yaml").write_text(text)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)

    def start(*flags: str) -> tuple[int, str, str]:
        code = main(["check", "--profile", "meshes/blue", "--profile", "meshes/red", *flags])
        said = capsysbinary.readouterr()
        return code, said.out.decode(), said.err.decode()

    return start


def write(path: str, **settings: object) -> None:
    Path(path).write_text(yaml.safe_dump(settings))


def test_what_is_ignored_is_printed_with_its_reason_and_counted(run):
    """It does not change the exit code, whatever severity is asked for."""
    assert run("--severity", "warning")[0] == 1
    write("meshes/.multimesh.yaml", ignore=[NO_OWNER])
    code, out, err = run("--severity", "warning")
    assert (code, err) == (0, "")
    assert out == (
        "ignored: no-owner\n"
        "  - no profile says sharedResources: own, and no manifest holds CRDs\n"
        "      another tool installs the CRDs  (meshes/.multimesh.yaml:2)\n"
        "\n"
        "2 meshes: nothing found, 1 ignored\n"
    )


@pytest.mark.parametrize(
    ("path", "flags", "found"),
    [
        ("meshes/blue/.multimesh.yaml", (), True),
        ("meshes/.multimesh.yaml", (), True),
        (".multimesh.yaml", (), True),
        ("elsewhere/.multimesh.yaml", (), False),
        ("elsewhere/any.yaml", ("--config", "elsewhere/any.yaml"), True),
        ("meshes/.multimesh.yaml", ("--config=/dev/null",), False),
    ],
)
def test_where_the_file_is_looked_for(path, flags, found, run):
    """Beside each profile, one directory above, in the working directory, and where --config says."""
    write(path, ignore=[NO_OWNER])
    assert ("1 ignored" in run(*flags)[1]) == found


def test_one_file_is_found_however_the_profiles_are_typed(run, monkeypatch, tmp_path):
    """From inside a profile's directory, too, and with an absolute path beside a relative one."""
    write("meshes/.multimesh.yaml", ignore=[NO_OWNER])
    other = str(tmp_path / "meshes" / "blue" / ".." / "red")
    for directory, path in (
        ("meshes/blue", "."),
        ("meshes/blue", "profile.yaml"),
        ("meshes", str(tmp_path / "meshes/red")),
    ):
        monkeypatch.chdir(tmp_path / directory)
        assert main(["check", "--profile", path, "--severity", "warning"]) == 0, (directory, path)
    monkeypatch.chdir(tmp_path)
    assert main(["check", "--profile", "meshes/blue", "--profile", other, "--severity", "warning"]) == 0


@pytest.mark.parametrize("broken", ["link", "directory"])
def test_a_file_that_cannot_be_read_is_an_error(broken, run, tmp_path):
    """It may say strict: true, so it must not count as absent."""
    path = tmp_path / "meshes" / ".multimesh.yaml"
    path.mkdir() if broken == "directory" else path.symlink_to("absent")
    code, out, err = run()
    assert (code, out) == (2, "")
    assert err.startswith("multimesh: meshes/.multimesh.yaml: cannot be read")


def test_two_different_files_beside_the_profiles_are_refused(run):
    """Nobody knows which one counts; --config says it."""
    for name in ("blue", "red"):
        write(f"meshes/{name}/.multimesh.yaml", ignore=[NO_OWNER])
    code, out, err = run()
    assert (code, out) == (2, "")
    assert err == (
        "multimesh: meshes/blue/.multimesh.yaml: there is another .multimesh.yaml for these profiles: "
        "meshes/red/.multimesh.yaml\n  Name one with --config FILE.\n"
    )
    assert run("--config", "meshes/red/.multimesh.yaml")[0] == 0


@pytest.mark.parametrize(
    ("entry", "ignored"),
    [
        ({}, True),
        ({"mesh": "blue"}, True),
        ({"mesh": "green"}, False),
        ({"resource": "ClusterRole/kiali*"}, True),
        ({"resource": "ClusterRole/kiali", "mesh": "red"}, False),
        ({"resource": "ClusterRoleBinding/*"}, False),
    ],
)
def test_an_entry_ignores_what_it_names(entry, ignored, run, tmp_path):
    """By resource and by mesh: one side of the finding must have it. An entry without effect is said."""
    for name in ("blue", "red"):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump_all([
            {**thing("ClusterRole", "kiali-x"), "metadata": {"name": "kiali-x"}},
            thing("ConfigMap", name, f"istio-{name}"),
        ]))  # fmt: skip
    write(".multimesh.yaml", ignore=[{"finding": "cluster-scoped-name", "reason": "r", **entry}, NO_OWNER])
    code, out, _ = run("blue.yaml", "red.yaml", "-o", "json")
    body = json.loads(out)
    assert (code == 0) == ignored
    assert ("cluster-scoped-name" in {item["id"] for item in body["ignored"]}) == ignored
    assert ("unused-ignore" in {item["id"] for item in body["findings"]}) != ignored


def test_a_severity_of_the_file_decides(run):
    write(".multimesh.yaml", severity={"no-owner": "error"})
    code, out, _ = run()
    assert (code, out.startswith("error (warning by default): no-owner\n")) == (1, True)
    write(".multimesh.yaml", severity={"no-owner": "info"})
    assert run("--severity", "warning")[0] == 0


def test_a_severity_of_the_file_is_marked_in_every_format_for_people_and_in_json(run):
    """A reader of an error sees that others call it a warning. The same severity is no change."""
    write(".multimesh.yaml", severity={"no-owner": "error"})
    [item] = json.loads(run("-o", "json")[1])["findings"]
    assert (item["severity"], item["defaultSeverity"]) == ("error", "warning")
    for form in ("text", "github", "junit", "html"):
        assert "error (warning by default)" in run("-o", form)[1], form
    [sarif] = json.loads(run("-o", "sarif")[1])["runs"]
    assert sarif["results"][0]["level"] == "error"
    assert sarif["tool"]["driver"]["rules"][0]["defaultConfiguration"] == {"level": "warning"}
    write(".multimesh.yaml", severity={"no-owner": "warning"})
    assert run()[1].startswith("warning: no-owner\n")
    assert "defaultSeverity" not in run("-o", "json")[1]


def test_the_summary_and_the_exit_code_follow_the_severity_of_the_file(run):
    write(".multimesh.yaml", severity={"no-owner": "error"})
    code, out, _ = run()
    assert (code, out.splitlines()[-1]) == (1, "2 meshes: 1 error")


def test_strict_in_the_file_makes_an_open_question_an_error(run, tmp_path):
    """As the flag does."""
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    write(".multimesh.yaml", ignore=[NO_OWNER])
    assert run("empty.yaml")[0] == 0
    write(".multimesh.yaml", ignore=[NO_OWNER], strict=True)
    assert run("empty.yaml")[0] == 1


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("ignored: []\n", 1, 'unknown key "ignored"\n  Did you mean "ignore"?'),
        ("ignore:\n- {finding: no-owner, why: x}\n", 2, 'unknown key "ignore[0].why"'),
        ("ignore:\n- {finding: no-owner}\n", 2, 'the key "ignore[0].reason" is missing'),
        ("ignore:\n- {reason: x}\n", 2, 'the key "ignore[0].finding" is missing'),
        ("ignore:\n- {finding: no-ownr, reason: x}\n", 2, '"no-ownr" is not a finding\n  Did you mean "no-owner"?'),
        ("ignore:\n- {finding: unreadable, reason: x}\n", 2, '"unreadable" is an open question'),
        ("ignore: no-owner\n", 1, "ignore is not a list"),
        ("severity: {no-ownr: error}\n", 1, '"no-ownr", which is not a finding\n  Did you mean "no-owner"?'),
        ("severity: {no-owner: fatal}\n", 1, 'severity.no-owner is "fatal"\n  It may be: error, warning, info.'),
        ("severity: {unreadable: info}\n", 1, "an open question can only be made an error"),
        ("strict: maybe\n", 1, 'strict is "maybe", neither true nor false'),
        ("- a\n", 1, ".multimesh.yaml is not a mapping"),
        ("ignore:\n- {finding: no-owner, reason: ' '}\n", 2, 'ignore[0].reason " " is blank\n  Write some words.'),
        ("ignore:\n- {finding: no-owner, reason: x, resource: }\n", 2, "ignore[0].resource is empty"),
        ("ignore:\n- {finding: no-owner, reason: x, mesh: ~}\n", 2, "ignore[0].mesh is empty"),
        ("strict: true\n---\nstrict: false\n", 3, ".multimesh.yaml holds 2 documents"),
    ],
)
def test_a_mistake_in_the_file_is_an_error_at_its_line(text, line, message, run):
    """With the nearest key or id; nothing is checked."""
    Path(".multimesh.yaml").write_text(text)
    code, out, err = run()
    assert (code, out) == (2, "")
    assert err.startswith(f"multimesh: .multimesh.yaml:{line}: ")
    assert message in err
    assert "profile" not in err
    documents = list(yaml.safe_load_all(text))
    # A schema is about one document.
    assert len(documents) > 1 or not VALIDATOR.is_valid(documents[0])


@pytest.mark.parametrize(
    "text",
    [
        "ignore:\nseverity:\nstrict:\n", "{}\n", "strict: true\n", "severity: {unreadable: error, no-owner: info}\n",
        "ignore:\n- {finding: no-owner, reason: x, mesh: blue, resource: Kind/*}\n- {finding: node-port, reason: z}\n",
    ],
)  # fmt: skip
def test_the_schema_accepts_what_the_command_accepts(text, run):
    """For mistakes, the test before this one compares them."""
    Path(".multimesh.yaml").write_text(text)
    assert run()[2] == ""
    VALIDATOR.validate(yaml.safe_load(text))


def test_the_schema_knows_each_finding(capsysbinary):
    """An editor completes the ids. An open question can be made an error and nothing else."""
    assert main(["schema", "-o", "settings"]) == 0
    found = json.loads(capsysbinary.readouterr().out)["properties"]
    assert set(found["ignore"]["items"]["properties"]["finding"]["enum"]) == set(CATALOGUE) - {"unreadable"}
    assert found["severity"]["properties"].keys() == CATALOGUE.keys()
    assert found["severity"]["properties"]["unreadable"]["enum"] == ["error"]


def test_a_file_that_is_named_must_be_there(run):
    assert run("--config", "absent.yaml")[2].startswith("multimesh: absent.yaml: cannot be read")


def test_every_format_says_what_is_ignored(run):
    """SARIF has a suppression with the reason, JUnit a case that is skipped, GitHub a line, HTML a list."""
    write(".multimesh.yaml", ignore=[NO_OWNER])
    [result] = json.loads(run("-o", "sarif")[1])["runs"][0]["results"]
    assert result["suppressions"] == [{"kind": "external", "status": "accepted", "justification": NO_OWNER["reason"]}]
    suite = ET.fromstring(run("-o", "junit")[1])  # noqa: S314 - our own output
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "1")
    assert NO_OWNER["reason"] in str(suite[0].find("skipped").get("message"))
    lines = run("-o", "github")[1].splitlines()
    assert lines[0].startswith("ignored: no-owner: ")
    assert lines[-1] == "nothing found, 1 ignored"
    page = run("-o", "html")[1]
    assert "Ignored findings" in page
    assert NO_OWNER["reason"] in page
    [item] = json.loads(run("-o", "json")[1])["ignored"]
    assert item["ignored"] == {
        "finding": "no-owner", "resource": "", "mesh": "", "reason": NO_OWNER["reason"],
        "file": ".multimesh.yaml", "line": 2,
    }  # fmt: skip


def test_verify_reads_the_file_too(run, tmp_path, capsysbinary):
    """Of a mesh whose control plane is not there."""
    (tmp_path / "saved.json").write_text(live(thing("Namespace", "istio-blue", labels={"multimesh.dev/mesh": "blue"})))
    main(["verify", "--profile", "meshes/blue", "-f", "saved.json", "-o", "json"])
    found = {item["id"] for item in json.loads(capsysbinary.readouterr().out)["findings"]} - {"unreadable"}
    assert found
    write("meshes/.multimesh.yaml", ignore=[{"finding": one, "reason": "not yet"} for one in sorted(found)])
    main(["verify", "--profile", "meshes/blue", "-f", "saved.json", "-o", "json"])
    body = json.loads(capsysbinary.readouterr().out)
    assert {item["id"] for item in body["ignored"]} == found
    assert {item["id"] for item in body["findings"]} <= {"unreadable"}
