"""Each attempt of each batch, twice: behind its wall it fails, for each who calls; without, it succeeds."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import agent
import budgets
import container
import files
import kernel
import network
import protocol
import pytest
import tenants
from attempt import Batch
from container import Sight

MODULES = [kernel, agent, files, network, budgets, tenants, protocol]
BATCHES: list[Batch] = [batch for module in MODULES for batch in module.BATCHES]

# How many containers are at work at a time: most wait for the engine.
AT_A_TIME = 3

ATTEMPTS = [(batch, attempt.name) for batch in BATCHES for attempt in batch.attempts]
AWAY = [pytest.param(batch, name, id=f"{batch.name}-{name}") for batch, name in ATTEMPTS]
HELD = [
    pytest.param(batch, name, who, id=f"{who}-{batch.name}-{name}")
    for who in ("root", "user")
    for batch, name in ATTEMPTS
    if who == "root" or batch.everywhere
]

# What is known of a batch, by who calls, or nobody.
Sights = Callable[[Batch, str | None], Sight]


@pytest.fixture(scope="session")
def sights(
    request: pytest.FixtureRequest, callers: dict[str, container.Caller], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sights]:
    """What is seen of batches; each is run once, those of all selected tests beside one another."""
    chosen = [item.callspec.params for item in request.session.items if hasattr(item, "callspec")]
    wanted = {(params["batch"].name, params.get("who")): params["batch"] for params in chosen if "batch" in params}
    running: dict[tuple[str, str | None], Future[Sight]] = {}
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        for (name, who), batch in wanted.items():
            if who is None:
                running[name, None] = pool.submit(container.without_wall, batch, tmp_path_factory.mktemp(name))
            else:
                caller = callers[who]
                folder = caller.folder(name) or tmp_path_factory.mktemp(name)
                running[name, who] = pool.submit(container.with_longshore, batch, folder, caller)
        yield lambda batch, who: running[batch.name, who].result()
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize(("batch", "name", "who"), HELD)
def test_its_wall_holds(sights: Sights, batch: Batch, name: str, who: str) -> None:
    sight = sights(batch, who)
    assert not sight.succeeded[name], f"{batch.wall} did not hold: {sight.printed}"


@pytest.mark.parametrize(("batch", "name"), AWAY)
def test_it_succeeds_without_its_wall(sights: Sights, batch: Batch, name: str) -> None:
    sight = sights(batch, None)
    assert sight.succeeded[name], f"it proves nothing, as it fails without {batch.wall} too: {sight.printed}"
