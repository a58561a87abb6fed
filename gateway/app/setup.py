"""Set-up: keys, schema and agency, each made once; running it again changes nothing that exists."""

from collections.abc import Callable, Mapping

from gateway.app import schema
from gateway.app.ground import open_keys
from gateway.app.services import Services, build_services
from gateway.app.settings import Settings
from gateway.kernel.database import Database
from gateway.sharing.ordinance_store import SqlOrdinances
from gateway.sharing.ordinances import newest_approved


async def migrate(settings: Settings) -> None:
    """Bring the database to this program's schema."""
    database = Database(settings.database)
    try:
        await schema.upgrade(database.engine)
    finally:
        await database.close()


async def chosen_ordinance(settings: Settings) -> Mapping[str, object] | None:
    """The ordinance pack that two people put in force last; None where nobody did. The database must be migrated."""
    database = Database(settings.database)
    try:
        chosen = newest_approved(await SqlOrdinances(database).proposals())
        return None if chosen is None else chosen.document
    finally:
        await database.close()


async def prepare(settings: Settings, *, say: Callable[[str], None] = lambda _line: None) -> Services:
    """Everything a first start needs; returns the services, which the caller closes."""
    settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    open_keys(settings)
    say("Keys: in " + str(settings.state_dir / "keys"))
    await migrate(settings)
    say("Database: at this program's schema")
    services = build_services(settings, ordinance=await chosen_ordinance(settings))
    if services.keyring.root:  # later sets are signed with `lenspact keys publish`, once it is kept elsewhere
        await services.sites.key_sets.ensure_current()
    agency = await services.identity.people.ensure_agency(settings.agency_name)
    say(f"Agency: {agency.name}")
    return services
