"""Write archives whose bytes depend on nothing but their files and one time; and sign them, and lay them out for OCI.

The formats are Helm's: pkg/provenance/sign.go, internal/plugin/sign.go and pkg/registry/plugin.go of v4.3.2.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
import time as clock
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

#: The content of each file by its path, and whether it is a program.
Files = dict[str, tuple[bytes, bool]]

ARTIFACT = "application/vnd.helm.plugin.v1+json"

#: Helm takes layers of these two media types only, whatever is in them.
LAYERS = {".tgz": "application/vnd.oci.image.layer.v1.tar+gzip", ".prov": "application/vnd.oci.image.layer.v1.tar"}


def tar_gz(files: Files, time: int, root: str) -> bytes:
    """Return a compressed tar archive with the files below a directory; plugin.yaml first, which Helm looks for."""
    raw = io.BytesIO()
    made = set()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sorted(files, key=lambda name: (name != "plugin.yaml", name)):
            content, is_program = files[name]
            path = PurePosixPath(root, name)
            # Helm 3 makes no directory that the archive does not have.
            for parent in reversed(path.parents[:-1]):
                if parent not in made:
                    made.add(parent)
                    directory = tarfile.TarInfo(str(parent))
                    directory.type, directory.mtime, directory.mode = tarfile.DIRTYPE, time, 0o755
                    tar.addfile(directory)
            member = tarfile.TarInfo(str(path))
            member.size, member.mtime, member.mode = len(content), time, 0o755 if is_program else 0o644
            tar.addfile(member, io.BytesIO(content))
    packed = io.BytesIO()
    with gzip.GzipFile(filename="", fileobj=packed, mode="wb", compresslevel=9, mtime=time) as file:
        file.write(raw.getvalue())
    return packed.getvalue()


def zip_file(files: Files, time: int) -> bytes:
    """Return a zip archive with the files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, clock.gmtime(time)[:6])
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name][0])
    return packed.getvalue()


def provenance(archive: Path, metadata: bytes, secret: bytes) -> bytes:
    """Return the signed statement that an archive has its hash, as `helm plugin package --sign` writes it."""
    import pysequoia

    # The signed text must not hold the marker `---`, so the end of a document is `...`.
    statement = json.dumps({"files": {archive.name: f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}"}})
    text = b"%s\n...\n%s\n" % (metadata.strip(), statement.encode())
    signer = pysequoia.Tsk.from_bytes(secret).signer()
    return bytes(pysequoia.sign(signer, text, mode=pysequoia.SignatureMode.CLEAR))


def oci_layout(directory: Path, contents: dict[str, bytes], tag: str, time: int) -> None:
    """Write an OCI image layout with one artifact, as `oras push --oci-layout` writes it for a plugin."""
    shutil.rmtree(directory, ignore_errors=True)
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def stored(content: bytes, media_type: str, **more: Any) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content), **more}

    created = clock.strftime("%Y-%m-%dT%H:%M:%SZ", clock.gmtime(time))
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": ARTIFACT,
        "config": stored(b"{}", "application/vnd.oci.empty.v1+json"),
        "layers": [
            stored(content, LAYERS[Path(name).suffix], annotations={"org.opencontainers.image.title": name})
            for name, content in contents.items()
        ],
        "annotations": {"org.opencontainers.image.created": created, "org.opencontainers.image.version": tag},
    }
    entry = stored(
        json.dumps(manifest).encode(),
        manifest["mediaType"],
        artifactType=ARTIFACT,
        annotations={"org.opencontainers.image.ref.name": tag},
    )
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry]}
    (directory / "index.json").write_text(json.dumps(index), encoding="utf-8")
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}', encoding="utf-8")
