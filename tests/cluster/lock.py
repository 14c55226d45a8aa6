"""The lock by which istiods elect one of them: a ConfigMap in their namespace, whatever their revisions are.

As in istio 1.30.3 pilot/pkg/leaderelection (leaderelection.go, k8sleaderelection/leaderelection.go):

- the record is an annotation of the ConfigMap: who holds it, with which revision, and since when;
- who holds it keeps it, and writes the record anew; one that has not changed for 30 s is taken over;
- a pod that is told to end gives it up (1.7 and later), unless its account is deleted with it, as by `helm uninstall`;
- from 1.12 on the default revision takes it from another one. That is the revision in the label of the
  MutatingWebhookConfiguration `istio-revision-tag-default` (pkg/revisions/default_watcher.go).

The real ones look every 7.5 s, and up to 2.2 times as late; these look whenever they are asked.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import time

from api import Api, Object, Refused, path

#: The annotation with the record (k8s.io/client-go, tools/leaderelection/resourcelock).
RECORD = "control-plane.alpha.kubernetes.io/leader"
#: The name of the default revision's tag, and the version that prefers that revision.
DEFAULT_TAG, PREFERS_DEFAULT = "istio-revision-tag-default", (1, 12)
LASTS, RENEWED_EVERY = 30.0, 7.5
_SERIAL = itertools.count(1)


class Lock:
    """One candidate for a lock."""

    def __init__(self, api: Api, writer: Api, namespace: str, name: str, pod: str, revision: str) -> None:
        self._api, self._writer = api, writer
        self._namespace, self._name, self._revision = namespace, name, revision
        self._me = f"{pod}-{next(_SERIAL)}"
        #: The last record that was seen, and when.
        self._seen, self._at = "", 0.0
        self._renewed = 0.0

    def take(self, *, prefers_default: bool) -> bool:
        """Take the lock, or keep it; return whether this candidate has it now."""
        found = self._api.get("ConfigMap", self._name, self._namespace)
        now = time.monotonic()
        if found is None:
            return self._write(None, {"leaderTransitions": 0})
        text = (found["metadata"].get("annotations") or {}).get(RECORD, "")
        if text != self._seen:
            self._seen, self._at = text, now
        record: Object = json.loads(text) if text else {}
        holder = record.get("holderIdentity", "")
        if holder == self._me:
            return now < self._renewed + RENEWED_EVERY or self._write(found, record)
        is_held = bool(holder) and now < self._at + LASTS
        if is_held and not (prefers_default and self._is_default() and record.get("holderKey") != self._revision):
            return False
        return self._write(found, {"leaderTransitions": record.get("leaderTransitions", 0) + 1})

    def holder(self) -> str:
        """Return the revision that has the lock; empty if nobody has it."""
        found = self._api.get("ConfigMap", self._name, self._namespace) or {"metadata": {}}
        record = json.loads((found["metadata"].get("annotations") or {}).get(RECORD, "{}"))
        return str(record.get("holderKey", "")) if record.get("holderIdentity") else ""

    def give_up(self) -> None:
        """Give the lock up, as a pod does that is told to end."""
        found = self._api.get("ConfigMap", self._name, self._namespace)
        if found is None:
            return
        record = json.loads((found["metadata"].get("annotations") or {}).get(RECORD, "{}"))
        if record.get("holderIdentity") == self._me:
            self._put(found, {"leaderTransitions": record["leaderTransitions"], "leaseDurationSeconds": 1})

    def _write(self, found: Object | None, record: Object) -> bool:
        now = dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        mine = {"holderIdentity": self._me, "holderKey": self._revision, "leaseDurationSeconds": int(LASTS)}
        done = self._put(found, {"acquireTime": now} | record | mine | {"renewTime": now})
        if done:
            self._renewed = time.monotonic()
        return done

    def _put(self, found: Object | None, record: Object) -> bool:
        """Write the record; return whether nobody was faster."""
        meta = found["metadata"] if found is not None else {"name": self._name}
        obj = (found or {}) | {"metadata": meta | {"annotations": {RECORD: json.dumps(record)}}}
        try:
            if found is None:
                self._writer.create("ConfigMap", obj, self._namespace)
            else:
                self._writer.call("PUT", path("ConfigMap", self._namespace, self._name), obj)
        except Refused as error:
            # The namespace may be deleted, and the rights of the account with the release.
            if error.code not in (401, 403, 404, 409):
                raise
            return False
        return True

    def _is_default(self) -> bool:
        tag = self._api.get("MutatingWebhookConfiguration", DEFAULT_TAG)
        return tag is not None and (tag["metadata"].get("labels") or {}).get("istio.io/rev") == self._revision
