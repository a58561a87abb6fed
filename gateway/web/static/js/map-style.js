// The map's look: our own basemaps, colours from the page's tokens so that it follows the theme. No glyph or sprite
// address is named: MapLibre draws labels with the reader's own fonts, and nothing leaves this site.
export const ATTRIBUTION = "© OpenStreetMap contributors";

/** The value of a colour token as the browser resolves it (light-dark() included). */
export function token(name, near) {
  const probe = document.createElement("span");
  probe.hidden = true;
  near.append(probe);
  probe.style.color = `var(--${name})`;
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

const at = (set) => `${location.origin}/tiles/${set}/{z}/{x}/{y}`;
const MAIN = ["motorway", "trunk", "primary"];

export function basemap(near) {
  const c = (name) => token(name, near);
  return {
    version: 8,
    sources: {
      us: { type: "vector", tiles: [at("us")], minzoom: 0, maxzoom: 7 },
      city: { type: "vector", tiles: [at("chicago")], minzoom: 13, maxzoom: 13, bounds: [-87.803, 41.771, -87.583, 41.968] },
    },
    layers: [
      { id: "sea", type: "background", paint: { "background-color": c("map-water") } },
      { id: "land", type: "fill", source: "us", "source-layer": "countries", paint: { "fill-color": c("map-land") } },
      { id: "counties", type: "line", source: "us", "source-layer": "counties", maxzoom: 12, paint: { "line-color": c("line") } },
      { id: "states", type: "line", source: "us", "source-layer": "states", maxzoom: 12, paint: { "line-color": c("line-strong") } },
      { id: "parks", type: "fill", source: "city", "source-layer": "landuse", filter: ["==", ["get", "class"], "park"], paint: { "fill-color": c("map-park") } },
      { id: "water", type: "fill", source: "city", "source-layer": "water", paint: { "fill-color": c("map-water") } },
      { id: "buildings", type: "fill", source: "city", "source-layer": "building", minzoom: 14, paint: { "fill-color": c("map-building") } },
      {
        id: "roads", type: "line", source: "city", "source-layer": "road",
        layout: { "line-cap": "round" },
        paint: {
          "line-color": ["match", ["get", "class"], MAIN, c("map-road-main"), c("map-road")],
          "line-width": ["interpolate", ["linear"], ["zoom"], 12, ["match", ["get", "class"], MAIN, 1.5, 0.5], 17, ["match", ["get", "class"], MAIN, 10, 6]],
        },
      },
      {
        id: "road-names", type: "symbol", source: "city", "source-layer": "road_label", minzoom: 13.5,
        layout: { "text-field": ["get", "name"], "text-size": 12, "symbol-placement": "line" },
        paint: { "text-color": c("map-label"), "text-halo-color": c("map-land"), "text-halo-width": 1.5 },
      },
      {
        id: "place-names", type: "symbol", source: "city", "source-layer": "place_label",
        layout: { "text-field": ["get", "name"], "text-size": 13 },
        paint: { "text-color": c("ink"), "text-halo-color": c("map-land"), "text-halo-width": 1.5 },
      },
    ],
  };
}

/** A circle of `radiusM` metres as a GeoJSON polygon. */
export function circle([lon, lat], radiusM, steps = 64) {
  const north = radiusM / 111_195;
  const east = north / Math.cos((lat * Math.PI) / 180);
  const ring = Array.from({ length: steps + 1 }, (_, i) => {
    const angle = (2 * Math.PI * i) / steps;
    return [lon + east * Math.sin(angle), lat + north * Math.cos(angle)];
  });
  return { type: "Feature", properties: {}, geometry: { type: "Polygon", coordinates: [ring] } };
}
