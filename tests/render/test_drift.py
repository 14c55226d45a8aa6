"""What a tool that renders and compares, such as Argo CD, sees of a mesh whose control plane runs."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import yaml
from helms import ROOT, Helm
from program import profile

CHART = ROOT / "examples" / "stock-istiod"


def rendered(helm: Helm, folder: Any, *arguments: str, **environment: str) -> list[dict[str, Any]]:
    """Render the model of the charts since 1.24 through the post-renderer."""
    (folder / "profile.yaml").write_text(
        profile("affirmed", "istio-affirmed", ("nginx-affirmed",), sharedResources="own")
    )
    values = (CHART / "values-mesh.yaml").read_text().replace("${MESH}", "affirmed")
    (folder / "values.yaml").write_text(values.replace("${NAMESPACE}", "istio-affirmed"))
    given = ("-f", folder / "values.yaml", *arguments)
    done = helm.post_render(CHART, "affirmed", *given, profile=str(folder), **environment)
    assert done.code == 0, done.err
    return [item for item in yaml.safe_load_all(done.out) if item]


@pytest.mark.parametrize("major", [3, 4])
def test_is_upgrade_and_the_upgrade_flag_leave_out_the_one_field_that_drifts(
    major: int, tmp_path: Any, request: pytest.FixtureRequest
) -> None:
    """`failurePolicy` of validators, which the control plane changes; all else is as at the first installation."""
    helm = request.getfixturevalue(f"helm{major}")
    first = rendered(helm, tmp_path)
    expected = copy.deepcopy(first)
    removed = [
        entry.pop("failurePolicy")
        for item in expected
        if item["kind"] == "ValidatingWebhookConfiguration"
        for entry in item["webhooks"]
    ]
    assert removed == ["Ignore", "Ignore"]
    assert rendered(helm, tmp_path, "--is-upgrade") == expected
    assert rendered(helm, tmp_path, MULTIMESH_UPGRADE="1") == expected
