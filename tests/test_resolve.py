"""The workspace builds for someone who has no lock file, such as `cargo install --git`."""

import re
import shutil
import subprocess
import tomllib

import pytest

from support import paths

pytestmark = pytest.mark.slow


def test_a_fresh_resolve_keeps_the_versions_that_build(tmp_path):
    """evcxr 0.22 does not build with a later salsa; only a requirement holds it, not our lock file."""
    members = tomllib.loads((paths.REPO / "Cargo.toml").read_text())["workspace"]["members"]
    for member in members:
        target = tmp_path / member
        target.mkdir()
        shutil.copy(paths.REPO / member / "Cargo.toml", target)
        shutil.copytree(paths.REPO / member / "src", target / "src")
    shutil.copy(paths.REPO / "Cargo.toml", tmp_path)
    subprocess.run(["cargo", "generate-lockfile"], cwd=tmp_path, check=True, capture_output=True)
    packages = tomllib.loads((tmp_path / "Cargo.lock").read_text())["package"]
    found = {}
    for package in packages:
        found.setdefault(package["name"], []).append(package["version"])
    for name in ("salsa", "salsa-macros", "salsa-macro-rules"):
        assert found[name] == ["0.28.2"]
    assert found["evcxr"] == ["0.22.0"]
    analyzer = {version for name, versions in found.items() if re.match("ra_ap_", name) for version in versions}
    assert len([v for v in analyzer if v.startswith("0.0.")]) == 1, analyzer
