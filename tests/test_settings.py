"""Each setting is defined once, as a field of `Settings`; `load` enforces the range that it names."""

import re

import pytest

from app.errors import Misconfigured
from app.settings import PREFIX, SETTINGS, Setting, Settings, load

RANGES = [(setting, *setting.range) for setting in SETTINGS if setting.range]


def test_the_defaults_are_settings_that_load() -> None:
    assert load({}) == Settings()
    assert {setting.name: setting.default for setting in SETTINGS} == {
        name: getattr(Settings(), name) for name in Settings.__struct_fields__
    }


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_setting_is_described(setting: Setting) -> None:
    assert setting.help.endswith(".")
    assert setting.range is None or isinstance(setting.default, int)


@pytest.mark.parametrize(("setting", "low", "high"), RANGES, ids=[setting.name for setting, *_ in RANGES])
def test_a_range_is_held(setting: Setting, low: int, high: int) -> None:
    name = PREFIX + setting.name.upper()
    for value in (low, high):
        assert getattr(load({name: str(value)}), setting.name) == value
    for value in (low - 1, high + 1):
        with pytest.raises(
            Misconfigured, match=re.escape(f"{name} must be a number from {low} to {high}, not {value}.")
        ):
            load({name: str(value)})


def test_a_time_zone_is_known_by_its_name() -> None:
    assert load({f"{PREFIX}TIMEZONE": "Asia/Seoul"}).timezone == "Asia/Seoul"
    with pytest.raises(Misconfigured, match="PRESSRELAY_TIMEZONE is 'KST'; expected an IANA name"):
        load({f"{PREFIX}TIMEZONE": "KST"})
