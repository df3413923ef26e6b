"""What a caller and a profile may set, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.errors import ParameterError
from ml.parameters import Parameters
from ml.profiles import profile_names
from ml.profiles.profile import load_profile
from tests.ml.small_registry import make_profile


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("threshold", 0.2),
        ("threshold", "high"),
        ("prior", 0.0),
        ("audio_temperature", 11),
        ("frame_step", 2.5),
        ("frame_step", 16),
        ("max_frames", True),
        ("fusion_strategy", "magic"),
        ("nonsense", 1),
    ],
)
def test_wrong_parameters_are_named(key: str, value: object) -> None:
    with pytest.raises(ParameterError) as caught:
        Parameters.from_dict({key: value})
    assert caught.value.code == key


def test_parameters_cannot_be_made_wrong() -> None:
    with pytest.raises(ParameterError, match=r"from 0\.3 to 0\.7"):
        Parameters(threshold=5.0)
    assert Parameters(audio_temperature=2).to_dict() == {"audio_temperature": 2.0}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('fusion_strategy = "magic"', "fusion_strategy must be one of"),
        ('sampling = "some"', "sampling must be one of uniform, step"),
        ("max_frames = 1.5", "max_frames must be a whole number"),
        ("threshold = 7", "threshold must be a number"),
        ("detect_every = 0", "detect_every must be a number from 1"),
        ("[shares]\naasits = 0.5", "shares must be weights of its branches"),
    ],
)
def test_a_wrong_value_of_a_profile_is_named(line: str, words: str, tmp_path: Path) -> None:
    text = f'title = "x"\ndescription = "x"\nbranches = ["aasist"]\n{line}\n'
    with pytest.raises(ParameterError, match=words) as caught:
        load_profile(make_profile(tmp_path, text))
    assert caught.value.code == "profile"


def test_branches_are_a_list(tmp_path: Path) -> None:
    text = 'title = "x"\ndescription = "x"\nbranches = "aasist"\n'
    with pytest.raises(ParameterError, match="branches must be a list"):
        load_profile(make_profile(tmp_path, text))


def test_every_packaged_profile_is_readable() -> None:
    names = profile_names()
    assert set(names) == {"standard", *(f"system{number}" for number in range(5))}
    for name in names:
        profile = load_profile(name)
        assert profile.branches
        assert profile.rule(Parameters()).strategy == profile.fusion_strategy


def test_unknown_profiles_and_keys(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="Packaged profiles"):
        load_profile("none")
    with pytest.raises(ParameterError, match="unknown keys: colour"):
        load_profile(make_profile(tmp_path, 'title = "x"\ncolour = "red"\n'))
    with pytest.raises(ParameterError, match="incomplete"):
        load_profile(make_profile(tmp_path, 'title = "x"\n'))
