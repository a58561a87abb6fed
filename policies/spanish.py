"""What `policies.words` says, in Spanish as it is written in US cities: plain, short, "usted".

Each text stands for the English one beside it and says the same of the same rules; `tests/policies/test_spanish.py`
goes through every rule there can be. Two things differ by grammar: several agencies take the plural of the verb, and
"y" becomes "e" before an i.
"""

from collections.abc import Mapping
from typing import Final

from policies.voice import Tongue


def conjunction(last: str) -> str:
    """Whether "y" or "e" joins `last` on: "e" before an i as in "incendios" or "Hidalgo", not in "hielo"."""
    word = last.lstrip("“\"'¿¡").lower()
    if word.startswith(("i", "í", "hi", "hí")) and not word.startswith(("ia", "ie", "io", "hia", "hie", "hio")):
        return "{some} e {last}"
    return "{some} y {last}"


_SENTENCES: Final[Mapping[str, str]] = {
    "{who} can {what}{details}.": "{who} puede {what}{details}.",
    "{who} can never {what}{details}.": "{who} nunca puede {what}{details}.",
    "{who} gets nothing from {cameras}, ever{details}.": "{who} no recibe nada de {cameras}, nunca{details}.",
    "All of this only for {purposes}.": "Todo esto solo en casos de {purposes}.",
    "Nothing is shared from {cameras}.": "De {cameras} no se comparte nada.",
    "No camera is shared.": "No se comparte ninguna cámara.",
    "Within 24 hours, all looks together: at most {live} live and {clips} of recordings.": (
        "En 24 horas, todo junto: como máximo {live} en vivo y {clips} de grabaciones."
    ),
    "You are told each time.": "Se le avisa a usted cada vez.",
    "You are told once a day.": "Se le avisa a usted una vez al día.",
    "Passkeys are named that may approve sharing more.": (
        "Se indican las llaves de acceso que pueden aprobar que se comparta más."
    ),
    # whom
    "{agency}": "{agency}",
    "The unit {part} of {agency}": "La unidad {part} de {agency}",
    "A {part} of {agency}": "Un {part} de {agency}",
    "An {part} of {agency}": "Un {part} de {agency}",
    "{agency}, {part}": "{agency}, {part}",
    "fire service": "bomberos",
    "medical service": "servicio médico",
    "emergency management": "manejo de emergencias",
    "transport": "transporte",
    "operator": "operador",
    "supervisor": "supervisor",
    "compliance": "responsable de cumplimiento",
    "Every agency of your agreement": "Cada agencia de su acuerdo",
    "The agency of your agreement": "La agencia de su acuerdo",
}
_OF_MANY: Final[Mapping[str, str]] = {
    "{who} can {what}{details}.": "{who} pueden {what}{details}.",
    "{who} can never {what}{details}.": "{who} nunca pueden {what}{details}.",
    "{who} gets nothing from {cameras}, ever{details}.": "{who} no reciben nada de {cameras}, nunca{details}.",
}
_ACTS: Final[Mapping[str, str]] = {
    "see {cameras} on the map": "ver {cameras} en el mapa",
    "see it on the map": "ver dónde está en el mapa",
    "watch {cameras} live": "ver {cameras} en vivo",
    "watch live": "ver en vivo",
    "listen live at {cameras}": "escuchar en vivo en {cameras}",
    "listen": "escuchar",
    "move {cameras}": "mover {cameras}",
    "move the camera": "mover la cámara",
    "take stills of {cameras}": "tomar fotos de {cameras}",
    "take stills": "tomar fotos",
    "play recordings of {cameras}": "ver grabaciones de {cameras}",
    "play recordings": "ver grabaciones",
    "ask you for clips of {cameras}": "pedirle a usted clips de {cameras}",
    "ask you for clips": "pedirle a usted clips",
    "receive clips of {cameras}": "recibir clips de {cameras}",
    "receive clips": "recibir clips",
    "keep recordings of {cameras} from being overwritten": "hacer que no se borren las grabaciones de {cameras}",
    "keep them from being overwritten": "hacer que no se borren",
    "hand pictures of {cameras} on to other agencies": "pasar imágenes de {cameras} a otras agencias",
    "hand them on to other agencies": "pasarlas a otras agencias",
}
_CONDITIONS: Final[Mapping[str, str]] = {
    "only when you say yes, each time": "solo cuando usted dice que sí, cada vez",
    "only while the alarm button of this site is on": "solo mientras el botón de alarma de este lugar está activado",
    "only as emergency access by two people": "solo como acceso de emergencia de dos personas",
    "only for an incident nearby, within {distance}": "solo por un incidente cercano, a menos de {distance}",
    "only for an incident anywhere": "solo por un incidente en cualquier lugar",
    "called in to the 911 centre": "reportado al centro del 911",
    "reported by an alarm or a sensor": "avisado por una alarma o un sensor",
    "opened by an operator": "abierto por un operador",
    "planned as an event": "planeado como evento",
    "also one that an operator opened": "también uno que abrió un operador",
    "also one that moves towards you": "también uno que se mueve hacia usted",
    " or ": " o ",
}
_TIMES: Final[Mapping[str, str]] = {
    "from {date}": "desde {date}",
    "until {date}": "hasta {date}",
    "{n} days": "{n} días",
    "{n} hours": "{n} horas",
    "{n} minutes": "{n} minutos",
    "{n} seconds": "{n} segundos",
    "Mon": "lun",
    "Tue": "mar",
    "Wed": "mié",
    "Thu": "jue",
    "Fri": "vie",
    "Sat": "sáb",
    "Sun": "dom",
}
_DISTANCES: Final[Mapping[str, str]] = {
    "1 mile": "1 milla",
    "{miles} miles": "{miles} millas",
    "{feet} ft": "{feet} pies",
    "{feet} ft, about {blocks} blocks": "{feet} pies, unas {blocks} cuadras",
}
_PURPOSES: Final[Mapping[str, str]] = {
    "for {purposes}": "en casos de {purposes}",
    "danger to life": "peligro para la vida",
    "violent crime": "delitos violentos",
    "burglary and theft": "robos y hurtos",
    "traffic": "tránsito",
    "missing people": "personas desaparecidas",
    "fire": "incendios",
    "medical emergencies": "emergencias médicas",
    "storms and dangerous substances": "tormentas y sustancias peligrosas",
    "public events": "eventos públicos",
    "investigations": "investigaciones",
    "immigration enforcement": "control migratorio",
    "watching protest": "vigilancia de protestas",
    "following who seeks health care": "seguimiento de quien busca atención médica",
}
_LIMITS: Final[Mapping[str, str]] = {
    "at most {time} at a time": "como máximo {time} cada vez",
    "pictures at most {n} lines high": "con imágenes de {n} líneas como máximo",
    "at most {time} of recording, not older than {age}": "como máximo {time} de grabación, de hasta {age} atrás",
    "not more than {time} before or after the incident was opened": (
        "no más de {time} antes o después de abrirse el incidente"
    ),
    "nothing recorded before {date}": "nada grabado antes de {date}",
    "for at most {time}": "por {time} como máximo",
    "live only with {n} areas black that are drawn on site, and not at all until they are": (
        "en vivo solo con {n} áreas en negro dibujadas en el lugar, y nada en vivo hasta que lo estén"
    ),
    "recordings watched only with {n} areas black that are drawn on site, and not at all until they are": (
        "ver grabaciones solo con {n} áreas en negro dibujadas en el lugar, y ninguna hasta que lo estén"
    ),
    "recordings as a file only as far as you say on site that they may go without the {n} masked areas": (
        "grabaciones como archivo solo si usted dice en el lugar que pueden ir sin las {n} áreas tapadas"
    ),
}
_REASONS: Final[Mapping[str, str]] = {
    "The site would belong to another organisation.": "El lugar pertenecería a otra organización.",
    "The agreement changes.": "El acuerdo cambia.",
    "Who may approve changes is changed.": "Cambia quién puede aprobar cambios.",
    "Who may answer requests, and nothing else, is changed.": "Cambia quién puede responder solicitudes, y nada más.",
    "The waiting time before a change counts becomes shorter.": "Se acorta la espera antes de que valga un cambio.",
    "The city's ordinance pack changes.": "Cambian las normas de la ciudad.",
    "The agreement covers more, or longer.": "El acuerdo abarca más, o por más tiempo.",
    "The limits for the whole site are raised.": "Suben los límites de todo el lugar.",
    "A camera is added: {name}.": "Se agrega una cámara: {name}.",
    "The place of a camera changes: {name}.": "Cambia el lugar de una cámara: {name}.",
    "A camera loses a protection, such as “people live here”: {name}.": (
        "Una cámara pierde una protección, como “aquí vive gente”: {name}."
    ),
    "In some cases you are told later, or a mask or watermark is left out.": (
        "En algunos casos se le avisa más tarde, o falta un área tapada o la marca de agua."
    ),
}
SPANISH: Final = Tongue(
    texts={**_SENTENCES, **_ACTS, **_CONDITIONS, **_TIMES, **_DISTANCES, **_PURPOSES, **_LIMITS, **_REASONS},
    of_many=_OF_MANY,
    conjunction=conjunction,
)


def tongue(code: str) -> Tongue:
    """The tongue of a language code; English for what is not spoken here."""
    return SPANISH if code == "es" else Tongue()
