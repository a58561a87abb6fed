"""Which mailer the settings ask for: a server, or the spool folder."""

from gateway.app.settings import Settings
from gateway.identity import Mailer, SmtpMailer, SmtpServer, SpoolMailer
from partner_agent.wire.clock import Clock
from partner_agent.wire.ids import IdSource

SPOOL = "spool"


def build_mailer(settings: Settings, *, clock: Clock, ids: IdSource) -> Mailer:
    """SMTP when a server is named, else files in `state_dir/spool`."""
    if not settings.smtp_host:
        return SpoolMailer(settings.state_dir / SPOOL, sender=settings.mail_from, clock=clock, ids=ids)
    server = SmtpServer(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_tls,
        user=settings.smtp_user,
        password_file=settings.smtp_password_file,
    )
    return SmtpMailer(server, sender=settings.mail_from, clock=clock, ids=ids)
