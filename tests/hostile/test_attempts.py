"""Each attempt of each batch, twice: behind its wall it fails, for each who calls; without, it succeeds."""

from collections.abc import Callable

import agent
import container
import kernel
import pytest
from attempt import Batch

BATCHES: list[Batch] = [*kernel.BATCHES, *agent.BATCHES]

EACH = [
    pytest.param(batch, attempt.name, id=f"{batch.name}-{attempt.name}")
    for batch in BATCHES
    for attempt in batch.attempts
]


@pytest.fixture(scope="session")
def held(root: container.Caller, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Batch], container.Sight]:
    """What is seen of a batch with Longshore; each is run once."""
    seen: dict[str, container.Sight] = {}

    def look(batch: Batch) -> container.Sight:
        if batch.name not in seen:
            seen[batch.name] = container.with_longshore(batch, tmp_path_factory.mktemp("held"), root)
        return seen[batch.name]

    return look


@pytest.fixture(scope="session")
def away(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Batch], container.Sight]:
    """What is seen of a batch without its wall; each is run once."""
    seen: dict[str, container.Sight] = {}

    def look(batch: Batch) -> container.Sight:
        if batch.name not in seen:
            seen[batch.name] = container.without_wall(batch, tmp_path_factory.mktemp("away"))
        return seen[batch.name]

    return look


@pytest.mark.parametrize(("batch", "name"), EACH)
def test_its_wall_holds(held: Callable[[Batch], container.Sight], batch: Batch, name: str) -> None:
    sight = held(batch)
    assert not sight.succeeded[name], f"{batch.wall} did not hold: {sight.printed}"


@pytest.mark.parametrize(("batch", "name"), EACH)
def test_it_succeeds_without_its_wall(away: Callable[[Batch], container.Sight], batch: Batch, name: str) -> None:
    sight = away(batch)
    assert sight.succeeded[name], f"it proves nothing, as it fails without {batch.wall} too: {sight.printed}"
