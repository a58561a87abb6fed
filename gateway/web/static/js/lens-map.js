// <lens-map>: a place on a map beside form fields. It never holds a value of its own: it reads and writes the fields
// named by `lat`, `lon` and (optionally) `heading`, which do everything without it.
//
//   <lens-map lat="lat" lon="lon" heading="heading" label="Map" data-others="[…]"></lens-map>
//
// Click places, the pin drags, the handle turns the heading. Keyboard: the fields. `data-others` holds points to show for
// orientation ([{"name", "lat", "lon"}]).
import * as maplibre from "../vendor/maplibre/maplibre-gl.mjs";
import { announce } from "./app.js";
import { spoken } from "./words.js";
import { ATTRIBUTION, basemap, token } from "./map-style.js";

const START = { lat: 41.8819, lon: -87.6278, zoom: 13.1 };
const CLOSE_ZOOM = 15.5;
const HANDLE_PX = 56;
const POINTS = ["north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west"];

export const compass = (degrees) => POINTS[Math.round(degrees / 45) % 8];

class LensMap extends HTMLElement {
  connectedCallback() {
    this.fields = Object.fromEntries(
      ["lat", "lon", "heading"].map((name) => [name, document.getElementById(this.getAttribute(name) ?? "")]),
    );
    const canvas = document.createElement("div");
    canvas.className = "map-canvas";
    this.append(canvas);
    const placed = this.#place();
    this.map = new maplibre.Map({
      container: canvas,
      style: basemap(this),
      center: placed ?? [START.lon, START.lat],
      zoom: placed ? CLOSE_ZOOM : START.zoom,
      maxZoom: 19,
      attributionControl: { compact: false, customAttribution: ATTRIBUTION },
      cooperativeGestures: false,
    });
    this.map.addControl(new maplibre.NavigationControl({ showCompass: false }));
    this.map.getCanvas().setAttribute("aria-label", this.getAttribute("label") ?? "Map");
    this.map.on("click", ({ lngLat }) => this.#set(lngLat, true));
    this.map.once("idle", () => this.setAttribute("data-ready", ""));
    this.map.on("load", () => this.#showOthers());
    for (const field of Object.values(this.fields)) field?.addEventListener("input", () => this.#draw(true));
    this.#draw(false);
  }

  disconnectedCallback() {
    this.map?.remove();
  }

  #place() {
    const [lat, lon] = [this.fields.lat, this.fields.lon].map((field) => Number.parseFloat(field?.value ?? ""));
    const isPlace = Math.abs(lat) <= 85 && Math.abs(lon) <= 180; // NaN is no place
    return isPlace ? [lon, lat] : null;
  }

  #set({ lng, lat }, isAnnounced) {
    this.fields.lat.value = lat.toFixed(6);
    this.fields.lon.value = lng.toFixed(6);
    this.#draw(false);
    if (isAnnounced) announce(this.dataset.placed ?? "");
  }

  #draw(follows) {
    const place = this.#place();
    if (!place) return;
    if (!this.pin) {
      const element = document.createElement("div");
      element.className = "map-pin";
      this.pin = new maplibre.Marker({ element, draggable: true }).setLngLat(place).addTo(this.map);
      this.pin.on("drag", () => this.#set(this.pin.getLngLat(), false));
    }
    this.pin.setLngLat(place);
    if (follows) this.map.easeTo({ center: place, zoom: Math.max(this.map.getZoom(), CLOSE_ZOOM), duration: 0 });
    this.#drawHeading();
  }

  #drawHeading() {
    const field = this.fields.heading;
    if (!field) return;
    if (!this.handle) {
      const element = this.pin.getElement();
      this.cone = document.createElement("div");
      this.cone.className = "map-cone";
      this.handle = document.createElement("div");
      this.handle.className = "map-handle";
      this.handle.title = this.dataset.turn ?? "";
      element.append(this.cone, this.handle);
      this.handle.addEventListener("pointerdown", (event) => this.#turn(event));
    }
    const degrees = Number.parseInt(field.value, 10);
    const isKnown = degrees >= 0 && degrees <= 359;
    this.cone.hidden = !isKnown;
    const angle = isKnown ? degrees : 0;
    this.cone.style.transform = `rotate(${angle}deg)`;
    const radians = (angle * Math.PI) / 180;
    this.handle.style.transform = `translate(${Math.sin(radians) * HANDLE_PX}px, ${-Math.cos(radians) * HANDLE_PX}px)`;
  }

  #turn(event) {
    event.preventDefault();
    event.stopPropagation();
    this.handle.setPointerCapture(event.pointerId);
    const move = ({ clientX, clientY }) => {
      const box = this.pin.getElement().getBoundingClientRect();
      const [x, y] = [clientX - (box.left + box.width / 2), clientY - (box.top + box.height / 2)];
      const degrees = Math.round((Math.atan2(x, -y) * 180) / Math.PI + 360) % 360;
      this.fields.heading.value = String(degrees);
      this.#drawHeading();
    };
    const stop = () => {
      this.handle.removeEventListener("pointermove", move);
      announce(`${spoken(compass(Number(this.fields.heading.value)))}, ${this.fields.heading.value}°`);
    };
    this.handle.addEventListener("pointermove", move);
    this.handle.addEventListener("pointerup", stop, { once: true });
    this.handle.addEventListener("pointercancel", stop, { once: true });
  }

  #showOthers() {
    const features = JSON.parse(this.dataset.others || "[]").map(({ name, lat, lon }) => ({
      type: "Feature",
      properties: { name },
      geometry: { type: "Point", coordinates: [lon, lat] },
    }));
    this.map.addSource("others", { type: "geojson", data: { type: "FeatureCollection", features } });
    this.map.addLayer({
      id: "others", type: "circle", source: "others",
      paint: { "circle-radius": 5, "circle-color": token("permitted", this), "circle-stroke-width": 2, "circle-stroke-color": token("surface-raised", this) },
    });
    this.map.addLayer({
      id: "other-names", type: "symbol", source: "others",
      layout: { "text-field": ["get", "name"], "text-size": 12, "text-offset": [0, 1.2], "text-anchor": "top" },
      paint: { "text-color": token("ink", this), "text-halo-color": token("map-land", this), "text-halo-width": 1.5 },
    });
  }
}

customElements.define("lens-map", LensMap);
