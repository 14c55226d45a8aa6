#!/bin/sh
# The standard CRDs of Gateway API 1.5.1 serve TLSRoute as v1 alone, those of 1.4.1 have no TLSRoute, and the experimental
# ones of 1.4.1 serve v1alpha2 and v1alpha3: what reads v1alpha2 and what reads v1 have no standard bundle in common.
# There is no way back: 1.5.1 brings an admission policy that denies CRDs of bundles before 1.5.0, and experimental CRDs
# over standard ones. Seen: the versions, and the messages of the policy.
set -eu
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
printf 'module example.com/finding\n\ngo 1.24\n' > go.mod
for version in v1.4.1 v1.5.1; do
  go mod download -json "sigs.k8s.io/gateway-api@$version" > "$version.json"
done
python3 - <<'PYTHON'
import json
import pathlib
import re

found, policies = {}, {}
for version in ("v1.4.1", "v1.5.1"):
    module = pathlib.Path(json.loads(pathlib.Path(f"{version}.json").read_text())["Dir"])
    for channel in ("standard", "experimental"):
        directory = module / "config/crd" / channel
        crd = directory / "gateway.networking.k8s.io_tlsroutes.yaml"
        served = None
        if crd.exists():
            text = crd.read_text()
            assert f"gateway.networking.k8s.io/bundle-version: {version}" in text
            # The keys of an item of spec.versions have four columns before them, and `name` comes before `served`.
            pairs = re.findall(r"(?m)^    (name|served): (\S+)$", text)
            served = [name for (_, name), (_, is_served) in zip(pairs[::2], pairs[1::2]) if is_served == "true"]
        found[version, channel] = served
        policies[version, channel] = (directory / "gateway.networking.k8s.io_vap_safeupgrades.yaml").exists()
        print(version, channel, "serves TLSRoute as", served, "and has the policy:", policies[version, channel])
        if version == "v1.5.1":
            text = (directory / "gateway.networking.k8s.io_vap_safeupgrades.yaml").read_text()
            messages = re.findall(r'message: "(.*)"', text)
assert found["v1.4.1", "standard"] is None, found
assert found["v1.4.1", "experimental"] == ["v1alpha2", "v1alpha3"], found
assert found["v1.5.1", "standard"] == ["v1"], found
assert [policies[version, "standard"] for version in ("v1.4.1", "v1.5.1")] == [False, True], policies
print(*messages, sep="\n")
assert any("experimental CRDs on top of standard" in message for message in messages), messages
assert any("version before v1.5.0 is prohibited" in message for message in messages), messages
PYTHON
