"""What holds for all tests."""

from hypothesis import HealthCheck, Phase, settings

# On a loaded machine any example can be slow, and so can drawing it.
settings.register_profile("doubles", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Where a failing example is enough, however long, and every run draws the same ones.
settings.register_profile(
    "mutants",
    settings.get_profile("doubles"),
    phases=[Phase.explicit, Phase.generate],
    derandomize=True,
)
settings.load_profile("doubles")
