"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# On a loaded machine any example can be slow, and so can drawing it.
settings.register_profile("doubles", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("doubles")
