"""`lenspact keys`: what is public of the keys, the next key set, new keys, and the root key's way off this machine.

Sites believe only what the root signed. `publish` signs the keys in use for another 90 days; `rotate` makes new ones
first. Both need the root, from its file or from this machine where it was never exported (the demo).
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

from gateway.app.one_writer import only_writer
from gateway.app.services import Services, build_services
from gateway.app.settings import Settings
from gateway.kernel.errors import PreconditionError
from gateway.kernel.keyring import Keyring, RootSigner, export_root, load_root, replace_live_keys
from gateway.sites import is_due
from partner_agent.wire.keyset import KeySet, root_words

Say = Callable[[str], None]


async def show(settings: Settings, say: Say) -> None:
    """Every key by its id, the key set in force, and the words that owners compare."""
    keyring = Keyring.load(_folder(settings))
    say(f"log      {keyring.log.vkey}")
    say(f"root     {keyring.root_public.kid}  {'on this machine' if keyring.root else 'kept elsewhere'}")
    for signer in (keyring.grant, keyring.lease, keyring.promise, keyring.link, keyring.ticket):
        say(f"{signer.role:8} {signer.kid}")
    say(f"words    {' '.join(root_words(keyring.root_public))}")
    async with _services(settings) as services:
        newest = await services.sites.key_sets.newest()
        now = services.clock.now()
        problem = services.sites.key_sets.problem_of(newest, now)
        say("key set  " + (_describe(newest) if newest else "none published"))
        if problem:
            say(f"{problem} Run: lenspact keys publish")
        elif newest and is_due(newest, now):
            say("It ends soon. Run: lenspact keys publish")


async def publish(settings: Settings, say: Say, *, root_file: Path | None) -> None:
    """Sign the keys in use into the next key set.

    Raises:
        PreconditionError: there is no root here and none was named, or it is not the one the sites pinned.
    """
    root = _root(settings, root_file)
    async with _services(settings) as services:
        say("Published key set " + _describe(await services.sites.key_sets.publish(root)))
    say("A running gateway tells connected sites within the hour; the others learn it when they connect.")


async def rotate(settings: Settings, say: Say, *, root_file: Path | None) -> None:
    """Make new keys, then publish them; the log's key stays, for its name and key are pinned by the sites.

    Raises:
        PreconditionError: as `publish`.
        ConflictError: the gateway runs; stop it first.
    """
    _root(settings, root_file)
    with only_writer(settings.state_dir) if settings.is_embedded else nullcontext():
        replace_live_keys(_folder(settings))
        say("New grant, lease, promise, link and ticket keys")
        await publish(settings, say, root_file=root_file)


def take_root_away(settings: Settings, say: Say, *, target: Path) -> None:
    """Move the root key to `target`."""
    export_root(_folder(settings), target)
    say(f"The root key is in {target} and no longer here. Keep it offline; only key sets need it.")


def _describe(key_set: KeySet) -> str:
    ends = min(key.expires_at for key in key_set.keys)
    return f"{key_set.version}, good until {ends:%Y-%m-%d}, for {', '.join(sorted(key_set.hosts))}"


def _root(settings: Settings, root_file: Path | None) -> RootSigner:
    keyring = Keyring.load(_folder(settings))
    root = load_root(root_file) if root_file else keyring.root
    if root is None:
        raise PreconditionError("The root key is not on this machine. Name its file: --root FILE")
    if root.kid != keyring.root_public.kid:
        raise PreconditionError("This is another root key; the sites have pinned the one made at set-up.")
    return root


def _folder(settings: Settings) -> Path:
    return settings.state_dir / "keys"


@asynccontextmanager
async def _services(settings: Settings) -> AsyncIterator[Services]:
    services = build_services(settings)
    try:
        yield services
    finally:
        await services.close()
