/**
 * To be called once a component is drawn for which Python keeps a place of a fixed height, so that nothing below it moves:
 * from now on it is as high as what is in it, and a menu of it may reach beyond it.
 */
export function fillPlace(root) {
  const place = root.getRootNode().host?.closest('[data-testid="stElementContainer"]')
  if (place) Object.assign(place.style, { height: "auto", overflow: "visible" })
}
