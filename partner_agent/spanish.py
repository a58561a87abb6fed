"""What the owner's page on this machine says, in Spanish as it is written in US cities: plain, short, "usted"."""

from collections.abc import Mapping
from typing import Final

from partner_agent.spanish_cameras import AREAS, CAMERAS

_PAGE: Final[Mapping[str, str]] = {
    "Skip to content": "Ir al contenido",
    "on site": "en el lugar",
    "This page runs on your own machine. The gateway cannot change it.": (
        "Esta página funciona en su propia máquina. El sistema de la ciudad no puede cambiarla."
    ),
    "Your cameras": "Sus cámaras",
    "Confirm": "Confirmar",
    "Connected to": "Conectado con",
    "Not connected to": "Sin conexión con",
    "End the pause": "Terminar la pausa",
    "Clear…": "Resolver…",
    "Pause everything": "Poner todo en pausa",
    "Now": "Ahora",
    "Nobody is watching right now.": "Nadie está mirando ahora.",
    "Live": "En vivo",
    "receives a recording of": "recibe una grabación de",
    "is watching": "mira",
    "is watching and listening at": "mira y escucha en",
    "with sound": "con sonido",
    "looks at the recording of": "mira la grabación de",
    "Recording": "Grabación",
    "Small pictures of a recording were sent": "Se enviaron imágenes pequeñas de una grabación",
    "for %(purpose)s": "por %(purpose)s",
    "incident": "incidente",
    "Waiting for you": "Esperan su respuesta",
    "Nothing needs you.": "Nada lo necesita.",
    "Takes effect in %(minutes)d minutes": "Vale en %(minutes)d minutos",
    "unless you say no.": "a menos que usted diga que no.",
    "Until %(time)s": "Hasta %(time)s",
    "Share more?": "¿Compartir más?",
    "Approve…": "Aprobar…",
    "Say no": "Decir que no",
    "Somebody asks for a recording": "Alguien pide una grabación",
    "Send…": "Enviar…",
    "Send without masks…": "Enviar sin áreas tapadas…",
    "Decline": "Negar",
    "Camera": "Cámara",
    "From": "Desde",
    "To": "Hasta",
    "Who asks": "Quién pide",
    "Person": "Persona",
    "Why": "Por qué",
    "Incident": "Incidente",
    "none": "ninguno",
    "Legal basis": "Base legal",
    "Answer before": "Responda antes de",
    "Somebody asks to watch live": "Alguien pide mirar en vivo",
    "A yes lets them watch once, for at most five minutes. No answer is a no.": (
        "Un sí permite mirar una vez, durante cinco minutos como máximo. No responder es un no."
    ),
    "Let them watch…": "Permitir mirar…",
    "Somebody asks to look at your recording": "Alguien pide mirar su grabación",
    "A yes shows exactly this part, to whoever asked, once, for at most 15 minutes. No answer is a no.": (
        "Un sí muestra exactamente esta parte, a quien la pidió, una vez, durante 15 minutos como máximo. No responder"
        " es un no."
    ),
    "Let them look…": "Permitir mirarla…",
    "Somebody asks for a still picture": "Alguien pide una imagen fija",
    "A yes gives whoever asked one picture of what happens then. No answer is a no.": (
        "Un sí da a quien la pidió una imagen de lo que pase entonces. No responder es un no."
    ),
    "Give one picture…": "Dar una imagen…",
    "Nothing is shared. Choose in the portal what to share; then approve it here.": (
        "No se comparte nada. Elija en el portal qué compartir; después apruébelo aquí."
    ),
    "Version %(number)d. This page decides what is in force.": "Versión %(number)d. Esta página decide qué vale.",
    "What you share": "Lo que comparte",
    "Shared by your rules": "Se comparte según sus reglas",
    "Not shared": "No se comparte",
    "Pause %(camera)s": "Poner %(camera)s en pausa",
    "Resume %(camera)s": "Reanudar %(camera)s",
    "Works": "Funciona",
    "Sharing": "Compartir",
    "Stop or go on": "Detener o seguir",
    "Cameras": "Cámaras",
    "Who looked, and what else happened": "Quién miró, y qué más pasó",
    "The whole record:": "El registro completo:",
    "More": "Más",
    "Less": "Menos",
    "Also": "También",
    "You are about to %(act)s": "Usted va a %(act)s",
    "Go on": "Continuar",
    "Back": "Volver",
    "Code from this agent's terminal": "Código de la terminal de este agente",
    "Site PIN": "PIN del lugar",
}
_ACTS: Final[Mapping[str, str]] = {
    "act": "hacer esto",
    "share more": "compartir más",
    "send a recording": "enviar una grabación",
    "send a recording without masks": "enviar una grabación sin áreas tapadas",
    "let somebody watch live": "permitir que alguien mire en vivo",
    "end the pause": "terminar la pausa",
    "clear a warning": "resolver una advertencia",
    "say no": "decir que no",
    "decline a recording": "negar una grabación",
    "decline a live view": "negar una vista en vivo",
    "let somebody look": "permitir que alguien mire",
    "decline a request to look": "negar que alguien mire",
    "let somebody look at your recording": "permitir que alguien mire su grabación",
    "decline a look at your recording": "negar que alguien mire su grabación",
    "give a still picture": "dar una imagen fija",
    "decline a still picture": "negar una imagen fija",
    "pause": "poner en pausa",
}
_STATES: Final[Mapping[str, str]] = {
    "Paused": "En pausa",
    "Nothing leaves this site. Only you can end the pause, here.": (
        "Nada sale de este lugar. Solo usted puede terminar la pausa, aquí."
    ),
    "Panic is on": "La alarma está activada",
    "It ends by itself.": "Termina sola.",
    "This agent may have been copied or reset": "Puede que este agente se haya copiado o vuelto atrás",
    "Nothing is sent. Clearing this starts again at nothing shared; you approve your rules anew.": (
        "No se envía nada. Resolver esto empieza otra vez sin compartir nada; usted aprueba sus reglas de nuevo."
    ),
    "This machine's clock cannot be trusted": "No se puede confiar en el reloj de esta máquina",
    "Set the clock (NTP); then clear this.": "Ponga en hora el reloj (NTP); después resuelva esto.",
    "A promised log entry did not appear": "Una anotación prometida no apareció en el registro",
    "Nothing is sent until it does. Ask the gateway's operator why; clear this when you are satisfied.": (
        "No se envía nada hasta que aparezca. Pregunte por qué a quien opera el sistema de la ciudad; resuelva esto "
        "cuando la respuesta le baste."
    ),
    "The gateway's log showed two different histories": "El registro de la ciudad mostró dos historias distintas",
    "Nothing is sent. Keep this page: it is evidence. Clear this only when somebody has explained it to you.": (
        "No se envía nada. Guarde esta página: es una prueba. Resuelva esto solo cuando alguien se lo haya explicado."
    ),
    "Refuses the password": "Rechaza la contraseña",
    "Correct it in the agent's settings, then restart the agent.": (
        "Corríjala en la configuración del agente y después reinicie el agente."
    ),
    "Does not answer": "No responde",
    "It sends a whole picture only every few seconds, so a live view may begin late: set that to 1 or 2 seconds.": (
        "Manda una imagen completa cada varios segundos y la vista en vivo puede tardar: póngalo en 1 o 2 segundos."
    ),
    "Live pictures come from its stream for live views.": "Las imágenes en vivo vienen de su flujo para eso.",
    "Live pictures come from its main stream: the one for live views is not H.264, and only that can be shown.": (
        "Las imágenes en vivo vienen de su flujo principal: el otro no es H.264, y solo ese se puede mostrar."
    ),
    "Live pictures come from its main stream: the one for live views has B-frames, which cannot be shown.": (
        "Las imágenes en vivo vienen de su flujo principal: el otro tiene cuadros B, que no se pueden mostrar."
    ),
    "Neither of its streams can be shown live: each needs H.264 without B-frames.": (
        "Ninguno de sus flujos se puede mostrar en vivo: hace falta H.264 sin cuadros B."
    ),
    "Check its power and network.": "Revise su corriente y su red.",
    "Connected, and sends no pictures": "Conectada, y no envía imágenes",
    "Restart the camera.": "Reinicie la cámara.",
    "Not opened yet": "Todavía no se abrió",
}
_JOURNAL: Final[Mapping[str, str]] = {
    "Looked": "Miró",
    "Ended": "Terminó",
    "Broke off": "Se cortó",
    "Refused": "Se negó",
    "Your rules changed": "Sus reglas cambiaron",
    "Sharing more was proposed": "Se propuso compartir más",
    "A change was refused": "Se rechazó un cambio",
    "A change came out of order": "Un cambio llegó fuera de orden",
    "You said no": "Usted dijo que no",
    "A change waits": "Un cambio espera",
    "An approval was refused": "Se rechazó una aprobación",
    "A new owner": "Un nuevo dueño",
    "You answered a request": "Usted respondió una solicitud",
    "Somebody asked to look": "Alguien pidió mirar",
    "A question to you was refused": "Se rechazó una pregunta para usted",
    "A request to look was answered": "Se respondió una solicitud para mirar",
    "A recording is kept": "Se conserva una grabación",
    "A recording is no longer kept": "Ya no se conserva una grabación",
    "A recording was cut": "Se cortó una grabación",
    "A still picture was taken": "Se tomó una foto",
    "A still picture was taken of one of your cameras; the journal says which.": (
        "Se tomó una foto de una de sus cámaras; el diario dice de cuál."
    ),
    "Pause ended": "Terminó la pausa",
    "Panic": "Alarma",
    "Panic ended": "Terminó la alarma",
    "Quarantine": "Agente retenido",
    "A proof of the log was older than what was known, and was asked for again": (
        "Una prueba del registro era anterior a lo conocido y se pidió de nuevo"
    ),
    "A log entry is missing": "Falta una anotación en el registro",
    "The gateway asked for connection checks too often, and was refused": (
        "La pasarela pidió demasiadas revisiones de la conexión, y se le negaron"
    ),
    "The log contradicts itself": "El registro se contradice",
    "Wrong PIN": "PIN equivocado",
    "The site PIN was set": "Se puso el PIN del lugar",
    "You cleared a warning": "Usted resolvió un aviso",
    "Something failed that should not; only what it touched has ended": (
        "Falló algo que no debía fallar; solo terminó lo que dependía de eso"
    ),
    "in {}": "en {}",
    "a view or a recording that was sent": "una vista o una grabación que se enviaba",
    "the end of a view": "el fin de una vista",
    "an order to a recording that was shown": "una orden para una grabación que se mostraba",
    "a connection check": "una revisión de la conexión",
    "the look at the network": "la revisión de la red",
    "a message of the gateway's": "un mensaje del sistema de la ciudad",
    "for {}": "por {}",
    "{} seconds": "{} segundos",
    "because: {}": "porque: {}",
    "at check {}": "en la comprobación {}",
    "you said: {}": "usted dijo: {}",
    "you share less": "usted comparte menos",
    "approved on this machine": "aprobado en esta máquina",
    "approved by passkey, after the wait": "aprobado con llave de acceso, después de la espera",
}
_REFUSALS: Final[Mapping[str, str]] = {
    "This page has another name.": "Esta página tiene otro nombre.",
    "This did not come from this page.": "Esto no vino de esta página.",
    "There is nothing here.": "No hay nada aquí.",
    "There is no such act.": "Esa acción no existe.",
    "Begin again: no code was shown for this.": "Empiece otra vez: no se mostró ningún código para esto.",
    "That code is over. Begin again.": "Ese código ya no vale. Empiece otra vez.",
    "That is not the code in the terminal.": "Ese no es el código de la terminal.",
    "No PIN is set. Run: lenspact-agent pin": "No hay PIN. Ejecute: lenspact-agent pin",
    "Too many wrong tries. Wait 15 minutes.": "Demasiados intentos equivocados. Espere 15 minutos.",
    **{f"Wrong PIN; {n} tries left.": f"PIN equivocado; quedan {n} intentos." for n in range(1, 10)},
    "This proposal is over: somebody said no, or your rules changed since.": (
        "Esta propuesta terminó: alguien dijo que no, o sus reglas cambiaron desde entonces."
    ),
    "This proposal was not approved in time; save it again in the portal.": (
        "Esta propuesta no se aprobó a tiempo; guárdela otra vez en el portal."
    ),
    "The city's rules this proposal names have not arrived yet.": (
        "Las normas de la ciudad que nombra esta propuesta todavía no llegaron."
    ),
    "Clear the warning first; then your rules start again at nothing shared.": (
        "Resuelva primero la advertencia; entonces sus reglas empiezan otra vez sin compartir nada."
    ),
    "It would take the last passkey away. Suspend it instead, or add another one first.": (
        "Quitaría la última llave de acceso. Suspéndala, o agregue otra primero."
    ),
    "Nothing of this name waits for an answer.": "Nada con este nombre espera una respuesta.",
    "This proposal cannot be approved.": "Esta propuesta no se puede aprobar.",
    "There is nothing of this name to clear.": "No hay nada con este nombre que resolver.",
}
TEXTS: Final[Mapping[str, str]] = {**_PAGE, **_ACTS, **_STATES, **_JOURNAL, **_REFUSALS, **CAMERAS, **AREAS}
