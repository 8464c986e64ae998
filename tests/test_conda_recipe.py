"""The recipe for conda renders, and says what the package itself says."""

import importlib.metadata
from pathlib import Path

import pytest
import rattler_build

RECIPE = Path(__file__).parents[1] / "recipe/recipe.yaml"


@pytest.fixture(scope="module")
def recipe():
    variants = {"python": ["3.14.*"], "c_stdlib": ["sysroot"], "c_stdlib_version": ["2.28"]}
    config = rattler_build.VariantConfig(variants)
    (rendered,) = rattler_build.Stage0Recipe.from_file(RECIPE).render(config)
    return rendered.recipe.to_dict()


def test_its_version_is_the_package_s(recipe):
    version = importlib.metadata.version("doubles_ffi")
    assert recipe["package"] == {"name": "doubles_ffi", "version": version}


def test_it_requires_what_the_package_requires(recipe):
    requires = importlib.metadata.requires("doubles_ffi")
    always = {requirement for requirement in requires if ";" not in requirement}
    found = {requirement.replace(" ", "") for requirement in recipe["requirements"]["run"]}
    assert found == {*always, "python"}


def test_it_compiles_rust_and_c(recipe):
    compilers = [requirement.split("_")[0] for requirement in recipe["requirements"]["build"]]
    assert {"gcc", "rust"} <= set(compilers)


def test_it_ships_the_licences(recipe):
    for file in recipe["about"]["license_file"]:
        assert (RECIPE.parents[1] / file).is_file()
