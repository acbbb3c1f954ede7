"""Shows that the import rules find what they claim to find, on a house built for the purpose."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import ROOT

_HOUSE = {
    "cli/main.py": "import guerdon.config\nimport guerdon.web\n",
    "web.py": "import guerdon.config\nimport guerdon.dialects.mage.app\n",
    "worker/loop.py": "import guerdon.engine.redeeming\n",
    "config.py": "",
    "dialects/mage/app.py": "import guerdon.engine.redeeming\nimport guerdon.store.members\n",
    "dialects/other/app.py": "",
    "adapters/shopify/client.py": "import httpx\n",
    "adapters/klaviyo/client.py": "",
    "engine/redeeming.py": "import guerdon.store.transaction\n",
    "store/transaction.py": "import asyncpg\n",
    "store/members.py": "import guerdon.domain.member\n",
    "domain/member.py": "import msgspec\n",
}

_STRAYS = {
    "rooms": ("domain/stray.py", "import guerdon.engine.redeeming\n"),
    "rooms sideways": ("web.py", "import guerdon.worker.loop\n"),
    "rooms unlisted": ("utils/text.py", ""),
    "dialects": ("dialects/mage/stray.py", "import guerdon.dialects.other.app\n"),
    "adapters": ("adapters/shopify/stray.py", "import guerdon.adapters.klaviyo.client\n"),
    "writes": ("dialects/mage/stray.py", "import guerdon.store.transaction\n"),
    "adapters-and-store": ("adapters/shopify/stray.py", "import guerdon.store.members\n"),
    "domain": ("domain/stray.py", "import httpx\n"),
    "config": ("engine/stray.py", "import guerdon.config\n"),
}


def _lint(home: Path, *, contract: str, stray: tuple[str, str] | None) -> int:
    files = [*_HOUSE.items(), *([stray] if stray else [])]
    for name, text in files:
        path = home / "guerdon" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        for folder in path.relative_to(home).parents[:-1]:
            (home / folder / "__init__.py").touch()
    run = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    options = ["--config", str(ROOT / "pyproject.toml"), "--no-cache", "--contract", contract]
    return subprocess.run([*run, *options], cwd=home, check=False, capture_output=True).returncode


@pytest.mark.parametrize("contract", sorted({name.split()[0] for name in _STRAYS}))
def test_tidy_house_passes(tmp_path: Path, contract: str) -> None:
    assert _lint(tmp_path, contract=contract, stray=None) == 0


@pytest.mark.parametrize("broken", _STRAYS)
def test_stray_import_is_found(tmp_path: Path, broken: str) -> None:
    assert _lint(tmp_path, contract=broken.split(maxsplit=1)[0], stray=_STRAYS[broken]) == 1
