"""Set-up: keys, schema and agency, each made once; running it again changes nothing that exists."""

from collections.abc import Callable

from gateway.app import schema
from gateway.app.ground import open_keys
from gateway.app.services import Services, build_services
from gateway.app.settings import Settings
from gateway.kernel.database import Database
from gateway.kernel.errors import PreconditionError
from policies.fields import PolicyError


async def migrate(settings: Settings) -> None:
    """Bring the database to this program's schema."""
    database = Database(settings.database)
    try:
        await schema.upgrade(database.engine)
    finally:
        await database.close()


async def obey(services: Services) -> None:
    """Decide by the ordinance pack that two people approved last; the database must be migrated.

    Raises:
        PreconditionError: it is not whole for this version of the program, so the gateway does not start; the services
            are closed.
    """
    try:
        await services.ordinance.take_over()
    except PolicyError as error:
        await services.close()
        raise PreconditionError(f"The rules of this gateway cannot be loaded: {error}.") from error


async def prepare(settings: Settings, *, say: Callable[[str], None] = lambda _line: None) -> Services:
    """Everything a first start needs; returns the services, which the caller closes."""
    settings.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    open_keys(settings)
    say("Keys: in " + str(settings.state_dir / "keys"))
    await migrate(settings)
    say("Database: at this program's schema")
    services = build_services(settings)
    await obey(services)
    if services.keyring.root:  # later sets are signed with `lenspact keys publish`, once it is kept elsewhere
        await services.sites.key_sets.ensure_current()
    agency = await services.identity.people.ensure_agency(settings.agency_name)
    say(f"Agency: {agency.name}")
    return services
