// <lens-scene>: the incident, its radius and the cameras around it. The list beside it does everything the map does; they
// share one selection: `choose(id)` here, `lens-choose` {id} from here.
//
//   data-place="[lon, lat]" data-radius="400" data-cameras='[{id, name, lat, lon, heading, state}]'
//   data-squares='[{lat, lon, count}]'   cameras that are shown only as a number
import * as maplibre from "../vendor/maplibre/maplibre-gl.mjs";
import { ATTRIBUTION, basemap, circle, token } from "./map-style.js";

const START = { center: [-87.6278, 41.8819], zoom: 13.1 };
const ZOOM = 15.2;
const HALF_CELL = 0.005; // degrees: squares are 0.01 wide
const SHAPES = { available: "permitted", available_if: "ask", not_available: "unavailable", known: "permitted" };

const point = ({ lon, lat, ...properties }) => ({ type: "Feature", properties, geometry: { type: "Point", coordinates: [lon, lat] } });
const square = ({ lon, lat, count }) => ({
  type: "Feature",
  properties: { count },
  geometry: {
    type: "Polygon",
    coordinates: [[[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]].map(([x, y]) => [lon + x * HALF_CELL, lat + y * HALF_CELL])],
  },
});
const collection = (features) => ({ type: "geojson", data: { type: "FeatureCollection", features } });

class LensScene extends HTMLElement {
  connectedCallback() {
    const canvas = document.createElement("div");
    canvas.className = "map-canvas";
    this.append(canvas);
    this.place = this.dataset.place ? JSON.parse(this.dataset.place) : null;
    this.cameras = JSON.parse(this.dataset.cameras || "[]");
    this.map = new maplibre.Map({
      container: canvas,
      style: basemap(this),
      ...(this.place ? { center: this.place, zoom: ZOOM } : START),
      maxZoom: 19,
      attributionControl: { compact: false, customAttribution: ATTRIBUTION },
    });
    this.map.addControl(new maplibre.NavigationControl({ showCompass: false }));
    this.map.getCanvas().setAttribute("aria-label", this.getAttribute("label") ?? "");
    this.map.on("load", () => this.#draw());
    this.map.once("idle", () => this.setAttribute("data-ready", ""));
  }

  disconnectedCallback() {
    this.map?.remove();
  }

  choose(id) {
    const camera = this.cameras.find((c) => c.id === id);
    if (!camera || !this.map.getLayer("chosen")) return;
    this.map.setFilter("chosen", ["==", ["get", "id"], id]);
    if (!this.map.getBounds().contains([camera.lon, camera.lat])) this.map.easeTo({ center: [camera.lon, camera.lat], duration: 0 });
  }

  #draw() {
    const c = (name) => token(name, this);
    const map = this.map;
    if (this.place) {
      map.addSource("reach", { type: "geojson", data: circle(this.place, Number(this.dataset.radius)) });
      map.addLayer({ id: "reach", type: "fill", source: "reach", paint: { "fill-color": c("accent"), "fill-opacity": 0.08 } });
      map.addLayer({ id: "reach-edge", type: "line", source: "reach", paint: { "line-color": c("accent"), "line-width": 2, "line-dasharray": [2, 2] } });
    }
    map.addSource("squares", collection(JSON.parse(this.dataset.squares || "[]").map(square)));
    map.addLayer({ id: "squares", type: "fill", source: "squares", paint: { "fill-color": c("unavailable"), "fill-opacity": 0.2, "fill-outline-color": c("unavailable") } });
    map.addLayer({ id: "counts", type: "symbol", source: "squares", layout: { "text-field": ["to-string", ["get", "count"]], "text-size": 14 }, paint: this.#ink() });
    map.addSource("cameras", collection(this.cameras.map(point)));
    const colour = ["match", ["get", "state"], ...Object.entries(SHAPES).flatMap(([state, name]) => [state, c(name)]), c("unavailable")];
    map.addLayer({ id: "chosen", type: "circle", source: "cameras", filter: ["==", ["get", "id"], ""], paint: { "circle-radius": 14, "circle-color": c("focus"), "circle-opacity": 0.5 } });
    // full: available; ring: available if …; small: not available. Shape first, colour second.
    map.addLayer({
      id: "cameras", type: "circle", source: "cameras",
      paint: {
        "circle-radius": ["match", ["get", "state"], "not_available", 4, 7],
        "circle-color": ["match", ["get", "state"], "available_if", c("surface-raised"), colour],
        "circle-stroke-width": 3, "circle-stroke-color": ["match", ["get", "state"], "available_if", c("ask"), c("surface-raised")],
      },
    });
    map.addLayer({ id: "names", type: "symbol", source: "cameras", minzoom: 15, layout: { "text-field": ["get", "name"], "text-size": 12, "text-offset": [0, 1.3], "text-anchor": "top", "text-optional": true }, paint: this.#ink() });
    if (this.place) this.#markIncident();
    map.on("click", "cameras", ({ features }) => this.#emit(features[0].properties.id));
    map.on("mouseenter", "cameras", () => (map.getCanvas().style.cursor = "pointer"));
    map.on("mouseleave", "cameras", () => (map.getCanvas().style.cursor = ""));
  }

  #markIncident() {
    const element = document.createElement("div");
    element.className = "map-incident";
    new maplibre.Marker({ element }).setLngLat(this.place).addTo(this.map);
  }

  #ink() {
    return { "text-color": token("ink", this), "text-halo-color": token("map-land", this), "text-halo-width": 1.5 };
  }

  #emit(id) {
    this.dispatchEvent(new CustomEvent("lens-choose", { detail: { id }, bubbles: true }));
  }
}

customElements.define("lens-scene", LensScene);
