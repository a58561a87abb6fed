"""What is said of cameras, and of the black areas in their pictures, on the owner's page, in Spanish."""

from collections.abc import Mapping
from typing import Final

_CODECS: Final = ("HEVC", "MJPEG", "MPEG4", "MPEG2VIDEO", "H263", "VP8", "VP9", "AV1")
CAMERAS: Final[Mapping[str, str]] = {
    "The camera ended the stream. It is tried again by itself.": (
        "La cámara terminó el flujo. Se intenta de nuevo sin que usted haga nada."
    ),
    "This camera sends B-frames, which cannot be shown live. Turn them off, or share its other stream.": (
        "Esta cámara envía fotogramas B, que no se pueden mostrar en vivo. Desactívelos, o comparta su otro flujo."
    ),
    "This address gives no video. Check the path.": "Esta dirección no da video. Revise la ruta.",
    **{
        f"This camera sends {codec}. Set this stream to H.264, or share a stream that is.": (
            f"Esta cámara envía {codec}. Ponga este flujo en H.264, o comparta uno que lo sea."
        )
        for codec in _CODECS
    },
    "The camera signs in by SHA-256 only. Turn on digest sign-in by MD5 in its settings as well.": (
        "La cámara solo acepta el acceso por SHA-256. Active también el acceso digest por MD5 en su configuración."
    ),
    "The camera refused the user name or password. Nothing is tried again until you change them.": (
        "La cámara rechazó el usuario o la contraseña. No se intenta de nuevo hasta que usted los cambie."
    ),
    "The camera answers, but has no stream at this path.": (
        "La cámara responde, pero no tiene ningún flujo en esta ruta."
    ),
    "The camera refuses to send this way. Leave its transport at auto in the agent's settings.": (
        "La cámara se niega a enviar de esta manera. Deje su transporte en auto en la configuración del agente."
    ),
    "It sends no sound.": "No envía sonido.",
    "Its sound is G.711. It leaves only in a view that your rules give sound to.": (
        "Su sonido es G.711. Solo sale en una vista a la que sus reglas dan sonido."
    ),
    "Its sound is AAC, made anew as Opus here. It leaves only in a view that your rules give sound to.": (
        "Su sonido es AAC y aquí se hace de nuevo como Opus. Solo sale en una vista a la que sus reglas dan sonido."
    ),
    "Its sound is of a kind that cannot be sent. Set it to G.711 or AAC to share it.": (
        "Su sonido es de un tipo que no se puede enviar. Póngalo en G.711 o AAC para compartirlo."
    ),
    "The camera is connected and sends no pictures. It is tried again by itself; if that does not help, restart it.": (
        "La cámara está conectada y no envía imágenes. Se intenta de nuevo sin que usted haga nada; "
        "si eso no ayuda, reiníciela."
    ),
    "The camera stopped answering. It is tried again by itself.": (
        "La cámara dejó de responder. Se intenta de nuevo sin que usted haga nada."
    ),
    "Live pictures are made anew on this machine, as the camera's cannot be shown: that costs it work.": (
        "Las imágenes en vivo se hacen de nuevo en esta máquina, pues las de la cámara no se pueden mostrar: "
        "eso le da trabajo."
    ),
    "Streams made anew on this machine now: %(busy)d of at most %(most)d.": (
        "Flujos que esta máquina hace de nuevo ahora: %(busy)d, de %(most)d como máximo."
    ),
    "Its black areas were drawn on a picture of another shape. Draw them anew.": (
        "Sus áreas en negro se dibujaron sobre una imagen de otra forma. Dibújelas de nuevo."
    ),
    "When it was last shown its black areas could not be painted: that view ended. The agent's log says why.": (
        "Cuando se mostró por última vez no se pudieron pintar sus áreas en negro: esa vista terminó. "
        "El registro del agente dice por qué."
    ),
    "This camera sent what cannot be read. It is tried again by itself.": (
        "Esta cámara envió algo que no se puede leer. Se intenta de nuevo sin que usted haga nada."
    ),
    "The camera cannot be reached. It is tried again by itself.": (
        "No se puede llegar a la cámara. Se intenta de nuevo sin que usted haga nada."
    ),
}
AREAS: Final[Mapping[str, str]] = {
    "Black areas": "Áreas en negro",
    (
        "A rule may ask that areas are black. Only areas drawn here can be; a view that asks for another one is not "
        "shown. Black areas cost this machine work: every picture is made anew."
    ): (
        "Una regla puede pedir áreas en negro. Solo pueden serlo las que se dibujan aquí; una vista que pide otra no "
        "se muestra. Las áreas en negro dan trabajo a esta máquina: cada imagen se hace de nuevo."
    ),
    "No areas.": "Sin áreas.",
    "Area": "Área",
    "Name of the area": "Nombre del área",
    "Left edge": "Borde izquierdo",
    "Top edge": "Borde de arriba",
    "Right edge": "Borde derecho",
    "Bottom edge": "Borde de abajo",
    "Draw an area of %(camera)s": "Dibujar un área de %(camera)s",
    "Draw…": "Dibujar…",
    "Remove %(area)s": "Quitar %(area)s",
    "%(left)s to %(right)s %% across, %(top)s to %(bottom)s %% down": (
        "de %(left)s a %(right)s %% a lo ancho, de %(top)s a %(bottom)s %% hacia abajo"
    ),
    "draw a black area": "dibujar un área en negro",
    "remove a black area": "quitar un área en negro",
    "You drew a black area": "Usted dibujó un área en negro",
    "You removed a black area": "Usted quitó un área en negro",
    "Give four numbers, 0 to 100 percent.": "Dé cuatro números, de 0 a 100 por ciento.",
    "The right edge lies right of the left one, the bottom edge below the top one.": (
        "El borde derecho queda a la derecha del izquierdo, el de abajo debajo del de arriba."
    ),
    "There is no area of this name.": "No hay ningún área con este nombre.",
    "There is no such camera.": "No existe esa cámara.",
    "This camera's picture was not seen yet. It is being opened; try again in ten seconds.": (
        "Todavía no se vio la imagen de esta cámara. Se está abriendo; intente de nuevo en diez segundos."
    ),
    "Another area of this camera has these letters and digits already; give this one others.": (
        "Otra área de esta cámara ya tiene estas letras y cifras; dé otras a esta."
    ),
    "Give the area a name of a few letters; a camera has at most 16 areas.": (
        "Dé al área un nombre de pocas letras; una cámara tiene como máximo 16 áreas."
    ),
    "An area has 3 to 32 corners.": "Un área tiene de 3 a 32 esquinas.",
    "Every corner lies in the picture: 0 to 100 percent.": (
        "Cada esquina queda dentro de la imagen: de 0 a 100 por ciento."
    ),
    "An area covers something: its corners lie on one line.": (
        "Un área cubre algo: sus esquinas están en una sola línea."
    ),
    "The picture has no shape.": "La imagen no tiene forma.",
}
