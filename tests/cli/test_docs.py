"""The pages for operators say what the program does."""

import re
from collections import ChainMap
from pathlib import Path
from typing import get_args

import pytest
import yaml

from guerdon.cli import point_type_parts, program_file
from guerdon.domain.catalogue import FulfilBy, RewardKind, Trigger
from guerdon.domain.clock import Interval
from guerdon.domain.point_terms import Activity, Rounding
from guerdon.domain.terms import Unit
from tests.builders.program_file import make_file, read_blueprint

_DOCS = Path(__file__).parents[2] / "docs"
_PAGE = (_DOCS / "program-file.md").read_text(encoding="utf-8")
_EXAMPLES = re.findall(r"```yaml\n(.*?)```", _PAGE, re.DOTALL)
_VARIABLES = ("MAGE_KEY", "HOOK_SECRET", "SHOPIFY_TOKEN", "KLAVIYO_KEY", "OMNISEND_KEY")
_SECRETS = {name: f"{name}_0123456789_0123456789" for name in (*_VARIABLES, "POSTSCRIPT_KEY")}
_SECRETS["ENDPOINT_SECRET"] = "whsec_" + "A" * 32


@pytest.mark.parametrize("example", _EXAMPLES)
def test_the_examples_of_the_program_file_are_taken(example: str) -> None:
    data = yaml.load(example, yaml.BaseLoader)
    text = example
    if "merchant" not in data:
        text = yaml.safe_dump(dict(ChainMap(data, make_file())))
    read_blueprint(text, _SECRETS)


def test_every_key_of_the_program_file_is_told() -> None:
    parts = [
        program_file.MerchantPart,
        program_file.ProgramPart,
        program_file.TierPart,
        program_file.RewardPart,
        program_file.DiscountPart,
        program_file.RulePart,
        program_file.KeyPart,
        program_file.WebhookPart,
        program_file.IntegrationsPart,
        program_file.ShopifyPart,
        program_file.KlaviyoPart,
        program_file.OmnisendPart,
        program_file.PostscriptPart,
        program_file.EndpointPart,
        program_file.FulfilPart,
        point_type_parts.PointTypePart,
        point_type_parts.ExpiryPart,
        point_type_parts.DelayPart,
        point_type_parts.SpendLimitsPart,
        point_type_parts.CodeFormPart,
        point_type_parts.YearDayPart,
        point_type_parts.PeriodPart,
    ]
    words = {name for part in parts for name in part.__struct_fields__}
    words |= {*get_args(RewardKind), *get_args(FulfilBy), *get_args(Trigger)}
    words |= {*get_args(Rounding), *get_args(Activity), *get_args(Interval), *get_args(Unit)}
    assert {word for word in words if not re.search(rf"\b{word}\b", _PAGE)} == set()


def test_every_setting_is_told() -> None:
    source = (_DOCS.parent / "guerdon" / "config.py").read_text(encoding="utf-8")
    read = set(re.findall(r'_(?:text|secret|integer|choice|flag)\(\s*env, "([A-Z_]+)"', source))
    told = set(
        re.findall(r"^\| `GUERDON_([A-Z_]+)`", (_DOCS / "settings.md").read_text(), re.MULTILINE)
    )
    assert told == read | {"DATA_DIR"}
