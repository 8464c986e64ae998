"""Input rich in doubles, and in all that text can hold."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# For tests whose examples share a fixture, as a folder.
share_fixtures = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

# One, two, three and four bytes in UTF-8, neighbours that share bytes, newline, NUL, surrogates.
UNITS = "ab\n\0жЖ€\u20ad𝄞𝄟\U0010ffff"
LONE_SURROGATES = "\ud800\udfff"

runs = st.lists(st.tuples(st.sampled_from(UNITS), st.integers(1, 5)), max_size=60).map(
    lambda runs: "".join(unit * length for unit, length in runs)
)
any_text = st.text(st.characters(exclude_categories=()), max_size=60)

text = runs | st.text(max_size=60)
text_with_lone_surrogates = st.text(UNITS + LONE_SURROGATES, max_size=60) | any_text
binary = (
    st.binary(max_size=600) | runs.map(str.encode) | st.text("ab", max_size=600).map(str.encode)
)
